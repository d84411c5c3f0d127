// What goes on inside the process that generates, without the process.

import assert from "@std/assert";
import { readConfiguration } from "../../../runs/configuration.ts";
import { GenerateRequest } from "../../../runs/spec/generate.ts";
import { GenerationEngine } from "../../../runs/worker/generation_engine.ts";
import { GenerationServer } from "../../../runs/worker/generation_process.ts";
import type { Job, Reply } from "../../../runs/worker/generation_protocol.ts";
import { makeTinyHome } from "../tiny_home.ts";

function job(changes: object = {}): Job {
  const spec = { model: "tiny", backend: "cpu", prompts: [[1, 2]], max_new_tokens: 5, ...changes };
  return { kind: "generate", request: { ...GenerateRequest.parse(spec), seed: 1 } };
}

const LONG = job({ num_generations: 1024, max_new_tokens: 29 });

Deno.test("a request that is cancelled while its model is loaded does not begin", async () => {
  await using tiny = await makeTinyHome();
  const engine = new GenerationEngine({ ...readConfiguration(() => undefined), ...tiny });
  const told: Reply[] = [];
  const last = Promise.withResolvers<void>();
  const server = new GenerationServer(engine, (line) => {
    const reply = JSON.parse(line) as Reply;
    told.push(reply);
    if (reply.id === 1 && reply.type === "done") last.resolve();
  });
  server.take({ id: 0, job: LONG });
  // It begins to load the model of the first, and returns.
  const working = server.work();
  server.take({ id: 0, cancel: true });
  server.take({ id: 1, job: job() });
  await last.promise;
  server.stop();
  await working;
  engine.close();
  assert.deepEqual(new Set(told.map(({ id }) => id)), new Set([1]));
});

Deno.test("a process that is told to end while it loads a model for nobody ends", async () => {
  await using tiny = await makeTinyHome();
  const engine = new GenerationEngine({ ...readConfiguration(() => undefined), ...tiny });
  const server = new GenerationServer(engine, () => {});
  server.take({ id: 0, job: LONG });
  const working = server.work();
  server.take({ id: 0, cancel: true });
  server.stop();
  await working;
  engine.close();
});

// The process behind generation: what happens when it dies, when nobody needs it, when the service ends.

import assert from "@std/assert";
import { readConfiguration } from "../../../runs/configuration.ts";
import { GenerateRequest } from "../../../runs/spec/generate.ts";
import {
  GenerationFailedError,
  GenerationService,
} from "../../../runs/worker/generation_service.ts";
import type { Job, JobEvent } from "../../../runs/worker/generation_protocol.ts";
import { makeTinyHome } from "../tiny_home.ts";
import { until } from "../../support/until.ts";

const MAIN = new URL("../../../main.ts", import.meta.url).pathname;

function job(changes: object = {}): Job {
  const request = GenerateRequest.parse({
    model: "tiny",
    backend: "cpu",
    prompts: [[1, 2]],
    max_new_tokens: 5,
    ...changes,
  });
  return { kind: "generate", request: { ...request, seed: 1 } };
}

async function all(events: AsyncIterable<JobEvent>): Promise<JobEvent[]> {
  const found: JobEvent[] = [];
  for await (const event of events) found.push(event);
  return found;
}

const service = (home: string, generationIdle: number) =>
  new GenerationService({
    configuration: { ...readConfiguration(() => undefined), home, generationIdle },
    main: MAIN,
  });

Deno.test("a process that dies fails its requests, and the next request gets another", async () => {
  await using tiny = await makeTinyHome();
  await using generation = service(tiny.home, 60_000);
  const long = { num_generations: 1024, max_new_tokens: 29, ignore_eos: true };
  const events = generation.run(job(long));
  assert.equal((await events.next()).value!.type, "accepted");
  const { pid } = generation;
  Deno.kill(pid!, "SIGKILL");
  await assert.rejects(all(events), (error: Error) => {
    assert(error instanceof GenerationFailedError);
    assert.match(error.message, /SIGKILL/);
    return true;
  });
  const after = await all(generation.run(job()));
  assert.deepEqual([after[0]!.type, after.at(-1)!.type], ["accepted", "delta"]);
  assert.notEqual(generation.pid, pid);
});

Deno.test("a process that nobody needs ends", async () => {
  await using tiny = await makeTinyHome();
  await using generation = service(tiny.home, 50);
  await all(generation.run(job()));
  assert(generation.pid !== undefined);
  await until("the process has ended", () => generation.pid === undefined);
  assert.equal((await all(generation.run(job())))[0]!.type, "accepted");
});

Deno.test("an aborted request ends without its events, others go on", async () => {
  await using tiny = await makeTinyHome();
  await using generation = service(tiny.home, 60_000);
  const stop = new AbortController();
  const long = job({ num_generations: 1024, max_new_tokens: 29, ignore_eos: true });
  const first = generation.run(long, stop.signal);
  await first.next();
  const second = all(generation.run(job()));
  stop.abort();
  assert.deepEqual(await all(first), []);
  assert.equal((await second).at(-1)!.type, "delta");
});

Deno.test("requests that come while the service ends are refused", async () => {
  await using tiny = await makeTinyHome();
  const generation = service(tiny.home, 60_000);
  const events = generation.run(job({ num_generations: 1024, max_new_tokens: 29 }));
  await events.next();
  await generation[Symbol.asyncDispose]();
  await assert.rejects(all(events), GenerationFailedError);
  await assert.rejects(all(generation.run(job())), GenerationFailedError);
});

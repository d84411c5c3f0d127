// POST /v1/generate over a real process. The model `tiny` has no tokeniser and is asked in ids; noregret/tiny
// reads bytes.

import assert from "@std/assert";
import { join } from "@std/path";
import { createCpuBackend } from "../../compute/backend/cpu/cpu_backend.ts";
import { parseModelConfig } from "../../compute/models/config.ts";
import type { LoraMethod } from "../../compute/models/method.ts";
import { createModel, randomWeights } from "../../compute/models/model.ts";
import { trainedFiles } from "../../compute/train/checkpoint.ts";
import { createGenerator } from "../../compute/train/generate.ts";
import { normals } from "../support/random.ts";
import { TINY_CONFIG } from "../runs/tiny_home.ts";
import { makeApp, problemOf } from "./make_app.ts";

type Service = Awaited<ReturnType<typeof makeApp>>;

async function generate(service: Service, body: unknown) {
  const response = await service.post("/v1/generate", body);
  assert.equal(response.status, 200, await response.clone().text());
  return await response.json();
}

/** Stores an adapter of `tiny` whose B is not zero, and gives what it continues a prompt with. */
async function storeAdapter(
  service: Service,
  name: string,
  method: LoraMethod,
  prompt: number[],
): Promise<number[]> {
  const backend = await createCpuBackend({ threads: 1 });
  const config = parseModelConfig(TINY_CONFIG);
  const weights = randomWeights(config, 1, 0.1);
  const model = await createModel({ backend, config, weights, method, dtype: "f32", seed: 3 });
  model.trainable.parameters.forEach(({ value }, i) =>
    backend.write(value, normals(i + name.length, value.shape[0]! * (value.shape[1] ?? 1), 0.3))
  );
  const folder = join(service.home, "adapters", name);
  await Deno.mkdir(folder, { recursive: true });
  for (const [file, bytes] of await trainedFiles(model, "tiny")) {
    await Deno.writeFile(join(folder, file), bytes);
  }
  const sizes = { batch: 1, maxPromptLength: 16, maxCompletionLength: 8 };
  const [completion] = await createGenerator(model, sizes).generate([Uint32Array.from(prompt)], {
    temperature: 0,
  });
  backend.close();
  return [...completion!.ids];
}

const LORA: LoraMethod = { kind: "lora", r: 4, lora_alpha: 8, target_modules: "all", init: "peft" };

Deno.test("POST /v1/generate", async (t) => {
  await using service = await makeApp();

  await t.step("continues texts, the same for the same seed", async () => {
    const request = {
      model: "noregret/tiny",
      backend: "cpu",
      prompts: ["Call me Ishmael. ", "The state of the "],
      num_generations: 2,
      max_new_tokens: 12,
      temperature: 0.9,
      seed: 7,
      logprobs: true,
    };
    const answer = await generate(service, request);
    assert.deepEqual([answer.model, answer.adapter, answer.seed], ["noregret/tiny", null, 7]);
    assert.match(answer.device, /^cpu/);
    assert.deepEqual(
      answer.completions.map(({ prompt, index }: Record<string, number>) => [prompt, index]),
      [[0, 0], [0, 1], [1, 0], [1, 1]],
    );
    for (const { text, ids, logprobs } of answer.completions) {
      const bytes = Uint8Array.from(ids);
      assert.equal(text, new TextDecoder().decode(bytes));
      assert.equal(logprobs.length, ids.length);
      assert(logprobs.every((x: number) => x <= 0));
    }
    assert.deepEqual(answer.usage, { prompt_tokens: 34, completion_tokens: 48, total_tokens: 82 });
    assert.deepEqual(await generate(service, request), answer);
    const { seed, completions } = await generate(service, { ...request, seed: undefined });
    assert(Number.isInteger(seed));
    assert.equal(completions.length, 4);
  });

  await t.step("ends at a stop string, which is not part of the text", async () => {
    const request = {
      model: "noregret/tiny",
      backend: "cpu",
      prompts: ["It was the "],
      max_new_tokens: 60,
      temperature: 0,
    };
    const { completions: [free] } = await generate(service, request);
    const stop = free.text.slice(9, 12);
    const { completions: [stopped] } = await generate(service, { ...request, stop: ["#", stop] });
    assert.equal(stopped.finish_reason, "stop");
    assert.equal(stopped.text, free.text.slice(0, free.text.indexOf(stop)));
    assert.equal(free.finish_reason, "length");
  });

  await t.step("uses stored adapters, side by side with the base", async () => {
    const prompt = [1, 5, 9, 2];
    const expected = [
      await storeAdapter(service, "one", LORA, prompt),
      await storeAdapter(service, "group/two", { ...LORA, r: 2, target_modules: "mlp" }, prompt),
      // Trained in full beside the matrices: it cannot be stacked.
      await storeAdapter(service, "saved", { ...LORA, modules_to_save: ["norm"] }, prompt),
    ];
    const ask = async (adapter?: string) => {
      const answer = await generate(service, {
        model: "tiny",
        adapter,
        backend: "cpu",
        prompts: [prompt],
        temperature: 0,
        max_new_tokens: 8,
        ignore_eos: true,
      });
      assert.equal(answer.completions[0].text, null);
      return answer.completions[0].ids;
    };
    assert.deepEqual(await ask("one"), expected[0]);
    // Those who come while others are served wait for their model, and none is lost.
    const all = await Promise.all(["one", "group/two", undefined, "saved", "one"].map(ask));
    assert.deepEqual([all[0], all[1], all[3], all[4]], [...expected, expected[0]]);
    assert.equal(new Set(all.map(String)).size, 4);
  });

  await t.step("says what is wrong with a request", async () => {
    const good = { model: "tiny", backend: "cpu", prompts: [[1, 2]] };
    const text = { model: "noregret/tiny", backend: "cpu", prompts: ["a"] };
    const cases: [unknown, string, RegExp][] = [
      [{ ...good, model: "tinny" }, "/model", /Unknown model "tinny" \(did you mean "tiny"\?\)/],
      [{ ...good, adapter: "on" }, "/adapter", /Unknown adapter "on" \(did you mean "one"\?\)/],
      [{ ...text, adapter: "one" }, "/adapter", /expected \[4,128\]/],
      [{ ...good, prompts: [] }, "/prompts", /at least 1 items/],
      [{ ...good, prompts: [""] }, "/prompts/0", /at least 1/],
      [{ ...good, prompts: [[]] }, "/prompts/0", /at least 1/],
      [{ ...good, prompts: undefined }, "/prompts", /either prompts or messages/],
      [{ ...good, prompts: ["text"] }, "/prompts/0", /no tokeniser/],
      [{ ...good, prompts: [[64]] }, "/prompts/0", /token 64, the model knows 0 to 63/],
      [{ ...good, prompts: [[1], Array(40).fill(1)] }, "/prompts/1", /40 tokens, expected 1 to 31/],
      [{ ...good, max_new_tokens: 31 }, "/prompts/0", /2 \+ 31 tokens, expected at most 32/],
      [{ ...good, num_generations: 1e6 }, "/num_generations", /at most 1024/],
      [{ ...good, prompts: Array(3).fill([1]), num_generations: 400 }, "/num_generations", /1200/],
      [{ ...good, temperature: -1 }, "/temperature", /at least 0/],
      [{ ...good, top_p: 2 }, "/top_p", /at most 1/],
      [{ ...good, stop: ["x"] }, "/stop", /no tokeniser/],
      [{ ...good, topp: 1 }, "/topp", /did you mean "top_p"/],
      [
        { ...good, messages: [{ role: "user", content: "Hi" }], prompts: undefined },
        "/messages",
        /no chat template/,
      ],
    ];
    for (const [body, path, message] of cases) {
      const { errors } = await problemOf(service.post("/v1/generate", body), 422);
      assert.equal(errors[0].path, path, JSON.stringify(errors));
      assert.match(errors[0].message, message);
    }
  });

  await t.step("a client that goes away frees its place", async () => {
    // How long an eighth of it takes is what another service shows, whose client stays.
    await using other = await makeApp();
    const [goes, stays] = [new AbortController(), new AbortController()];
    const ask = async ({ app }: Service, num_generations: number, { signal }: AbortController) =>
      await app.request("/v1/generate", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({
          model: "noregret/tiny",
          backend: "cpu",
          prompts: ["x"],
          num_generations,
          max_new_tokens: 500,
          ignore_eos: true,
        }),
        signal,
      });
    const long = ask(other, 64, stays).then(() => "64 × 500 tokens");
    // At whatever point it is by then.
    setTimeout(() => goes.abort(), 300);
    await ask(service, 512, goes);
    const next = { model: "tiny", backend: "cpu", prompts: [[1]], max_new_tokens: 2 };
    const short = generate(service, next).then(() => "2 tokens");
    assert.equal(await Promise.race([long, short]), "2 tokens");
    stays.abort();
    await long;
  });
});

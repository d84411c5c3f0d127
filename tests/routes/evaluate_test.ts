import assert from "@std/assert";
import { join } from "@std/path";
import { tinyIds } from "../runs/tiny_home.ts";
import { makeApp, problemOf } from "./make_app.ts";

const NLL = { kind: "nll", dataset: { inline: { input_ids: tinyIds(200, 16) } } };

Deno.test("POST /v1/evaluate", async (t) => {
  await using service = await makeApp();
  const body = { model: "tiny", backend: "cpu", task: NLL };

  await t.step("answers with the NLL of a data set", async () => {
    const response = await service.post("/v1/evaluate", body);
    assert.equal(response.status, 200, await response.clone().text());
    const { model, adapter, seed, device, result } = await response.json();
    assert.deepEqual([model, adapter, seed, result.kind], ["tiny", null, 0, "nll"]);
    assert.match(device, /^cpu/);
    assert.deepEqual([result.tokens, result.examples], [200 * 15, 200]);
    // A random model of 64 tokens knows nothing.
    assert(Math.abs(result.nll.value - Math.log(64)) < 0.5);
  });

  await t.step("tells its progress as server-sent events", async () => {
    const response = await service.post("/v1/evaluate", body, { Accept: "text/event-stream" });
    assert.match(response.headers.get("Content-Type")!, /^text\/event-stream/);
    const text = await response.text();
    const done = [...text.matchAll(/event: progress\ndata: \{"done":(\d+)/g)].map(([, n]) =>
      Number(n)
    );
    assert(done.length >= 2 && done.at(-1) === 200, String(done));
    assert.match(text, /event: result\ndata: .*"kind":"nll"/);
  });

  await t.step(
    "says what is wrong with a row that comes late, and goes on with others",
    async () => {
      const row = (padding: number) =>
        JSON.stringify({ input_ids: [1, 2, 3], padding: "x".repeat(padding) });
      // More than is read at once: in blocks of 256 kB, of which the second cannot be read.
      const lines = [...Array.from({ length: 10 }, () => row(30_000)), "{ broken", row(17_000_000)];
      await Deno.mkdir(join(service.home, "datasets"), { recursive: true });
      await Deno.writeTextFile(join(service.home, "datasets", "late.jsonl"), lines.join("\n"));
      const late = { ...body, task: { kind: "nll", dataset: { file: "late.jsonl" } } };
      const [{ errors }, other] = await Promise.all([
        problemOf(service.post("/v1/evaluate", late), 422),
        service.post("/v1/evaluate", body),
      ]);
      assert.equal(errors[0].path, "/task/dataset");
      assert.match(errors[0].message, /^Cannot parse late\.jsonl:11: /);
      assert.equal(other.status, 200, await other.text());
    },
  );

  await t.step("refuses a model that gives no probabilities", async () => {
    const tiny = join(service.home, "models", "tiny"),
      broken = join(service.home, "models", "broken");
    await Deno.mkdir(broken);
    await Deno.copyFile(join(tiny, "config.json"), join(broken, "config.json"));
    const weights = await Deno.readFile(join(tiny, "model.safetensors"));
    await Deno.writeFile(join(broken, "model.safetensors"), weights.fill(0xff, -4));
    const message = /^Expected weights that give finite probabilities/;
    const model = { ...body, model: "broken" };
    const prompts = { model: "broken", backend: "cpu", prompts: [[1, 2]], max_new_tokens: 3 };
    for (
      const asked of [service.post("/v1/evaluate", model), service.post("/v1/generate", prompts)]
    ) {
      const { errors } = await problemOf(asked, 422);
      assert.equal(errors[0].path, "/model");
      assert.match(errors[0].message, message);
    }
  });

  await t.step("says what is wrong with a request", async () => {
    const accuracy = { kind: "accuracy", dataset: "noregret/grade-school" };
    const cases: [object, string][] = [
      [{ ...body, model: "gone" }, "/model"],
      [{ ...body, adapter: "gone" }, "/adapter"],
      [{ ...body, task: { ...NLL, kind: "loss" } }, "/task/kind"],
      [{ ...body, task: { ...NLL, dataset: "gone" } }, "/task/dataset"],
      [
        { ...body, task: { ...NLL, dataset: { inline: { input_ids: [[1, 99]] } } } },
        "/task/dataset",
      ],
      [{ ...body, task: accuracy }, "/model"],
      [{ ...body, task: { ...accuracy, num_generations: 2, k: [3] } }, "/task/k"],
      [{ ...body, task: { ...accuracy, num_generations: 1e9 } }, "/task/num_generations"],
    ];
    for (const [wrong, path] of cases) {
      const { errors } = await problemOf(service.post("/v1/evaluate", wrong), 422);
      assert.equal(errors[0].path, path, JSON.stringify(errors));
    }
  });
});

import assert from "@std/assert";
import { homePaths } from "../../runs/configuration.ts";
import { tinySpec } from "../runs/tiny_home.ts";
import { makeApp } from "./make_app.ts";

type App = Awaited<ReturnType<typeof makeApp>>;

async function text(service: App, path: string, status = 200): Promise<string> {
  const answer = await service.app.request(path);
  const body = await answer.text();
  assert.equal(answer.status, status, body);
  return body;
}

async function send(service: App, path: string, fields: Record<string, string>, headers = {}) {
  return await service.app.request(`http://localhost${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/x-www-form-urlencoded", ...headers },
    body: String(new URLSearchParams(fields)),
  });
}

const OWN = { Origin: "http://localhost" };

const FORM = {
  model: "tiny",
  "method.kind": "lora",
  "method[lora].r": "4",
  "task.kind": "sft",
  "task[sft].dataset": '{"inline":{"input_ids":[[1,2,3],[4,5,6]]}}',
  max_steps: "3",
};

Deno.test("every page answers with a title, a way to the others and no script of another host", async () => {
  await using service = await makeApp();
  const { run_id } = await (async () => {
    const run = await (await service.post("/v1/runs", tinySpec())).json();
    return { run_id: run.id };
  })();
  const paths = ["/", "/sweeps", "/launch", "/figures", "/capacity", "/data", "/device"];
  for (const path of [...paths, `/runs/${run_id}`, `/compare?id=${run_id}`]) {
    const page = await text(service, path);
    assert(page.startsWith("<!doctype html>"), path);
    assert.match(page, /<title>.+ · noregret<\/title>/, path);
    assert.match(page, /<main id="main">/, path);
    assert.doesNotMatch(page, /(src|href)="(https?:)?\/\//, path);
    assert.doesNotMatch(page, /\[object Object\]|undefined/, path);
  }
});

Deno.test("what a client named is text on a page, never markup", async () => {
  await using service = await makeApp();
  const page = await text(service, "/data?text=%3Cscript%3Ealert(1)%3C/script%3E");
  assert.doesNotMatch(page, /<script>alert/);
  assert.match(await text(service, "/runs/%3Cb%3E", 404), /There is no run/);
});

Deno.test("the form launches a run and leads to it", async () => {
  await using service = await makeApp();
  const answer = await send(service, "/launch", FORM, OWN);
  assert.equal(answer.status, 303, await answer.text());
  const [run] = await service.store.list({ limit: 1 });
  assert.equal(answer.headers.get("Location"), `/runs/${run!.id}`);
  assert.deepEqual([run!.spec.model, run!.spec.max_steps], ["tiny", 3]);
  assert.equal(service.woken(), 1);
});

Deno.test("the form launches a sweep where a field is varied", async () => {
  await using service = await makeApp();
  const vary = "optimizer.learning_rate: 1e-3, 1e-2\nmethod.r: 1, 2, 4";
  const answer = await send(service, "/launch", { ...FORM, vary }, OWN);
  assert.equal(answer.status, 303, await answer.text());
  const page = await text(service, answer.headers.get("Location")!);
  assert.match(page, /0 of 6 runs have ended/);
});

Deno.test("a form that is wrong comes back with what was typed and a note at the field", async () => {
  await using service = await makeApp();
  const answer = await send(service, "/launch", { ...FORM, max_steps: "-7", model: "tinny" }, OWN);
  assert.equal(answer.status, 422);
  const page = await answer.text();
  assert.match(page, /value="-7"/);
  assert.match(page, /Expected at least 1/);
  assert.deepEqual(await service.store.list({ limit: 1 }), []);
  const model = await (await send(service, "/launch", { ...FORM, model: "tinny" }, OWN)).text();
  assert.match(model, /did you mean &quot;tiny&quot;/);
  const vary = await send(service, "/launch", { ...FORM, vary: "no colon" }, OWN);
  assert.match(await vary.text(), /Expected &quot;field: value/);
});

Deno.test("the verdict on a form follows what is typed", async () => {
  await using service = await makeApp();
  const check = async (changes: Record<string, string>) =>
    await (await send(service, "/launch/check", { ...FORM, ...changes }, OWN)).text();
  const small = { "task[sft].max_length": "64", batch_size: "2" };
  const shipped = { model: "noregret/tiny", max_steps: "100", ...small };
  assert.match(await check({ ...shipped, "method[lora].r": "64" }), /The data fit/);
  assert.match(await check({ ...shipped, max_steps: "100000" }), /Limited by capacity/);
  assert.match(await check({ "method[lora].r": "0" }), /method\.r: Expected at least 1/);
});

Deno.test("a form of another site changes nothing", async () => {
  await using service = await makeApp();
  const run = await (await service.post("/v1/runs", tinySpec())).json();
  for (const [path, fields] of [["/launch", FORM], [`/runs/${run.id}/cancel`, {}]] as const) {
    for (const origin of [{ Origin: "https://evil.example" }, {}]) {
      assert.equal((await send(service, path, fields, origin)).status, 403, path);
    }
  }
  assert.equal((await service.store.list({ limit: 9 })).length, 1);
  const own = await send(service, `/runs/${run.id}/cancel`, {}, OWN);
  assert.equal(own.status, 303);
  assert.equal((await service.store.get(run.id))!.status, "cancelled");
});

Deno.test("a figure is asked for with a preset that there is", async () => {
  await using service = await makeApp();
  assert.equal((await send(service, "/figures/1", { preset: "huge" }, OWN)).status, 422);
  assert.equal((await send(service, "/figures/99", { preset: "smoke" }, OWN)).status, 404);
});

Deno.test("the calculator answers from its address", async () => {
  await using service = await makeApp();
  assert.match(await text(service, "/capacity"), /335\.5M/);
  const rewards =
    "/capacity?model=meta-llama/Llama-3.1-8B&r=1&episodes=10000&samples_per_episode=32";
  assert.match(await text(service, rewards), /320k bits of data \(ratio 16\.4\)/);
  assert.match(await text(service, "/capacity"), /No finished run of this model here/);
  const wrong = "/capacity?model=meta-llama/Llama-3.1-8B&examples=-1&tokens_per_example=1";
  assert.match(await text(service, wrong), /dataset/);
});

Deno.test("the data page marks what the loss counts", async () => {
  await using service = await makeApp();
  const page = await text(service, "/data?model=noregret/tiny&text=Call+me");
  assert.match(page, /Example 1, 8 tokens/);
  assert.match(page, /class="counted"/);
  assert.match(await text(service, "/data?dataset=none&model=noregret/tiny"), /role="alert"/);
});

Deno.test("the data page shows what a model sees of a file", async () => {
  await using service = await makeApp();
  const { datasets } = homePaths(service.home);
  await Deno.mkdir(datasets, { recursive: true });
  await Deno.writeTextFile(`${datasets}/<b>mine.jsonl`, '{"text":"Call me Ishmael"}\n');
  const page = await text(service, "/data?model=noregret/tiny&dataset=%3Cb%3Emine.jsonl");
  assert.match(page, /Example 1, 16 tokens/);
  assert.match(page, /<li class="name">&lt;b&gt;mine.jsonl<\/li>/);
  assert.match(
    await text(service, "/data?model=noregret/tiny&dataset=../runs.jsonl"),
    /role="alert"/,
  );
});

Deno.test("the list of runs says why one failed and what one waits for", async () => {
  await using service = await makeApp();
  await service.post("/v1/runs", tinySpec());
  assert.match(await text(service, "/"), /waits for a worker: none is alive/);
});

Deno.test("a comparison of a sweep takes its best runs and says how many there are", async () => {
  await using service = await makeApp();
  const seeds = Array.from({ length: 33 }, (_, seed) => seed);
  const request = { spec: tinySpec(), grid: { seed: seeds } };
  const { id } = await (await service.post("/v1/sweeps", request)).json();
  const page = await text(service, `/compare?sweep=${id}`);
  assert.match(page, /32 of 33 runs, those that are best so far/);
  // The choice of a curve keeps the sweep.
  assert.match(page, new RegExp(`type="hidden" name="sweep" value="${id}"`));
  await text(service, "/compare?sweep=none", 404);
  assert.match(await text(service, "/compare"), /No run is chosen/);
});

Deno.test("charts offer the metrics of the runs that they show", async () => {
  await using service = await makeApp();
  const { id } = await (await service.post("/v1/runs", tinySpec())).json();
  const page = await text(service, `/runs/${id}?metric=kl`);
  assert.match(page, /<option selected>loss</);
  assert.doesNotMatch(page, /<option >kl</);
});

Deno.test("a figure that was asked for can be asked for in another size", async () => {
  await using service = await makeApp();
  assert.equal((await send(service, "/figures/1", { preset: "smoke" }, OWN)).status, 303);
  assert.match(await text(service, "/figures"), /0 of 5 runs, preset smoke/);
  for (const { id } of await service.store.list({ limit: 9 })) {
    await service.store.requestCancel(id);
  }
  const page = await text(service, "/figures");
  assert.match(page, /incomplete/);
  assert.match(page, /<option selected>smoke<.*Go on/);
});

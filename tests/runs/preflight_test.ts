import assert from "@std/assert";
import { join } from "@std/path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { parseModelConfig } from "../../compute/models/config.ts";
import { trainableShapes } from "../../compute/models/method.ts";
import { encodeSafetensors } from "../../compute/models/safetensors.ts";
import { parseRunSpec } from "../../runs/spec/parse_spec.ts";
import { InvalidSpecError, type Problem } from "../../runs/spec/problems.ts";
import type { RunSpecInput } from "../../runs/spec/run_spec.ts";
import { WINDOW_BYTES } from "../../data/load.ts";
import { modelTokenizer } from "../../data/model_tokenizer.ts";
import { type DataSizes, planRun } from "../../runs/worker/check_memory.ts";
import { cpuMemory } from "../../runs/worker/device_memory.ts";
import { preflight } from "../../runs/worker/preflight.ts";
import { smallFile } from "../wasm/tokenizer_fixtures.ts";
import { makeTinyHome, TINY_CONFIG, type TinyHome, tinySpec, tinyWeights } from "./tiny_home.ts";

async function problemsOf(
  tiny: TinyHome,
  changes: Partial<RunSpecInput>,
): Promise<readonly Problem[]> {
  try {
    await preflight(parseRunSpec(tinySpec(changes)), tiny);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidSpecError)) throw error;
    return error.problems;
  }
}

/** Checks that a spec has one problem, at `path`. */
async function expectProblem(
  tiny: TinyHome,
  changes: Partial<RunSpecInput>,
  path: string,
  message: RegExp,
): Promise<Problem> {
  const problems = await problemsOf(tiny, changes);
  assert.deepEqual(problems.map((problem) => problem.path), [path], JSON.stringify(problems));
  assert.match(problems[0]!.message, message);
  return problems[0]!;
}

const task = (changes: Record<string, unknown>) =>
  ({ task: { ...tinySpec().task, ...changes } }) as Partial<RunSpecInput>;

Deno.test("preflight() accepts a spec whose names exist and fit", async () => {
  await using tiny = await makeTinyHome();
  assert.deepEqual(await problemsOf(tiny, {}), []);
});

Deno.test("preflight() names the field that names what is not there, and lists what is", async () => {
  await using tiny = await makeTinyHome();
  const model = await expectProblem(tiny, { model: "tyny" }, "/model", /did you mean "tiny"/);
  assert(model.allowed!.includes("tiny"));
  const lora = (changes: Record<string, unknown>) =>
    ({ method: { kind: "lora", r: 2, ...changes } }) as Partial<RunSpecInput>;
  const target = await expectProblem(
    tiny,
    lora({ target_modules: ["q_proj", "q_prj"] }),
    "/method/target_modules/1",
    /no such module/,
  );
  assert(target.allowed!.includes("q_proj"));
  await expectProblem(
    tiny,
    lora({ modules_to_save: ["embed_tokns"] }),
    "/method/modules_to_save/0",
    /no such module/,
  );
  await expectProblem(
    tiny,
    lora({ target_modules: "atention" }),
    "/method/target_modules",
    /"atention": as a regular expression it takes no module.*"attention"/,
  );
  await expectProblem(
    tiny,
    lora({ target_modules: ["q_proj"], layers_to_transform: [99] }),
    "/method",
    /Cannot take layer 99/,
  );
  await expectProblem(tiny, lora({ init_from: "gone" }), "/method/init_from", /Unknown adapter/);
  const set = await expectProblem(
    tiny,
    task({ dataset: "stdlib/moby-dck" }),
    "/task/dataset",
    /did you mean "stdlib\/moby-dick"/,
  );
  assert(set.allowed!.includes("stdlib/sotu"));
  await expectProblem(
    tiny,
    task({ dataset: { file: "gone.jsonl" } }),
    "/task/dataset/file",
    /Unknown file/,
  );
});

Deno.test("preflight() holds lengths and ids to what the model has", async () => {
  await using tiny = await makeTinyHome();
  await expectProblem(tiny, task({ max_length: 33 }), "/task/max_length", /at most 32/);
  await expectProblem(
    tiny,
    task({ dataset: { inline: { input_ids: [[1, 2], [3, 64]] } } }),
    "/task/dataset/inline/input_ids/1/1",
    /below 64, the size of the vocabulary, but found 64/,
  );
  await expectProblem(
    tiny,
    task({ dataset: { inline: { input_ids: [Array(17).fill(1)] } } }),
    "/task/dataset/inline/input_ids/0",
    /at most 16 tokens/,
  );
  await expectProblem(
    tiny,
    // The first token of a row has nothing before it that could predict it.
    task({ dataset: { inline: { input_ids: [[1, 2]], labels: [[1, -100]] } } }),
    "/task/dataset/inline/labels",
    /Expected a label that counts/,
  );
});

Deno.test("preflight() looks at the first rows of a file", async () => {
  await using tiny = await makeTinyHome();
  await Deno.mkdir(tiny.paths.datasets);
  const check = async (text: string, message: RegExp) => {
    await Deno.writeTextFile(join(tiny.paths.datasets, "a.jsonl"), text);
    await expectProblem(
      tiny,
      task({ dataset: { file: "a.jsonl" } }),
      "/task/dataset/file",
      message,
    );
  };
  await check('{"txt":"a"}\n', /a\.jsonl:1: it has the columns "txt", expected "input_ids"/);
  await check('{"text":"a"}\n{"text":', /a\.jsonl:2/);
  await check('{"input_ids":[1,64]}\n', /a\.jsonl:1: expected "input_ids" to be .* 0 to 63/);
  await check("\n\n", /it has no rows/);
  await check('{"text":"a"}\n', /a\.jsonl:1: it has token 97, the model knows 0 to 63/);
  await check('{"messages":[{"role":"user","content":"1"}]}\n', /the model has no chat template/);
  await check(`{"input_ids":[${Array(18).fill(1)}]}\n`, /has 18 tokens, max_length is 16/);
  await Deno.writeTextFile(join(tiny.paths.datasets, "a.jsonl"), '{"body":"123"}\n');
  const dataset = { file: "a.jsonl", columns: { text: "body" } };
  assert.deepEqual(await problemsOf(tiny, task({ dataset })), []);
});

Deno.test("preflight() looks at the first rows of a packed file, and unpacks no more of it", async () => {
  await using tiny = await makeTinyHome();
  await Deno.mkdir(tiny.paths.datasets);
  const good = '{"input_ids":[1,2,3]}\n'.repeat(50_000), bad = '{"body":"x"}\n'.repeat(20);
  for (const [ending, pack] of [["gz", gzipSync], ["zst", zstdCompressSync]] as const) {
    const file = `a.jsonl.${ending}`, path = join(tiny.paths.datasets, file);
    const spec = task({ dataset: { file } });
    const wrong = (message: RegExp) => expectProblem(tiny, spec, "/task/dataset/file", message);
    await Deno.writeFile(path, pack(bad));
    await wrong(/"?body/);
    await Deno.writeFile(path, pack("{}\nno json\n".repeat(3)));
    await wrong(/:1|:2/);
    await Deno.writeFile(path, pack(""));
    await wrong(/it has no rows/);
    await Deno.writeFile(path, crypto.getRandomValues(new Uint8Array(500)));
    await wrong(/Cannot unpack a\.jsonl\.\w+: .*the file is cut or damaged/);
    await Deno.writeFile(path, pack(good + "no json"));
    assert.deepEqual(await problemsOf(tiny, spec), []);
    assert.deepEqual(Array.from(Deno.readDirSync(tiny.paths.datasets), ({ name }) => name), [file]);
    await Deno.remove(path);
  }
});

Deno.test("preflight() refuses a model whose files are hostile, torn or do not fit", async () => {
  await using tiny = await makeTinyHome();
  const folder = join(tiny.paths.models, "tiny");
  const weights = await tinyWeights();
  const header = (length: bigint, json = "") => {
    const bytes = new Uint8Array(8 + json.length);
    new DataView(bytes.buffer).setBigUint64(0, length, true);
    bytes.set(new TextEncoder().encode(json), 8);
    return bytes;
  };
  const cases: [string, Uint8Array][] = [
    ["a header longer than the file", header(2n ** 63n)],
    ["a header that is no JSON", header(3n, "{{{")],
    [
      "a tensor outside the file",
      header(62n, '{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,99999999]}}  ').slice(0, 70),
    ],
    ["a file cut in the middle", weights.slice(0, weights.length - 100)],
    ["an empty file", new Uint8Array(0)],
  ];
  for (const [name, bytes] of cases) {
    await Deno.writeFile(join(folder, "model.safetensors"), bytes);
    const [problem, ...rest] = await problemsOf(tiny, {});
    assert.equal(problem?.path, "/model", name);
    assert.deepEqual(rest, [], name);
  }
  await Deno.writeFile(join(folder, "model.safetensors"), weights);
  const config = (changes: Record<string, unknown>) =>
    Deno.writeTextFile(
      join(folder, "config.json"),
      JSON.stringify({ ...TINY_CONFIG, ...changes }),
    );
  await config({ intermediate_size: 48 });
  await expectProblem(tiny, {}, "/model", /gate_proj.*\[32,16\].*\[48,16\]/);
  await config({ num_hidden_layers: 1_000_000_000 });
  await expectProblem(tiny, {}, "/model", /1000000000 layers/);
  await config({ hidden_size: -1 });
  await expectProblem(tiny, {}, "/model", /hidden_size/);
  await Deno.writeTextFile(join(folder, "config.json"), "{ not json");
  await expectProblem(tiny, {}, "/model", /config\.json/);
});

Deno.test("a folder beside the models that cannot be read as one takes nothing from the others", async () => {
  await using tiny = await makeTinyHome();
  const { models, adapters } = tiny.paths;
  await Deno.mkdir(adapters);
  for (const folder of [models, adapters]) {
    await Deno.symlink("/nowhere", join(folder, "dangling"));
    await Deno.symlink("circle", join(folder, "circle"));
    await Deno.symlink(".", join(folder, "itself"));
    await Deno.symlink("/", join(folder, "out"));
  }
  await Deno.mkdir(join(models, "folders", "model.safetensors"), { recursive: true });
  await Deno.mkdir(join(models, "folders", "config.json"));
  assert.deepEqual(await problemsOf(tiny, {}), []);
  for (const model of ["dangling", "circle", "itself", "out"]) {
    await expectProblem(tiny, { model }, "/model", /Unknown model/);
    const method = { kind: "lora" as const, r: 4, init_from: model };
    await expectProblem(tiny, { method }, "/method/init_from", /Unknown adapter/);
  }
  await expectProblem(tiny, { model: "folders" }, "/model", /expected a file/);
});

Deno.test("preflight() refuses a model whose files lie elsewhere", async () => {
  await using tiny = await makeTinyHome();
  const folder = join(tiny.paths.models, "tiny");
  const outside = join(tiny.home, "outside.safetensors");
  await Deno.rename(join(folder, "model.safetensors"), outside);
  await Deno.symlink(outside, join(folder, "model.safetensors"));
  await expectProblem(tiny, {}, "/model", /model\.safetensors: expected a file that lies in its/);
});

Deno.test("preflight() goes on from an adapter of the same rank, scale and modules only", async () => {
  await using tiny = await makeTinyHome();
  const folder = join(tiny.paths.adapters, "mine");
  await Deno.mkdir(folder, { recursive: true });
  const method = { kind: "lora" as const, r: 2, lora_alpha: 16, target_modules: ["q_proj"] };
  const shapes = trainableShapes(parseModelConfig(TINY_CONFIG), {
    ...method,
    init: "peft" as const,
  });
  const tensors = new Map(shapes.map(({ name, shape }) => {
    const data = new Float32Array(shape.reduce((product, n) => product * n, 1));
    return [name, { dtype: "F32" as const, shape, data }];
  }));
  await Deno.writeFile(join(folder, "adapter_model.safetensors"), encodeSafetensors(tensors));
  const config = (changes: Record<string, unknown>) =>
    Deno.writeTextFile(
      join(folder, "adapter_config.json"),
      JSON.stringify({
        peft_type: "LORA",
        r: 2,
        lora_alpha: 16,
        target_modules: ["q_proj"],
        ...changes,
      }),
    );
  const from = (changes: Record<string, unknown>) =>
    ({ method: { ...method, init_from: "mine", ...changes } }) as Partial<RunSpecInput>;
  await expectProblem(tiny, from({}), "/method/init_from", /adapter_config\.json: expected a file/);
  await config({ r: undefined });
  await expectProblem(tiny, from({}), "/method/init_from", /"r" is undefined/);
  await config({});
  assert.deepEqual(await problemsOf(tiny, from({})), []);
  await expectProblem(tiny, from({ r: 4 }), "/method/r", /Expected 2, the r of/);
  await expectProblem(tiny, from({ lora_alpha: 32 }), "/method/lora_alpha", /Expected 16/);
  await expectProblem(tiny, from({ target_modules: "all" }), "/method/init_from", /have no "/);
  await expectProblem(tiny, from({ target_modules: ["k_proj"] }), "/method/init_from", /k_proj/);
  await config({ use_rslora: true });
  await expectProblem(tiny, from({}), "/method/init_from", /use_rslora is on/);
  await config({});
  const q = [...tensors.keys()].find((name) => name.includes("layers.1"))!;
  await Deno.writeFile(
    join(folder, "adapter_model.safetensors"),
    encodeSafetensors(new Map([...tensors, [q.replace("q_proj", "o_proj"), tensors.get(q)!]])),
  );
  await expectProblem(tiny, from({}), "/method/init_from", /holds ".*o_proj/);
});

Deno.test("preflight() refuses a tokeniser that is larger than the embedding, where texts are read", async () => {
  await using tiny = await makeTinyHome();
  const folder = join(tiny.paths.models, "tiny");
  await Deno.writeFile(join(folder, "tokenizer.json"), smallFile("roberta"));
  const refusal: Error = await modelTokenizer(folder).then(assert.fail, (error) => error);
  assert.match(refusal.message, /is token 64 of tokenizer\.json/);
  const problem = await expectProblem(tiny, task({ dataset: "stdlib/sotu" }), "/model", /token 64/);
  assert.equal(problem.message, refusal.message);
  assert.deepEqual(await problemsOf(tiny, {}), [], "ids need no tokeniser");
});

Deno.test("preflight() reads a small file as the job will, and plans memory for what is in it", async () => {
  await using tiny = await makeTinyHome();
  await Deno.mkdir(tiny.paths.datasets);
  const path = join(tiny.paths.datasets, "a.jsonl");
  const file = task({ dataset: { file: "a.jsonl" }, eval_dataset: undefined, packing: false });
  const rows = '{"input_ids":[1,2,3]}\n'.repeat(20);
  await Deno.writeTextFile(path, rows + '{"input_ids":[1,64]}\n');
  await expectProblem(tiny, file, "/task/dataset", /a\.jsonl:21: .* 0 to 63/);
  await Deno.writeTextFile(path, rows);
  const spec = parseRunSpec(tinySpec({ ...file, backend: "cpu" }));
  const config = parseModelConfig(TINY_CONFIG);
  const planned = async (sizes?: DataSizes) =>
    (await planRun(spec, config, cpuMemory(), sizes)).total;
  const { cpu } = await preflight(spec, tiny);
  // Four rows of two positions, padded to eight, where sixteen are allowed.
  assert.equal(cpu, await planned({ tokens: 4 * 8, evalTokens: 0 }));
  assert(cpu! < await planned());
});

Deno.test("preflight() refuses a stream without an end", async () => {
  await using tiny = await makeTinyHome();
  await Deno.mkdir(tiny.paths.datasets);
  const path = join(tiny.paths.datasets, "a.jsonl");
  await Deno.writeTextFile(path, '{"input_ids":[1,2,3]}\n'.repeat(8));
  await Deno.truncate(path, WINDOW_BYTES + 1);
  const dataset = { file: "a.jsonl" };
  const endless = { ...task({ dataset }), max_steps: undefined };
  await expectProblem(tiny, endless, "/max_steps", /read as a stream, expected "max_steps"/);
  assert.deepEqual(await problemsOf(tiny, task({ dataset })), []);
  const limited = task({ dataset: { ...dataset, limit: 8 } });
  assert.deepEqual(await problemsOf(tiny, { ...limited, max_steps: undefined }), []);
});

Deno.test("preflight() refuses a grpo task that can ask nothing or verify nothing", async () => {
  await using tiny = await makeTinyHome();
  const grpo = (changes: Record<string, unknown>) =>
    ({
      task: {
        kind: "grpo",
        dataset: "noregret/grade-school-1",
        max_completion_length: 8,
        num_generations: 4,
        ...changes,
      },
    }) as Partial<RunSpecInput>;
  assert.deepEqual(await problemsOf(tiny, grpo({})), []);
  const text = await expectProblem(
    tiny,
    grpo({ dataset: "stdlib/moby-dick" }),
    "/task/dataset",
    /answers that can be verified, but "stdlib\/moby-dick" is text/,
  );
  assert(text.allowed!.includes("openai/gsm8k"));
  await Deno.mkdir(tiny.paths.datasets);
  const rows = (...rows: { question: string; answer: string }[]) =>
    Deno.writeTextFile(
      join(tiny.paths.datasets, "a.jsonl"),
      rows.map((row) => JSON.stringify(row)).join("\n"),
    );
  const file = grpo({ dataset: { file: "a.jsonl" }, num_epochs: 2 });
  const asked = (message: RegExp) => expectProblem(tiny, file, "/task/dataset", message);
  await rows({ question: "1 + 1", answer: "no one\nknows" });
  await asked(/none of its 1 rows has one/);
  await rows({ question: "1".repeat(40), answer: "2" });
  await asked(/the shortest prompt has 42 tokens, there is room for 24/);
  await rows({ question: "1 + 1", answer: "2" });
  assert.deepEqual(await problemsOf(tiny, file), []);
  await expectProblem(
    tiny,
    { ...file, batch_size: 12 },
    "/task/dataset",
    /an update takes 3 problems, 2 epochs have 2/,
  );
  // The model's context is 32: a completion of 32 leaves no room for a prompt.
  await expectProblem(
    tiny,
    grpo({ max_completion_length: 32 }),
    "/task/max_completion_length",
    /at most 31, one less than the context of "tiny", but found 32/,
  );
  await expectProblem(
    tiny,
    grpo({ warm_up: { dataset: { file: "none.jsonl" }, max_steps: 1 } }),
    "/task/warm_up/dataset/file",
    /Unknown file/,
  );
});

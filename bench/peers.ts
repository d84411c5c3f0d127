// Ours beside each peer whose package is at hand, by turns in one run, as one table of ratios:
// deno task bench:peers [--only WORD]
// Every measurement has a process of its own; a peer that is missing is named and left out.

import { parseArgs } from "node:util";
import { PYTHON, pythonHas } from "../tests/support/python.ts";
import { SIZES } from "./sizes.ts";
import { stepArguments, type StepOptions } from "./step_options.ts";

/** A line that a measurement prints. */
type Line = Readonly<Record<string, unknown>>;

/** A process that prints JSON lines, and which of them holds the rate that is compared. */
interface Measurement {
  readonly name: string;
  /** Python modules, for a script of Python; absent: a script of Deno. */
  readonly modules?: readonly string[];
  readonly script: string;
  readonly args?: readonly string[];
  /** Higher is better; undefined for a line that is not meant. */
  readonly rate: (line: Line) => number | undefined;
}

interface Comparison {
  readonly what: string;
  readonly unit: string;
  readonly ours: Measurement;
  readonly peers: readonly Measurement[];
  /** A field that both sides must print alike. */
  readonly same?: string;
}

const field = (name: string) => (line: Line) => line[name] as number | undefined;

const PEFT = ["torch", "transformers", "peft"];

function steps(): Comparison[] {
  return Object.entries(SIZES).map(([size, shape]) => {
    const options: StepOptions = {
      ...shape,
      kvHeads: shape.heads,
      seq: 128,
      r: 8,
      method: "lora",
      dtype: "f32",
      backend: "cpu",
      threads: 2,
    };
    const args = stepArguments(options), rate = field("tokens_per_s");
    return {
      what: `LoRA step, ${size}`,
      unit: "tokens/s",
      ours: { name: "noregret", script: "step.ts", args, rate },
      peers: [{
        name: "PyTorch + PEFT",
        modules: PEFT,
        script: "peers/peft_step.py",
        args,
        rate,
      }],
    };
  });
}

function sampling(): Comparison {
  const args = ["--seq", "256", "--batch", "32", "--threads", "1"], rate = field("tokens_per_s");
  return {
    what: "sampling, d=128 L=4",
    unit: "tokens/s",
    ours: { name: "noregret", script: "generate.ts", args, rate },
    peers: [{
      name: "transformers + PEFT",
      modules: PEFT,
      script: "peers/transformers_generate.py",
      args,
      rate,
    }],
  };
}

const EXPORTER = ["torch", "transformers", "onnx"];

/** Models that generate, and what is exported: one that ships, and random weights. */
const GENERATORS = {
  tiny: ["--model", new URL("../data/models/tiny", import.meta.url).pathname],
  "52M": ["--hidden", "576", "--layers", "12", "--intermediate", "1536", "--vocab", "16384"],
} as const;

/** Greedy generation, until the first token and from there on; all sides read the same folder below `models`. */
function generation(models: string): Comparison[] {
  return [
    ...[1, 8].flatMap((batch) => generationOn("cpu", models, "tiny", batch)),
    ...[1, 8].flatMap((batch) => generationOn("cpu", models, "52M", batch)),
    ...[1, 8].flatMap((batch) => generationOn("webgpu", models, "tiny", batch)),
  ];
}

function generationOn(
  device: "cpu" | "webgpu",
  models: string,
  model: keyof typeof GENERATORS,
  batch: number,
): Comparison[] {
  const cpu = device === "cpu";
  const args = [`${models}/${model}`, "--batch", String(batch), "--device", device];
  if (!cpu) args.push("--tokens", "32");
  return (["prefill", "decode"] as const).map((phase) => {
    const measured = (name: string, script: string, modules?: readonly string[]): Measurement => ({
      name,
      script,
      ...(modules && { modules }),
      args,
      rate: field(`${phase}_per_s`),
    });
    return {
      what: `generation, ${model}, batch ${batch}, ${phase}${cpu ? "" : ", WebGPU"}`,
      unit: "tokens/s",
      ours: measured("noregret", "greedy.ts"),
      peers: [
        measured("transformers.js", "peers/transformers_js_greedy.ts"),
        ...cpu
          ? [measured("PyTorch", "peers/transformers_greedy.py", ["torch", "transformers"])]
          : [],
      ],
      same: "ids",
    };
  });
}

/** Writes what generates into a folder; false where Python cannot. */
async function exportModels(folder: string): Promise<boolean> {
  if (!(await pythonHas(...EXPORTER))) return false;
  const script = new URL("peers/export_onnx.py", import.meta.url).pathname;
  for (const [name, args] of Object.entries(GENERATORS)) {
    if (!(await run(PYTHON, [script, `${folder}/${name}`, ...args]))) return false;
  }
  return true;
}

/** One process measures both sides; each takes the lines of its own provider. */
function shared(
  what: string,
  unit: string,
  script: string,
  args: readonly string[],
  providers: readonly string[],
  rate: string,
): Comparison {
  const of = (provider: string): Measurement => ({
    name: provider,
    script,
    args,
    rate: (line) => String(line.provider).startsWith(provider) ? line[rate] as number : undefined,
  });
  return { what, unit, ours: of("noregret"), peers: providers.map(of) };
}

/** Both on the same adapter, by WebGPU. */
function webgpuProducts(): Comparison[] {
  const sizes = [512, 1024, 2048];
  const args = sizes.map(String);
  return sizes.map((size) => {
    const rate = (line: Line) => line.size === size ? line.gflops as number : undefined;
    return {
      what: `matrix product ${size}³, WebGPU`,
      unit: "GFLOP/s",
      ours: { name: "noregret", script: "gemm_webgpu_bench.ts", args: ["deno", ...args], rate },
      peers: [
        { name: "TensorFlow.js webgpu", script: "peers/tfjs_webgpu_gemm.ts", args, rate },
        { name: "jax-js", script: "peers/jaxjs_gemm.ts", args, rate },
      ],
    };
  });
}

function webgpuStep(): Comparison {
  const options: StepOptions = {
    ...SIZES["d=64 L=2"],
    batch: 4,
    kvHeads: 4,
    seq: 64,
    r: 8,
    method: "lora",
    dtype: "f32",
    backend: "webgpu",
    steps: 5,
  };
  const args = stepArguments(options), rate = field("tokens_per_s");
  return {
    what: "LoRA step, d=64 L=2, 256 tokens, WebGPU",
    unit: "tokens/s",
    ours: { name: "noregret", script: "step.ts", args, rate },
    peers: [{ name: "jax-js", script: "peers/jaxjs_step.ts", args, rate }],
  };
}

const COMPARISONS: readonly Comparison[] = [
  ...steps(),
  {
    what: "matrix product 384³, wasm, one thread",
    unit: "GFLOP/s",
    ours: {
      name: "noregret",
      script: "gemm_bench.ts",
      args: ["1"],
      rate: (line) =>
        line.kernel === "nn" && line.shape === "384×384×384" ? line.gflops as number : undefined,
    },
    peers: [{
      name: "TensorFlow.js wasm",
      script: "peers/tfjs_wasm_gemm.ts",
      args: ["384"],
      rate: field("gflops"),
    }],
  },
  ...webgpuProducts(),
  webgpuStep(),
  sampling(),
  ...["llama3", "qwen3"].map((name) =>
    shared(`tokeniser of ${name}`, "MB/s", "tokenizer_bench.ts", [name], [
      "native",
      "transformers.js",
    ], "mb_s")
  ),
  shared("verifier", "answers/s", "verify_bench.ts", [], ["Math-Verify"], "per_s"),
];

const outputs = new Map<string, Promise<Line[] | undefined>>();

/** The lines of a process; one that was run for another measurement is not run again. */
function linesOf({ modules, script, args = [] }: Measurement): Promise<Line[] | undefined> {
  const file = new URL(script, import.meta.url).pathname;
  const key = [script, ...args].join(" ");
  const started = outputs.get(key) ?? run(modules ? PYTHON : Deno.execPath(), [
    // Peers' packages that are large are named at run time and in no lock file.
    ...(modules ? [] : ["run", "-A", "--no-lock"]),
    file,
    ...args,
  ]);
  outputs.set(key, started);
  return started;
}

async function run(program: string, args: readonly string[]): Promise<Line[] | undefined> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args] }).output();
  if (!success) {
    console.error(`${args.join(" ")}:`, new TextDecoder().decode(stderr).trim().split("\n").at(-1));
    return undefined;
  }
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
}

/** The line that holds a measurement's rate. */
async function lineOf(measurement: Measurement): Promise<Line | undefined> {
  const { modules, rate } = measurement;
  if (modules && !(await pythonHas(...modules))) return undefined;
  return (await linesOf(measurement))?.find((line) => rate(line) !== undefined);
}

const number = (value: number | undefined) =>
  value === undefined ? "–" : value.toLocaleString("en", { maximumSignificantDigits: 4 });

/** Measures both sides and prints a row for each peer. */
async function compare({ what, unit, ours, peers, same }: Comparison): Promise<void> {
  const own = await lineOf(ours), mine = own && ours.rate(own);
  for (const peer of peers) {
    const line = await lineOf(peer), theirs = line && peer.rate(line);
    let ratio = mine !== undefined && theirs !== undefined ? (mine / theirs).toFixed(2) : "–";
    if (same && own && line && JSON.stringify(own[same]) !== JSON.stringify(line[same])) {
      ratio += `, other ${same}`;
    }
    console.log(
      `| ${what} | ${unit} | ${number(mine)} | ${peer.name} | ${
        theirs === undefined ? "not here" : number(theirs)
      } | ${ratio} |`,
    );
  }
}

const { values: { only = "" } } = parseArgs({ options: { only: { type: "string" } } });
const asked = (comparisons: readonly Comparison[]) =>
  comparisons.filter(({ what }) => what.includes(only));
console.log("| what | unit | noregret | peer | its | ratio |");
console.log("| --- | --- | --: | --- | --: | --: |");
for (const comparison of asked(COMPARISONS)) await compare(comparison);
const models = await Deno.makeTempDir({ prefix: "noregret-peers-" });
try {
  const generations = asked(generation(models));
  if (generations.length > 0 && !(await exportModels(models))) {
    console.error(`generation: left out, Python has to have ${EXPORTER.join(", ")}`);
  } else for (const comparison of generations) await compare(comparison);
} finally {
  await Deno.remove(models, { recursive: true });
}

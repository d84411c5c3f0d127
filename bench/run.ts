// `deno task bench`: LoRA and full fine-tuning steps at several sizes, beside PyTorch + PEFT in the
// same run where Python has them; the matrix products of both backends; the time of figure 1. Prints
// Markdown; every measurement has a process of its own.

import { PYTHON, pythonHas } from "../tests/support/python.ts";
import { SIZES } from "./sizes.ts";
import { stepArguments, type StepOptions } from "./step_options.ts";

/** What is measured after the steps; each prints its own lines. */
const SCRIPTS = [
  ["Matrix products, cpu", "gemm_bench.ts"],
  ["Matrix products, webgpu", "gemm_webgpu_bench.ts"],
  ["deno task fig1 --preset laptop", "fig1.ts"],
] as const;

interface Measured {
  readonly tokens_per_s: number;
  readonly peak_memory_bytes?: number;
  readonly peak_rss_bytes: number;
}

async function measure(command: string, args: readonly string[]): Promise<Measured | undefined> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args: [...args] }).output();
  if (code !== 0) {
    console.error(new TextDecoder().decode(stderr).trim().split("\n").at(-1));
    return undefined;
  }
  return JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1)!);
}

const file = (name: string) => new URL(name, import.meta.url).pathname;
const ours = (options: StepOptions) =>
  measure(Deno.execPath(), ["run", "-A", file("step.ts"), ...stepArguments(options)]);
const peer = (options: StepOptions) =>
  measure(PYTHON, [file("peers/peft_step.py"), ...stepArguments(options)]);
const rate = (m: Measured | undefined) => m ? Math.round(m.tokens_per_s).toLocaleString("en") : "–";
const mib = (bytes: number | undefined) => bytes ? (bytes / 2 ** 20).toFixed(0) : "–";
const ratio = (a: Measured | undefined, b: Measured | undefined) =>
  a && b ? (a.tokens_per_s / b.tokens_per_s).toFixed(2) : "–";

if (import.meta.main) {
  const peft = await pythonHas("torch", "transformers", "peft");
  if (!peft) console.log("PyTorch + PEFT: not importable here, so its columns stay empty\n");
  console.log(
    "| size | method | tokens/s | device MiB | process MiB | PEFT tokens/s | PEFT MiB | ratio |",
  );
  console.log("| --- | --- | --: | --: | --: | --: | --: | --: |");
  for (const [size, shape] of Object.entries(SIZES)) {
    const results: Partial<Record<"lora" | "full", Measured | undefined>> = {};
    const peers: typeof results = {};
    for (const method of ["lora", "full"] as const) {
      const options: StepOptions = {
        ...shape,
        kvHeads: shape.heads,
        seq: 128,
        r: 8,
        method,
        dtype: "f32",
        backend: "cpu",
      };
      const mine = results[method] = await ours(options);
      const theirs = peers[method] = peft ? await peer(options) : undefined;
      console.log(
        `| ${size} | ${method} | ${rate(mine)} | ${mib(mine?.peak_memory_bytes)} | ${
          mib(mine?.peak_rss_bytes)
        } | ${rate(theirs)} | ${mib(theirs?.peak_rss_bytes)} | ${ratio(mine, theirs)} |`,
      );
    }
    console.log(
      `| ${size} | LoRA step / full step, in time | ${ratio(results.full, results.lora)} | | | ${
        ratio(peers.full, peers.lora)
      } | | |`,
    );
  }

  for (const [title, script] of SCRIPTS) {
    console.log(`\n${title}\n`);
    await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", file(script)],
      stdout: "inherit",
      stderr: "null",
    }).output();
  }
}

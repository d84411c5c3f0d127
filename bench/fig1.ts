// Wall-clock time of `deno task fig1 --preset laptop` (or what the arguments say) from nothing to files,
// as one JSON line: deno run -A bench/fig1.ts [options of fig1]

import { join } from "@std/path";

const home = await Deno.makeTempDir({ prefix: "noregret-bench-" });
try {
  const cli = new URL("../experiments/cli.ts", import.meta.url).pathname;
  const started = performance.now();
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", cli, "1", ...Deno.args, "--out", home],
    env: { NOREGRET_HOME: home },
    stdout: "null",
    stderr: "piped",
  }).output();
  if (code !== 0) {
    throw new Error(`fig1 ended with code ${code}: ${new TextDecoder().decode(stderr)}`);
  }
  const seconds = (performance.now() - started) / 1000;
  const { runs, options } = JSON.parse(await Deno.readTextFile(join(home, "fig1.json")));
  const tokens = runs.reduce(
    (sum: number, run: { result: { tokens: number } | null }) => sum + (run.result?.tokens ?? 0),
    0,
  );
  console.log(JSON.stringify({
    seconds: Math.round(seconds * 10) / 10,
    runs: runs.length,
    tokens,
    tokens_per_s: Math.round(tokens / seconds),
    device: runs[0].device,
    cores: navigator.hardwareConcurrency,
    options,
  }));
} finally {
  await Deno.remove(home, { recursive: true });
}

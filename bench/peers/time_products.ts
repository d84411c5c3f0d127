// What the scripts that measure a peer's matrix products have in common.

const SAMPLES = 5;
/** A sample is as many products as take about this long, in milliseconds. */
const SAMPLE_MS = 250;

/** Sizes that the command line names. */
export function sizes(otherwise: number): number[] {
  return Deno.args.length > 0 ? Deno.args.map(Number) : [otherwise];
}

/**
 * Measures products of n × n matrices and prints one JSON line; `run` computes so many of them and is done
 * once the last is there.
 */
export async function timeProducts(
  n: number,
  run: (calls: number) => Promise<unknown>,
): Promise<void> {
  const time = async (calls: number): Promise<number> => {
    const started = performance.now();
    await run(calls);
    return (performance.now() - started) / calls;
  };
  await time(1);
  const calls = Math.max(1, Math.ceil(SAMPLE_MS / await time(1)));
  const times: number[] = [];
  for (let sample = 0; sample < SAMPLES; sample++) times.push(await time(calls));
  const ms = times.sort((x, y) => x - y)[times.length >> 1]!;
  console.log(JSON.stringify({ size: n, ms, gflops: 2 * n ** 3 / ms / 1e6 }));
}

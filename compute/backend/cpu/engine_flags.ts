// What to start a process with that trains on the cpu backend.

const FLAGS = [
  "--no-wasm-bounds-checks",
  "--no-wasm-stack-checks",
  "--experimental-wasm-revectorize",
];

/** Where Deno looks for engine flags that are not on its command line. */
const VARIABLE = "DENO_V8_FLAGS";

/**
 * Environment of a process whose kernels are to be twice as fast; a process can only be started with it.
 * Results are the same bit for bit.
 *
 * Deno handles no memory faults for WebAssembly, so that every load is preceded by a comparison;
 * the kernels check their arguments once, when a command is recorded, and need none. With those
 * comparisons gone the engine can join neighbouring vectors to twice the width.
 * Not for a process that runs WebAssembly which it does not trust.
 */
export const ENGINE_ENVIRONMENT: Readonly<Record<string, string>> = { [VARIABLE]: FLAGS.join(",") };

/** Whether this process was started with {@linkcode ENGINE_ENVIRONMENT}. */
export function hasEngineFlags(): boolean {
  const { state } = Deno.permissions.querySync({ name: "env", variable: VARIABLE });
  if (state !== "granted") return false;
  const set = Deno.env.get(VARIABLE)?.split(",") ?? [];
  return FLAGS.every((flag) => set.includes(flag));
}

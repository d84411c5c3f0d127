// What to start a process with that trains on the cpu backend.

/**
 * Engine flags that make the kernels half as fast again; a process can only be started with them:
 * `deno run --v8-flags=FLAGS …`. Results are the same bit for bit.
 *
 * Deno handles no memory faults for WebAssembly, so that every load is preceded by a comparison;
 * the kernels check their arguments once, when a command is recorded, and need none. With those
 * comparisons gone the engine can join neighbouring vectors to twice the width.
 * Not for a process that runs WebAssembly which it does not trust.
 */
export const ENGINE_FLAGS: readonly string[] = [
  "--no-wasm-bounds-checks",
  "--no-wasm-stack-checks",
  "--experimental-wasm-revectorize",
];

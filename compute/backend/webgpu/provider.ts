// Where the WebGPU implementation comes from. `deno` is the runtime's own (wgpu); `dawn` is the npm
// package `webgpu`, loaded only when asked for because it needs --allow-ffi.

/** An implementation of WebGPU. */
export type GpuProvider = "deno" | "dawn";

/** Not a literal in the import: the package is large, and only those who ask for it should fetch it. */
const DAWN = "npm:webgpu@0.6.2";

/**
 * Loads an implementation of WebGPU.
 *
 * @returns its entry point, or `undefined` if this runtime has none.
 * @throws {Error} if Dawn is asked for and cannot be loaded.
 */
export async function loadGpu(provider: GpuProvider): Promise<GPU | undefined> {
  if (provider === "deno") return globalThis.navigator?.gpu;
  try {
    const dawn: { create(flags: string[]): GPU } = await import(DAWN);
    return dawn.create([]);
  } catch (cause) {
    throw new Error(
      'Cannot load the WebGPU provider "dawn": npm package "webgpu" needs --allow-ffi and --allow-env',
      { cause },
    );
  }
}

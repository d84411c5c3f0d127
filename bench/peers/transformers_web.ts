// transformers.js as browsers have it, which reaches WebGPU through Deno. ONNX Runtime's loader imports a blob, as
// modules from npm may not: so what it needs is copied out of the package into a folder of its own.

import { createRequire } from "node:module";
import { dirname, join } from "@std/path";

/** What browsers load, ONNX Runtime as a module, and its engine. */
const MODULE = "transformers.web.js";
const RUNTIME = "ort.webgpu.bundle.min.mjs";
const ENGINE = "ort-wasm-simd-threaded.asyncify";

/**
 * Copies the browser's build of the package that lies in `root` into `folder`, and loads it from there. Its names are
 * the package's own.
 */
// deno-lint-ignore no-explicit-any -- a module that is known by its path alone.
export async function loadWebBuild(root: string, folder: string): Promise<any> {
  const { resolve } = createRequire(join(root, "package.json"));
  const runtime = dirname(resolve("onnxruntime-web/webgpu"));
  for (const name of [RUNTIME, `${ENGINE}.mjs`, `${ENGINE}.wasm`]) {
    await Deno.copyFile(join(runtime, name), join(folder, name));
  }
  const source = await Deno.readTextFile(join(root, "dist", MODULE));
  await Deno.writeTextFile(
    join(folder, MODULE),
    source.replace('"onnxruntime-web/webgpu"', `"./${RUNTIME}"`)
      .replace('"onnxruntime-common"', `"file://${resolve("onnxruntime-common")}"`),
  );
  const transformers = await import(`file://${folder}/${MODULE}`);
  const engine = `file://${folder}/${ENGINE}`;
  transformers.env.backends.onnx.wasm.wasmPaths = { mjs: `${engine}.mjs`, wasm: `${engine}.wasm` };
  return transformers;
}

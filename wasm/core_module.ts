/** The text core's WebAssembly module: instantiated once, for the tokeniser and the verifier alike. */

import { initSync } from "./pkg/core/noregret_core.js";

let ready = false;

/** Instantiates the module from the file beside this one, unless that has already happened. */
export function startCore(): void {
  if (ready) return;
  const url = new URL("./pkg/core/noregret_core_bg.wasm", import.meta.url);
  initCore(new WebAssembly.Module(Deno.readFileSync(url)));
}

/**
 * For browsers, where files cannot be read in place: instantiates from bytes or a compiled module
 * (`await WebAssembly.compileStreaming(fetch(…))`; bytes compile at once, which pages may not do with
 * many). Does nothing if that has already happened.
 */
export function initCore(module: BufferSource | WebAssembly.Module): void {
  if (ready) return;
  initSync({ module });
  ready = true;
}

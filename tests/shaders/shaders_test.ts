import assert from "@std/assert";
import { reflect } from "../../compute/backend/webgpu/reflect.ts";

const SHADERS = new URL("../../shaders/", import.meta.url);
const DESCRIPTIONS = new URL("../../compute/backend/webgpu/descriptions/", import.meta.url);

/** Storage buffers that every WebGPU device binds in one stage. */
const PORTABLE_STORAGE_BUFFERS = 8;

async function files(folder: URL, suffix: string): Promise<Map<string, string>> {
  const result = new Map<string, string>();
  for await (const { name } of Deno.readDir(folder)) {
    if (name.endsWith(suffix)) result.set(name, await Deno.readTextFile(new URL(name, folder)));
  }
  return result;
}

const kernels = await files(SHADERS, ".wgsl");

Deno.test("every kernel opens with its contract: formula, shapes and dispatch", () => {
  assert.ok(kernels.size > 20);
  for (const [name, source] of kernels) {
    const header = source.slice(0, source.search(/^[^/]/m));
    assert.match(header, /^\/\/ .* (=|\(=\|\+=\)|\+=) /m, `${name} has no formula`);
    assert.match(header, /^\/\/ .*(f32|u32|Elem|Vec)\s?\[/m, `${name} names no shapes`);
    assert.match(header, /^\/\/ dispatch: /m, `${name} does not say how it is dispatched`);
  }
});

Deno.test("every kernel has one entry point and binds at most eight storage buffers", () => {
  for (const [name, source] of kernels) {
    assert.equal(source.match(/@compute/g)?.length, 1, name);
    assert.match(source, /fn main\(/, name);
    const { storage } = reflect(name, source);
    assert.ok(storage.length > 0 && storage.length <= PORTABLE_STORAGE_BUFFERS, name);
  }
});

Deno.test("every WGSL file is used by a description", async () => {
  const descriptions = [...(await files(DESCRIPTIONS, ".ts")).values()].join("\n");
  const preludes = await files(new URL("prelude/", SHADERS), ".wgsl");
  for (const name of kernels.keys()) assert.ok(descriptions.includes(`shaders/${name}"`), name);
  for (const name of preludes.keys()) {
    assert.ok(descriptions.includes(`shaders/prelude/${name}"`), name);
  }
});

Deno.test("no kernel uses float atomics or a fixed workgroup size", () => {
  for (const [name, source] of kernels) {
    assert.doesNotMatch(source, /atomic<f32>/, name);
    assert.match(source, /@workgroup_size\((WG|WX, WY|1)\)/, name);
  }
});

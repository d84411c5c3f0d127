// Registers tests that need a WebGPU adapter; where there is none they are reported as skipped, by name.

import type { Backend } from "../../../compute/backend/backend.ts";
import { findAdapter } from "../../../compute/backend/webgpu/adapter.ts";
import { createWebgpuBackend } from "../../../compute/backend/webgpu/webgpu_backend.ts";

const left = Deno.env.get("NOREGRET_TEST_BACKEND") === "cpu";

/** The adapter that tests run on. */
export const adapter = left ? undefined : await findAdapter();

/** Registers a test that needs an adapter. */
export function testWithAdapter(name: string, fn: () => void | Promise<void>): void {
  if (adapter === undefined) {
    const reason = left ? "left out by NOREGRET_TEST_BACKEND" : "no adapter on this machine";
    Deno.test.ignore(`${name} (webgpu: skipped, ${reason})`, () => {});
  } else {
    Deno.test({ name: `${name} (webgpu)`, sanitizeOps: false, sanitizeResources: false, fn });
  }
}

/** Registers a test that gets a backend of its own, closed afterwards. */
export function testOnWebgpu(name: string, body: (backend: Backend) => void | Promise<void>): void {
  testWithAdapter(name, async () => {
    const backend = await createWebgpuBackend();
    if (backend === undefined) throw new Error("Cannot open the adapter that was found");
    try {
      await body(backend);
    } finally {
      backend.close();
    }
  });
}

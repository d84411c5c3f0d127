// Every test of a kernel or an op runs on each backend. A backend that this machine lacks leaves its
// tests in the report as ignored, under a name that says why; they never count as passed.

import type { Backend } from "../../compute/backend/backend.ts";

/** Registers a test that gets the file's backend. */
export type BackendTest = (
  name: string,
  body: (backend: Backend) => void | Promise<void>,
) => void;

/** A backend as tests see it. */
export interface BackendUnderTest {
  readonly kind: "cpu" | "webgpu";
  readonly test: BackendTest;
}

/** Threads of the cpu backend in tests: more than one, so that work is split even on one core. */
export const TEST_THREADS = 3;

/**
 * Calls `define` once for each backend. The backend is made once for the file and closed after its
 * last test. `NOREGRET_TEST_BACKEND=cpu|webgpu` leaves the other one out.
 */
export async function forEachBackend(define: (device: BackendUnderTest) => void): Promise<void> {
  const only = Deno.env.get("NOREGRET_TEST_BACKEND");
  for (const kind of ["cpu", "webgpu"] as const) {
    const left = only !== undefined && only !== kind;
    const backend = left ? undefined : await open(kind);
    const reason = left ? "left out by NOREGRET_TEST_BACKEND" : "no adapter on this machine";
    if (backend !== undefined) Deno.test.afterAll(() => backend.close());
    define({
      kind,
      test: (name, body) => {
        if (backend === undefined) {
          Deno.test.ignore(`${name} (${kind}: skipped, ${reason})`, () => {});
          return;
        }
        Deno.test({
          name: `${name} (${kind})`,
          // The backend and its workers outlive a single test by design.
          sanitizeOps: false,
          sanitizeResources: false,
          fn: () => body(backend),
        });
      },
    });
  }
}

// Imported when needed, so that a machine without one of them still runs the other.
async function open(kind: "cpu" | "webgpu"): Promise<Backend | undefined> {
  if (kind === "cpu") {
    const { createCpuBackend } = await import("../../compute/backend/cpu/cpu_backend.ts");
    return await createCpuBackend({ threads: TEST_THREADS });
  }
  const { createWebgpuBackend } = await import("../../compute/backend/webgpu/webgpu_backend.ts");
  return await createWebgpuBackend();
}

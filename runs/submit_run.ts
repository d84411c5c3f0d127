// From a parsed spec to a queued run: check, store.

import manifest from "../deno.json" with { type: "json" };
import type { Places } from "./places.ts";
import type { Run } from "./spec/run.ts";
import type { RunSpec } from "./spec/run_spec.ts";
import { specHash } from "./spec/spec_hash.ts";
import type { RunStore } from "./store/run_store.ts";

/** Stored with every run: results of different code are told apart by it. */
export const CODE_VERSION: string = manifest.version;

/** What submitting needs. */
export interface SubmitContext extends Places {
  readonly store: RunStore;
}

/**
 * Accepts a run spec. When this returns, the run is on disk.
 *
 * @throws {InvalidSpecError} naming each bad field and what is allowed.
 * @throws {IdempotencyConflictError} if the key belongs to a different spec.
 */
export async function submitRun(
  spec: RunSpec,
  { store, paths, artifacts }: SubmitContext,
  idempotencyKey?: string,
): Promise<{ run: Run; created: boolean }> {
  // Loaded on first use: the service is ready before the numerics are.
  const { preflight } = await import("./worker/preflight.ts");
  const needs = await preflight(spec, { paths, artifacts });
  return await store.create({
    spec,
    needs,
    specHash: specHash(spec),
    codeVersion: CODE_VERSION,
    idempotencyKey,
  });
}

// From a sweep's request to its queued runs.

import type { Places } from "../places.ts";
import { InvalidSpecError } from "../spec/problems.ts";
import { specHash } from "../spec/spec_hash.ts";
import type { SweepRequest } from "../spec/sweep.ts";
import { blame, combinations, varySpec } from "../spec/vary_spec.ts";
import type { NewSweep, SweepStore } from "../store/sweep_store.ts";
import { CODE_VERSION } from "../submit_run.ts";

/** What submitting a sweep needs. */
export interface SweepContext extends Places {
  readonly sweeps: SweepStore;
}

/**
 * Accepts a sweep. When this returns, all its runs are on disk; if it throws, none is.
 *
 * @throws {InvalidSpecError} naming each bad field, the changes that led to it and what is allowed.
 * @throws {IdempotencyConflictError} if the key belongs to a different request.
 */
export async function submitSweep(
  request: SweepRequest,
  { sweeps, paths, artifacts }: SweepContext,
  idempotencyKey?: string,
): Promise<{ id: string; created: boolean }> {
  const { preflight } = await import("../worker/preflight.ts");
  const all = request.list ?? combinations(request.grid!);
  const runs: NewSweep["runs"][number][] = [];
  for (const changes of all) {
    const spec = varySpec(request.spec, changes);
    const hash = specHash(spec);
    const twin = runs.find((run) => run.specHash === hash);
    if (twin) {
      throw new InvalidSpecError([{
        path: request.list ? "/list" : "/grid",
        message: `Expected different runs, but ${JSON.stringify(twin.changes)} and ` +
          `${JSON.stringify(changes)} give the same spec`,
      }]);
    }
    const needs = await preflight(spec, { paths, artifacts }).catch((error) => {
      throw blame(error, changes);
    });
    runs.push({ spec, needs, specHash: hash, codeVersion: CODE_VERSION, changes });
  }
  return await sweeps.create({ request, runs, idempotencyKey });
}

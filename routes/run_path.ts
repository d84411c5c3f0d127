// The run or sweep that a path names.

import { z } from "@hono/zod-openapi";
import { HTTPException } from "hono/http-exception";
import type { Run } from "../runs/spec/run.ts";
import type { StoredSweep } from "../runs/store/sweep_store.ts";

/** Path parameter of a run or sweep. */
export const RunPath = z.object({ id: z.string().max(100) });

/**
 * The run, which a client has named.
 *
 * @throws {HTTPException} 404 if there is none.
 */
export function known(run: Run | undefined, id: string): Run {
  if (run) return run;
  throw new HTTPException(404, { message: `There is no run "${id}"` });
}

/**
 * The sweep, which a client has named.
 *
 * @throws {HTTPException} 404 if there is none.
 */
export function knownSweep(sweep: StoredSweep | undefined, id: string): StoredSweep {
  if (sweep) return sweep;
  throw new HTTPException(404, { message: `There is no sweep "${id}"` });
}

// A model whose numbers are none: damaged weights, or an adapter whose training diverged.

import { InvalidSpecError } from "../spec/problems.ts";

/** What a request is told whose model gives no probabilities. */
export function notFinite(
  { adapter }: { readonly adapter?: string | undefined },
): InvalidSpecError {
  return new InvalidSpecError([{
    path: adapter === undefined ? "/model" : "/adapter",
    message: "Expected weights that give finite probabilities: some of them are NaN or too large",
  }]);
}

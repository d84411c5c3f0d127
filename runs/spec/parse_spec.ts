// From unknown JSON to a run spec.

import { InvalidSpecError, problemsOf } from "./problems.ts";
import { RunSpec } from "./run_spec.ts";

/**
 * Parses a run spec strictly and fills in the defaults.
 *
 * @throws {InvalidSpecError} naming each bad field and what is allowed.
 */
export function parseRunSpec(input: unknown): RunSpec {
  const parsed = RunSpec.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new InvalidSpecError(problemsOf(RunSpec, input, parsed.error));
}

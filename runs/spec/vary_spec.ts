// Specs that differ in a few fields: a base and, for each spec, dotted field names with their values.

import { parseRunSpec } from "./parse_spec.ts";
import { InvalidSpecError } from "./problems.ts";
import type { RunSpec } from "./run_spec.ts";

/** Field (dotted, as in the spec) → value. */
export type Changes = Readonly<Record<string, unknown>>;

type Json = Readonly<Record<string, unknown>>;

// A copy of `spec` with one field replaced; objects on the way are made where they are missing.
function withField(spec: Json, [key, ...rest]: readonly string[], value: unknown): Json {
  const inner = spec[key!];
  const next = typeof inner === "object" && inner !== null ? inner as Json : {};
  return { ...spec, [key!]: rest.length === 0 ? value : withField(next, rest, value) };
}

/** A copy of `spec` with the fields of `changes` replaced. */
export function withChanges(spec: Json, changes: Changes): Json {
  return Object.entries(changes).reduce(
    (varied, [field, value]) => withField(varied, field.split("."), value),
    spec,
  );
}

/** Every combination of the axes' values, the last axis fastest. */
export function combinations(axes: Readonly<Record<string, readonly unknown[]>>): Changes[] {
  let all: Changes[] = [{}];
  for (const [field, values] of Object.entries(axes)) {
    all = all.flatMap((changes) => values.map((value) => ({ ...changes, [field]: value })));
  }
  return all;
}

/**
 * `base` with `changes` applied, parsed.
 *
 * @throws {InvalidSpecError} naming the changes that led to it, each bad field and what is allowed.
 */
export function varySpec(base: Json, changes: Changes): RunSpec {
  try {
    return parseRunSpec(withChanges(base, changes));
  } catch (error) {
    throw blame(error, changes);
  }
}

/** An error whose problems name the changes that led to it, if it has problems. */
export function blame(error: unknown, changes: Changes): unknown {
  if (!(error instanceof InvalidSpecError)) return error;
  return new InvalidSpecError(error.problems.map((problem) => ({
    ...problem,
    message: `${problem.message} (with ${JSON.stringify(changes)})`,
  })));
}

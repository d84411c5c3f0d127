// A grid is data: a base spec and axes, each a field of the spec and its values.

import { parseRunSpec } from "../runs/spec/parse_spec.ts";
import type { RunSpec, RunSpecInput } from "../runs/spec/run_spec.ts";
import { combinations, withChanges } from "../runs/spec/vary_spec.ts";

/** Field (dotted, as in the spec) → values. */
export type Axes = Readonly<Record<string, readonly unknown[]>>;

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Dotted names of a spec's fields that can be axes. */
export function fieldsOf(spec: unknown, prefix = ""): string[] {
  if (!isObject(spec)) return [];
  return Object.entries(spec).flatMap(([key, value]) => [
    `${prefix}${key}`,
    ...fieldsOf(value, `${prefix}${key}.`),
  ]);
}

/**
 * Every combination of the axes' values on top of `base`, the last axis fastest.
 *
 * @throws {RangeError} if an axis is no field of the spec; the message lists the fields there are.
 * @throws {InvalidSpecError} if a combination is no valid spec.
 */
export function expandGrid(base: RunSpecInput, axes: Axes): RunSpec[] {
  const parsed = parseRunSpec(base);
  const fields = fieldsOf(parsed);
  for (const [axis, values] of Object.entries(axes)) {
    if (!fields.includes(axis)) {
      throw new RangeError(
        `Cannot vary "${axis}": no such field, expected one of ${fields.join(", ")}`,
      );
    }
    if (values.length === 0) throw new RangeError(`Cannot vary "${axis}": it has no values`);
  }
  return combinations(axes).map((changes) => parseRunSpec(withChanges(parsed, changes)));
}

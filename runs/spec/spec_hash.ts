// The identity of a spec: the same experiment has the same hash, however its JSON was written.

import { createHash } from "node:crypto";
import type { RunSpec } from "./run_spec.ts";

/** JSON with sorted keys and no spaces; keys whose value is undefined are left out (RFC 8785's order). */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${
    entries.map(([key, entry]) => `${JSON.stringify(key)}:${canonicalJson(entry)}`).join(",")
  }}`;
}

/** SHA-256 of a parsed spec's canonical JSON, in hex. */
export function specHash(spec: RunSpec): string {
  return createHash("sha256").update(canonicalJson(spec)).digest("hex");
}

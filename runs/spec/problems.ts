// Validation errors in the words of the client: the JSON path, what is wrong, what is allowed.

import type { z } from "@hono/zod-openapi";

/** One bad field. */
export interface Problem {
  /** JSON Pointer (RFC 6901) of the field; "" is the whole document. */
  readonly path: string;
  readonly message: string;
  /** The values or names that are allowed, where they can be listed. */
  readonly allowed?: readonly (string | number | boolean | null)[];
}

/** Input that a client can correct. Carries one problem for each bad field. */
export class InvalidSpecError extends RangeError {
  override readonly name = "InvalidSpecError";

  constructor(readonly problems: readonly Problem[]) {
    super(problems.map(({ path, message }) => `${path || "/"}: ${message}`).join("; "));
  }
}

type Issue = z.core.$ZodIssue;

/** The problems of a failed parse of `input` by `schema`. */
export function problemsOf(schema: z.ZodType, input: unknown, error: z.ZodError): Problem[] {
  return error.issues.flatMap((issue) => explain(schema, input, issue, []));
}

/** JSON Pointer of a path. */
function pointer(path: readonly PropertyKey[]): string {
  return path.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

function explain(
  schema: z.ZodType,
  input: unknown,
  issue: Issue,
  prefix: readonly PropertyKey[],
): Problem[] {
  const path = [...prefix, ...issue.path];
  switch (issue.code) {
    case "unrecognized_keys": {
      const allowed = keysAt(schema, input, path);
      return issue.keys.map((key) => ({
        path: pointer([...path, key]),
        message: `Unknown key "${key}"${suggestion(key, allowed)}`,
        ...(allowed.length > 0 ? { allowed } : {}),
      }));
    }
    case "invalid_value": {
      const allowed = issue.values.map((value) =>
        typeof value === "number" ? value : String(value)
      );
      const found = valueAt(input, path);
      return [{
        path: pointer(path),
        message: `Expected ${oneOf(allowed)} but found ${show(found)}` +
          (typeof found === "string" ? suggestion(found, allowed.map(String)) : ""),
        allowed,
      }];
    }
    case "invalid_union": {
      const { options, errors } = issue as { options?: unknown[]; errors: Issue[][] };
      if (errors.length === 0) {
        const allowed = (options ?? []).map(String);
        const found = valueAt(input, path);
        return [{
          path: pointer(path),
          message: `Expected ${oneOf(allowed)} but found ${show(found)}`,
          allowed,
        }];
      }
      return explainUnion(schema, input, errors, path);
    }
    case "invalid_type":
      return [{
        path: pointer(path),
        message: valueAt(input, path) === undefined
          ? `Missing: expected ${issue.expected}`
          : `Expected ${issue.expected} but found ${show(valueAt(input, path))}`,
      }];
    case "too_small":
      return [{ path: pointer(path), message: bound(issue, input, path, "at least", "more than") }];
    case "too_big":
      return [{ path: pointer(path), message: bound(issue, input, path, "at most", "less than") }];
    default:
      return [{ path: pointer(path), message: issue.message }];
  }
}

// The alternative that the client most likely meant is the one that got furthest: its root has
// the right type, and it then has the fewest complaints.
function explainUnion(
  schema: z.ZodType,
  input: unknown,
  errors: readonly Issue[][],
  path: readonly PropertyKey[],
): Problem[] {
  const rooted = errors.filter((issues) =>
    !issues.some(({ code, path }) =>
      path.length === 0 && (code === "invalid_type" || code === "invalid_value")
    )
  );
  if (rooted.length === 0) {
    const problems = errors.flatMap((issues) =>
      issues.flatMap((issue) => explain(schema, input, issue, path))
    );
    const allowed = problems.flatMap(({ allowed }) => allowed ?? []);
    const found = valueAt(input, path);
    const kinds = [
      ...allowed.map((value) => JSON.stringify(value)),
      ...errors.flat().flatMap((issue) => issue.code === "invalid_type" ? [issue.expected] : []),
    ];
    const wanted = `Expected ${[...new Set(kinds)].join(" or ")}`;
    return [{
      path: pointer(path),
      message: found === undefined
        ? `Missing: ${wanted.toLowerCase()}`
        : `${wanted} but found ${show(found)}` +
          (typeof found === "string" ? suggestion(found, allowed.map(String)) : ""),
      ...(allowed.length > 0 ? { allowed } : {}),
    }];
  }
  const missing = (issues: Issue[]) =>
    issues.filter((issue) =>
      issue.code === "invalid_type" && valueAt(input, [...path, ...issue.path]) === undefined
    ).length;
  const best = rooted.reduce((best, issues) => {
    const order = missing(issues) - missing(best) || issues.length - best.length;
    return order < 0 ? issues : best;
  });
  return best.flatMap((issue) => explain(schema, input, issue, path));
}

function bound(
  issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig,
  input: unknown,
  path: readonly PropertyKey[],
  inclusive: string,
  exclusive: string,
): string {
  const limit = issue.code === "too_small" ? issue.minimum : issue.maximum;
  const unit = issue.origin === "array" ? " items" : issue.origin === "string" ? " characters" : "";
  const found = valueAt(input, path);
  const size = Array.isArray(found) || (typeof found === "string" && unit !== "")
    ? found.length
    : show(found);
  return `Expected ${issue.inclusive === false ? exclusive : inclusive} ${limit}${unit} ` +
    `but found ${size}`;
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

// Keys of the object schemas that the path leads to; unions contribute each of their members.
function keysAt(schema: z.ZodType, input: unknown, path: readonly PropertyKey[]): string[] {
  let schemas = members(schema, input);
  let value = input;
  for (const key of path) {
    value = valueAt(value, [key]);
    const inner = schemas.flatMap(({ def }) =>
      def.type === "object"
        ? (def.shape[String(key)] ? [def.shape[String(key)]!] : [])
        : def.type === "array"
        ? [def.element]
        : []
    );
    schemas = inner.flatMap((each) => members(each, value));
  }
  const shapes = schemas.flatMap(({ def }) => def.type === "object" ? [def.shape] : []);
  const close = closest(shapes, value);
  return [...new Set(close.flatMap((shape) => Object.keys(shape)))];
}

type Def =
  | { type: "object"; shape: Record<string, z.ZodType> }
  | { type: "array"; element: z.ZodType }
  | { type: "union"; options: z.ZodType[]; discriminator?: string }
  | { type: "optional" | "default" | "prefault" | "nullable"; innerType: z.ZodType }
  | { type: "pipe"; out: z.ZodType }
  | { type: "other" };

function members(schema: z.ZodType, input: unknown): { def: Def }[] {
  const def = schema.def as unknown as Def;
  if (def.type === "union") {
    const all = (def as { options: z.ZodType[] }).options.flatMap((each) => members(each, input));
    const tag = (def as { discriminator?: string }).discriminator;
    if (tag === undefined) return all;
    return all.filter(({ def }) =>
      def.type === "object" && def.shape[tag]?.safeParse(valueAt(input, [tag])).success
    );
  }
  if (def.type === "pipe") return members(def.out, input);
  if ("innerType" in def) return members(def.innerType, input);
  return [{ def }];
}

function closest(
  shapes: readonly Record<string, z.ZodType>[],
  value: unknown,
): Record<string, z.ZodType>[] {
  const given = typeof value === "object" && value !== null ? Object.keys(value) : [];
  const shared = shapes.map((shape) => given.filter((key) => key in shape).length);
  const most = Math.max(0, ...shared);
  return shapes.filter((_, index) => shared[index] === most);
}

function oneOf(allowed: readonly (string | number)[]): string {
  const shown = allowed.map((value) => JSON.stringify(value));
  return shown.length === 1 ? shown[0]! : `one of ${shown.join(", ")}`;
}

function show(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** ` (did you mean "…"?)` where one of `allowed` is at most a third of its letters away, else "". */
export function suggestion(found: string, allowed: readonly string[]): string {
  let best: { name: string; distance: number } | undefined;
  for (const name of allowed) {
    const distance = editDistance(found.toLowerCase().slice(0, 64), name.toLowerCase());
    if (distance <= Math.max(1, Math.floor(name.length / 3)) && distance < (best?.distance ?? 99)) {
      best = { name, distance };
    }
  }
  return best ? ` (did you mean "${best.name}"?)` : "";
}

// Levenshtein's distance, one row at a time.
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

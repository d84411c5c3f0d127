/**
 * What Python's functions do in chat templates where @huggingface/jinja has them otherwise: its strip() passes
 * over the characters that it is given (`content.lstrip('\n')` keeps the spaces that a line begins with), and
 * its strftime_now() knows no day but today. A parsed template calls these instead.
 */

import type { Template } from "@huggingface/jinja";

/** Which ends a method cuts. */
const STRIPS: Readonly<Record<string, { left: boolean; right: boolean }>> = {
  strip: { left: true, right: true },
  lstrip: { left: true, right: false },
  rstrip: { left: false, right: true },
};

// Names that no template can write.
const stripName = (method: string) => `str.${method}`;
const STRFTIME = "datetime.strftime";

/** The variables of a template that went through {@linkcode usePythonFunctions}. */
export function pythonFunctions(now: Date): Record<string, unknown> {
  const strips = Object.entries(STRIPS).map(([method, { left, right }]) => {
    const cut = (text: unknown, characters: unknown) => {
      if (typeof text !== "string" || typeof characters !== "string") {
        throw new TypeError(`${method}() cuts characters off a string, which this is not`);
      }
      let start = 0, end = text.length;
      while (left && start < end && characters.includes(text[start]!)) start++;
      while (right && start < end && characters.includes(text[end - 1]!)) end--;
      return text.slice(start, end);
    };
    return [stripName(method), cut];
  });
  return { ...Object.fromEntries(strips), [STRFTIME]: (format: string) => strftime(now, format) };
}

/** Makes a parsed template call {@linkcode pythonFunctions}. */
export function usePythonFunctions({ parsed }: Template): void {
  rewrite(parsed);
}

interface Node {
  type?: string;
  [field: string]: unknown;
}

function rewrite(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  const node = value as Node;
  const { type, callee, args } = node;
  if (type === "Identifier" && node.value === "strftime_now") node.value = STRFTIME;
  const method = type === "CallExpression" && Array.isArray(args) && args.length === 1
    ? methodOf(callee as Node)
    : undefined;
  if (method !== undefined) {
    node.args = [(callee as Node).object, ...args as Node[]];
    node.callee = { type: "Identifier", value: stripName(method) };
  }
  const children = value instanceof Map ? [...value].flat() : Object.values(value);
  children.forEach(rewrite);
}

function methodOf({ type, computed, property }: Node): string | undefined {
  const name = type === "MemberExpression" && !computed && (property as Node).value;
  return typeof name === "string" && Object.hasOwn(STRIPS, name) ? name : undefined;
}

/** Python's strftime() in its C locale, for the codes that templates use; others stay as they are. */
function strftime(date: Date, format: string): string {
  const two = (n: number) => String(n).padStart(2, "0");
  const name = (part: Intl.DateTimeFormatOptions) => date.toLocaleDateString("en-US", part);
  const codes: Readonly<Record<string, () => string>> = {
    "%Y": () => String(date.getFullYear()),
    "%y": () => two(date.getFullYear() % 100),
    "%m": () => two(date.getMonth() + 1),
    "%d": () => two(date.getDate()),
    "%b": () => name({ month: "short" }),
    "%B": () => name({ month: "long" }),
    "%a": () => name({ weekday: "short" }),
    "%A": () => name({ weekday: "long" }),
    "%H": () => two(date.getHours()),
    "%M": () => two(date.getMinutes()),
    "%S": () => two(date.getSeconds()),
    "%%": () => "%",
  };
  return format.replace(/%[A-Za-z%]/g, (code) => codes[code]?.() ?? code);
}

// Imports point one way: main → routes → runs → …, and compute knows nothing of what is above it.

import assert from "@std/assert";
import { join } from "@std/path";
import { filesIn, type Import, importsOf, reachable } from "./support/module_graph.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const FOLDERS = ["routes", "runs", "experiments", "data", "compute", "wasm", "shaders", "web"];
const CODE = [".ts", ".tsx"];

/**
 * Where a part of the tree may import from, besides itself. The first part whose path a file begins
 * with is the file's.
 */
const ALLOWED: readonly (readonly [part: string, targets: readonly string[]])[] = [
  ["main.ts", ["routes", "runs", "experiments"]],
  ["routes", ["runs", "experiments", "compute/theory", "wasm", "web"]],
  ["runs/worker", ["runs", "compute", "data"]],
  ["runs/spec", ["compute/theory"]],
  ["runs", ["compute/theory"]],
  // A figure names main.ts as the program that its job processes run; it does not load it.
  ["experiments", ["runs", "compute/theory", "main.ts"]],
  ["data", ["wasm"]],
  ["compute/theory", []],
  ["compute/backend", ["shaders", "wasm"]],
  ["compute/ops", ["compute/backend"]],
  ["compute/models", ["compute/ops", "compute/backend", "compute/tape.ts", "compute/rng.ts"]],
  ["compute", ["shaders", "wasm"]],
  ["web", ["compute/theory"]],
  ["wasm", []],
];

/** The one clock of compute: it times kernels for a profile, and no result depends on it. */
const CLOCK = "compute/backend/cpu/timing.ts";

/** Packages of compute: device providers only, no HTTP, no schemas, no files. */
const COMPUTE_PACKAGES = ["@webgpu/types", "webgpu", "npm:webgpu"];

const files = ["main.ts", ...filesIn(ROOT, FOLDERS, CODE)];
const imports = files.flatMap((file) => importsOf(ROOT, file));

function isIn(path: string, part: string): boolean {
  return path === part || path.startsWith(`${part}/`);
}

function allowed({ from, to, typeOnly }: Import): boolean {
  if ((typeOnly && isIn(to, "runs/spec")) || to === "deno.json") return true;
  const rule = ALLOWED.find(([part]) => isIn(from, part));
  if (rule === undefined) return false;
  const [part, targets] = rule;
  return [part, ...targets].some((target) => isIn(to, target));
}

/** Modules that something outside the sources starts: tasks, and the files they name. */
function entries(): string[] {
  const { tasks } = JSON.parse(Deno.readTextFileSync(join(ROOT, "deno.json")));
  const commands = Object.values<string | { command?: string }>(tasks)
    .map((task) => typeof task === "string" ? task : task.command ?? "");
  const named = commands.flatMap((command) => command.match(/[\w./-]+\.tsx?\b/g) ?? []);
  return ["main.ts", ...named.map((path) => path.replace(/^\.\//, ""))];
}

Deno.test("imports between the parts of the tree point one way", () => {
  const wrong = imports.filter((one) => one.local && !allowed(one));
  assert.deepEqual(wrong.map(({ from, to }) => `${from} → ${to}`), []);
});

Deno.test("every local import names a file that exists, in its exact case", () => {
  const missing = imports.filter(({ local, to }) => {
    if (!local) return false;
    try {
      const name = to.slice(to.lastIndexOf("/") + 1);
      const folder = join(ROOT, to, "..");
      return !Array.from(Deno.readDirSync(folder)).some((entry) => entry.name === name);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return true;
      throw error;
    }
  });
  assert.deepEqual(missing.map(({ from, to }) => `${from} → ${to}`), []);
});

Deno.test("compute imports no package but device providers, and reads no clock", () => {
  const packages = imports.filter(({ from, to, local }) =>
    isIn(from, "compute") && !local &&
    !COMPUTE_PACKAGES.some((name) => to === name || to.startsWith(`${name}@`))
  );
  assert.deepEqual(packages.map(({ from, to }) => `${from} → ${to}`), []);
  const clocks = files.filter((file) => isIn(file, "compute") && file !== CLOCK)
    .filter((file) =>
      /\bDate\.now\(|new Date\(\)|performance\.now\(/.test(Deno.readTextFileSync(join(ROOT, file)))
    );
  assert.deepEqual(clocks, []);
});

Deno.test("theory imports nothing but itself", () => {
  const outside = imports.filter(({ from, to }) =>
    isIn(from, "compute/theory") && !isIn(to, "compute/theory")
  );
  assert.deepEqual(outside, []);
});

Deno.test("every module and every shader is reached from main.ts or a task", () => {
  const roots = entries();
  const scripts = filesIn(ROOT, FOLDERS, CODE).concat(
    roots.filter((root) => !files.includes(root) && root.endsWith(".ts") && exists(root)),
  );
  const graph = Array.from(new Set([...scripts, "main.ts"])).flatMap((file) =>
    importsOf(ROOT, file)
  );
  const seen = reachable(roots, graph);
  const expected = [...filesIn(ROOT, FOLDERS, [...CODE, ".wgsl"])]
    .filter((file) => !file.endsWith(".d.ts"));
  assert.deepEqual(expected.filter((file) => !seen.has(file)), []);
});

function exists(path: string): boolean {
  try {
    return Deno.statSync(join(ROOT, path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

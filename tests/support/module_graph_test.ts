import assert from "@std/assert";
import { importsOf, reachable } from "./module_graph.ts";

Deno.test("importsOf() tells types from code and finds every form of import", () => {
  const root = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${root}/a`);
    Deno.writeTextFileSync(
      `${root}/a/one.ts`,
      `// import "./comment.ts";
import { z } from "zod";
import type { A } from "../b/types.ts";
import { type B, type C } from "./inline.ts";
import { d, type D } from "./mixed.ts";
import source from "../shaders/x.wgsl" with { type: "text" };
export * from "./exported.ts";
import "./effect.ts";
const later = await import("./dynamic.ts");
new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
`,
    );
    const found = importsOf(root, "a/one.ts").map(({ to, typeOnly }) => [to, typeOnly]);
    assert.deepEqual(found, [
      ["zod", false],
      ["b/types.ts", true],
      ["a/inline.ts", true],
      ["a/mixed.ts", false],
      ["shaders/x.wgsl", false],
      ["a/exported.ts", false],
      ["a/effect.ts", false],
      ["a/dynamic.ts", false],
      ["a/worker.ts", false],
    ]);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("reachable() follows imports, through circles too", () => {
  const edge = (from: string, to: string) => ({ from, to, typeOnly: false, local: true });
  const seen = reachable(["a"], [edge("a", "b"), edge("b", "a"), edge("b", "c"), edge("d", "c")]);
  assert.deepEqual([...seen].sort(), ["a", "b", "c"]);
});

// Every exported symbol says what it is: shape, unit, dtype, errors, source. Members may speak for
// themselves (`deno doc --lint` would ask for a sentence on each of them).

import assert from "@std/assert";

const FOLDERS = ["compute", "data", "experiments", "routes", "runs", "wasm", "web"];

interface Symbol {
  readonly name: string;
  readonly declarations: readonly {
    readonly declarationKind: string;
    readonly kind: string;
    readonly jsDoc?: { readonly doc?: string };
    readonly location: { readonly filename: string; readonly line: number };
  }[];
}

async function* sources(folder: URL): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(folder)) {
    const url = new URL(entry.name + (entry.isDirectory ? "/" : ""), folder);
    if (entry.isDirectory && !["pkg", "target", "node_modules"].includes(entry.name)) {
      yield* sources(url);
    } else if (/\.tsx?$/.test(entry.name)) yield url.pathname;
  }
}

Deno.test("every exported symbol has a doc comment", async () => {
  const root = new URL("../", import.meta.url);
  const files: string[] = [];
  for (const folder of FOLDERS) {
    const url = new URL(`${folder}/`, root);
    if (await Deno.stat(url).then(() => true, () => false)) {
      for await (const file of sources(url)) files.push(file);
    }
  }
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", "--quiet", ...files],
    cwd: root,
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout)) as {
    nodes: Record<string, { symbols: Symbol[] }>;
  };
  const documented = Object.values(nodes).flatMap(({ symbols }) => symbols);
  assert.ok(documented.length > 50, `only ${documented.length} symbols were found`);
  const missing = documented.flatMap(({ name, declarations }) =>
    // One documented declaration speaks for overloads and for a type beside its value.
    declarations.some((d) => d.jsDoc?.doc) ? [] : declarations
      .filter((d) => d.declarationKind === "export")
      .slice(0, 1)
      .map(({ location }) => `${name} (${location.filename}:${location.line + 1})`)
  );
  assert.deepEqual(missing, []);
});

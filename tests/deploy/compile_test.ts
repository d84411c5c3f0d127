// The one binary, as far as it can be tried without the runtime that Deno downloads for it: Deno puts the
// program together around a stand-in, and what is embedded runs by itself from an empty folder.

import assert from "@std/assert";
import { Buffer } from "node:buffer";
import { dirname, join, relative } from "@std/path";
import { fileURLToPath } from "node:url";
import { compileArguments, EMBEDDED } from "../../deploy/compile.ts";
import { exists } from "../../runs/write_file.ts";
import { Service } from "../e2e/service.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Any program will do to append to. */
const STAND_IN = "/bin/true";

async function deno(args: string[], env: Record<string, string> = {}, cwd = ROOT) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd, env })
    .output();
  const text = new TextDecoder().decode(stdout), errors = new TextDecoder().decode(stderr);
  return { code, stdout: text, stderr: errors };
}

Deno.test({
  name: "deno compile embeds the program and what it opens as files",
  ignore: Deno.build.os !== "linux" || !(await exists(STAND_IN)),
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "noregret-" });
    try {
      const runtime = join(folder, "runtime"), output = join(folder, "noregret");
      await Deno.copyFile(STAND_IN, runtime);
      const args = await compileArguments(["--no-check", "--output", output]);
      const { code, stdout, stderr } = await deno(args, { DENORT_BIN: runtime, NO_COLOR: "1" });
      assert.equal(code, 0, stderr);
      const listed = stdout + stderr;
      assert(listed.includes("@resvg/resvg-wasm"), listed);
      assert(!listed.includes("kubernetes-models"), "packages of tests are embedded");
      const binary = Buffer.from(await Deno.readFile(output));
      for (const path of ["main.ts", ...EMBEDDED]) {
        const [file] = await filesIn(path);
        const bytes = await Deno.readFile(join(ROOT, file!));
        const middle = bytes.subarray(bytes.length >> 1, (bytes.length >> 1) + 48);
        assert(binary.includes(Buffer.from(middle)), `${file} is not embedded`);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("what is embedded serves, trains and draws with nothing else beside it", async () => {
  const folder = await Deno.makeTempDir({ prefix: "noregret-" });
  try {
    const modules = new Set<string>();
    for (const entry of ["main.ts", "compute/backend/cpu/worker.ts"]) {
      const { stdout } = await deno(["info", "--json", entry]);
      for (const { local } of JSON.parse(stdout).modules) {
        if (local?.startsWith(ROOT)) modules.add(relative(ROOT, local));
      }
    }
    for (const path of [...modules, ...EMBEDDED, "deno.json", "deno.lock"]) {
      await copy(path, folder);
    }

    const main = join(folder, "main.ts"), home = join(folder, "home");
    await using service = await Service.start(home, {}, ["serve"], main);
    const id = await service.post({
      model: "noregret/tiny",
      method: { kind: "lora", r: 2 },
      task: { kind: "sft", dataset: "stdlib/moby-dick", max_length: 32 },
      batch_size: 1,
      max_steps: 2,
      eval_steps: 2,
    });
    assert.equal((await service.events(id)).at(-1)!.type, "succeeded");
    for (const page of ["/", "/docs", `/runs/${id}`, "/v1/datasets"]) {
      const answer = await fetch(service.url + page);
      assert.equal(answer.status, 200, `${page}: ${await answer.text()}`);
    }

    const run = ["run", "-A", "--quiet", "--cached-only", main];
    const env = { NOREGRET_HOME: home };
    const { code, stderr } = await deno([...run, "fig1", "--preset", "smoke"], env, folder);
    assert.equal(code, 0, stderr);
    for (const file of ["fig1.svg", "fig1.png", "fig1.json"]) {
      assert((await Deno.stat(join(home, "figures", file))).size > 1000);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

async function copy(path: string, folder: string): Promise<void> {
  for (const file of await filesIn(path)) {
    await Deno.mkdir(join(folder, dirname(file)), { recursive: true });
    await Deno.copyFile(join(ROOT, file), join(folder, file));
  }
}

/** The files of a folder, or the file itself. */
async function filesIn(path: string): Promise<string[]> {
  if ((await Deno.stat(join(ROOT, path))).isFile) return [path];
  const files: string[] = [];
  for await (const { name } of Deno.readDir(join(ROOT, path))) {
    files.push(...await filesIn(join(path, name)));
  }
  return files;
}

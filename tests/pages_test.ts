// The pages of the documentation name what there is.

import assert from "@std/assert";
import configuration from "../deno.json" with { type: "json" };

const ROOT = new URL("../", import.meta.url);

/** The pages, with their text. */
async function pages(): Promise<[URL, string][]> {
  const found: [URL, string][] = [];
  for (const folder of ["./", "bench/", "docs/", "docs/figures/", "data/samples/"]) {
    for await (const { name } of Deno.readDir(new URL(folder, ROOT))) {
      const url = new URL(folder + name, ROOT);
      if (name.endsWith(".md")) found.push([url, await Deno.readTextFile(url)]);
    }
  }
  return found;
}

/** How a heading is named in a link. */
const anchorOf = (heading: string) =>
  heading.toLowerCase().replaceAll(/[^\p{L}\p{N}\- ]/gu, "").replaceAll(" ", "-");

Deno.test("links of the documentation lead somewhere, and the commands that it names exist", async () => {
  const all = await pages();
  assert.ok(all.length > 10);
  const wrong: string[] = [];
  for (const [page, text] of all) {
    const name = page.pathname.slice(ROOT.pathname.length);
    for (const [, link] of text.matchAll(/\]\(((?!https?:)[^)\s]+)\)/g)) {
      const target = new URL(link!, page);
      const anchor = target.hash.slice(1);
      target.hash = "";
      const there = await Deno.stat(target).catch(() => undefined);
      const headings = anchor === ""
        ? []
        : (await Deno.readTextFile(target)).matchAll(/^#+ (.*)$/gm);
      const known = anchor === "" ||
        [...headings].some(([, heading]) => anchorOf(heading!) === anchor);
      if (!there || !known) wrong.push(`${name}: ${link}`);
    }
    for (const [command, task] of text.matchAll(/deno(?:@[\d.]+)? task ([a-z][a-z0-9:]*)/g)) {
      if (!(task! in configuration.tasks)) wrong.push(`${name}: ${command}`);
    }
  }
  assert.deepEqual(wrong, []);
});

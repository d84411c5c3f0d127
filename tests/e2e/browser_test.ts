// The text core in a browser page: the same modules, loaded over HTTP, give the ids and verdicts that
// they give here. Needs Chromium.

import assert from "@std/assert";
import { stripTypeScriptTypes } from "node:module";
import { Tokenizer } from "../../wasm/tokenizer.ts";
import { verify } from "../../wasm/verify.ts";
import { testInChromium } from "../support/chromium.ts";
import { smallFile } from "../wasm/tokenizer_fixtures.ts";

const WASM = new URL("../../wasm/", import.meta.url);
const TEXT = "Call me Ishmael. 日本語 😀 naïve\u0301 don't 1947";
const PAIR = "Some years ago";

/** What the page does, and what is done here for comparison. */
const SCRIPT = `
  import { initCore } from "/wasm/core_module.ts";
  import { Tokenizer } from "/wasm/tokenizer.ts";
  import { verify } from "/wasm/verify.ts";
  const bytes = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());
  const show = (result) => {
    const element = document.createElement("pre");
    element.id = "result";
    element.textContent = JSON.stringify(result);
    document.body.append(element);
  };
  try {
    initCore(await WebAssembly.compile(await bytes("/wasm/pkg/core/noregret_core_bg.wasm")));
    const tokenizer = Tokenizer.load(await bytes("/tokenizer.json"));
    const text = ${JSON.stringify(TEXT)};
    const { ids, typeIds, offsets } = tokenizer.encode(text, {
      pair: ${JSON.stringify(PAIR)},
      offsets: "utf16",
    });
    let error = "";
    try {
      Tokenizer.load("{");
    } catch (caught) {
      error = caught.name;
    }
    show({
      ids: [...ids],
      typeIds: [...typeIds],
      offsets,
      decoded: tokenizer.decode(tokenizer.encode(text).ids),
      equal: verify("$\\\\frac12$", "So it is \\\\boxed{0.5}.").equal,
      error,
    });
  } catch (error) {
    show({ failed: String(error) });
  }
`;

/** The modules as a browser reads them: without types. */
async function serveFile(path: string): Promise<Response> {
  const found = path.match(/^\/wasm\/((?:pkg\/core\/)?[\w.]+)$/)?.[1];
  if (path === "/") return html(`<script type="module">${SCRIPT}</script>`);
  if (path === "/tokenizer.json") return new Response(smallFile("wordpiece") as BodyInit);
  if (!found) return new Response(null, { status: 404 });
  const file = await Deno.readFile(new URL(found, WASM));
  if (found.endsWith(".wasm")) return new Response(file);
  const source = new TextDecoder().decode(file);
  return new Response(found.endsWith(".ts") ? stripTypeScriptTypes(source) : source, {
    headers: { "content-type": "text/javascript" },
  });
}

function html(body: string): Response {
  return new Response(`<!doctype html><meta charset="utf-8">${body}`, {
    headers: { "content-type": "text/html" },
  });
}

testInChromium("a browser page tokenises and verifies as Deno does", async (browser) => {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => serveFile(new URL(request.url).pathname),
  );
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${server.addr.port}/`);
    const shown = await page.locator("#result").textContent();
    using tokenizer = Tokenizer.load(smallFile("wordpiece"));
    const { ids, typeIds, offsets } = tokenizer.encode(TEXT, { pair: PAIR, offsets: "utf16" });
    assert.deepEqual(JSON.parse(shown!), {
      ids: [...ids],
      typeIds: [...typeIds!],
      offsets,
      decoded: tokenizer.decode(tokenizer.encode(TEXT).ids),
      equal: verify("$\\frac12$", "So it is \\boxed{0.5}.").equal,
      error: "SyntaxError",
    });
  } finally {
    await server.shutdown();
  }
});

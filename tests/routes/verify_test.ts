import assert from "@std/assert";
import { OpenAPIHono } from "@hono/zod-openapi";
import { validation } from "../../routes/problem.ts";
import { verifyRequestSchema, verifyRoutes } from "../../routes/verify.ts";
import { parseRequest } from "../../wasm/verify_cli.ts";

const app = new OpenAPIHono();
app.route("/v1", verifyRoutes(validation(verifyRequestSchema)));

async function post(body: unknown) {
  const response = await app.request("/v1/verify", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: response.status, answer: await response.json() };
}

Deno.test("POST /v1/verify answers each item in order", async () => {
  const { status, answer } = await post({
    items: [
      { gold: "$\\frac{1}{2}$", prediction: "The answer is \\boxed{0.5}." },
      { gold: "$2$", prediction: "The answer is \\boxed{3}." },
      { gold: "C", prediction: "Answer: C", options: { targets: ["string"] } },
    ],
  });
  assert.equal(status, 200);
  assert.deepEqual(answer.results.map((r: { equal: boolean }) => r.equal), [true, false, true]);
  assert.equal(answer.results[0].gold_parsed, "1/2");
});

Deno.test("POST /v1/verify names the field that is wrong", async () => {
  const { status, answer } = await post({
    items: [{ gold: "1", prediction: "1", options: { precision: -1 } }],
  });
  assert.equal(status, 422);
  assert.equal(answer.errors[0].path, "/items/0/options/precision");
});

Deno.test("POST /v1/verify lists the names allowed beside an unknown one, and the languages", async () => {
  const item = { gold: "1", prediction: "1" };
  const { answer } = await post({ items: [{ ...item, options: { precison: 3 } }] });
  assert.equal(answer.errors[0].path, "/items/0/options/precison");
  assert(answer.errors[0].allowed.includes("precision"));
  const { answer: other } = await post({ items: [{ ...item, options: { language: "klingon" } }] });
  assert(other.errors[0].allowed.includes("german"));
});

Deno.test("POST /v1/verify refuses too many items and too long texts", async () => {
  const one = { gold: "1", prediction: "1" };
  assert.equal((await post({ items: Array(1001).fill(one) })).status, 422);
  assert.equal((await post({ items: [{ ...one, prediction: "1".repeat(20_001) }] })).status, 422);
  assert.equal((await post({ items: [] })).status, 422);
  assert.equal((await post({ items: Array(300_000).fill(1) })).status, 422);
  assert.equal((await post({ items: Array(1000).fill(one) })).status, 200);
});

Deno.test("the command line reads two answers or a file, and says what is wrong otherwise", () => {
  assert.deepEqual(parseRequest(["1", "2", "--options", '{"precision":2}']).item, {
    gold: "1",
    prediction: "2",
    options: { precision: 2 },
  });
  assert.equal(parseRequest(["--jsonl", "a.jsonl"]).file, "a.jsonl");
  assert.throws(() => parseRequest(["1"]), /expected GOLD and PREDICTION/);
  assert.throws(() => parseRequest(["1", "2", "--options", "{"]), /no valid JSON/);
});

Deno.test("deno task verify prints verdicts and exits with 2 for bad input", async () => {
  const run = async (...args: string[]) => {
    const cli = new URL("../../wasm/verify_cli.ts", import.meta.url).pathname;
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-read", cli, ...args],
    }).output();
    const text = new TextDecoder();
    return { code, out: text.decode(stdout), error: text.decode(stderr) };
  };
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(
      file,
      '{"gold":"$4$","prediction":"2+2"}\n\n{"gold":"$4$","prediction":"5"}\n',
    );
    const { code, out } = await run("--jsonl", file);
    assert.equal(code, 0);
    const equal = out.trim().split("\n").map((line) => JSON.parse(line).equal);
    assert.deepEqual(equal, [true, false]);
    await Deno.writeTextFile(file, '{"gold":"$4$"}\n');
    const bad = await run("--jsonl", file);
    assert.equal(bad.code, 2);
    assert.match(bad.error, /^Cannot verify: line 1 of .* lacks.*\n$/);
  } finally {
    await Deno.remove(file);
  }
  assert.equal((await run("--jsonl", "/nonexistent")).code, 2);
});

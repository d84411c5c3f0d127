import assert from "@std/assert";
import { BYTE_TOKENIZER } from "../../data/byte_tokenizer.ts";
import { inspectRows, spansOf } from "../../data/inspect.ts";
import { rowExamples } from "../../data/rows.ts";

const options = {
  tokenizer: BYTE_TOKENIZER,
  maxLength: 8,
  completionOnly: true,
  colour: false,
};
const row = { prompt: "2+2=", completion: "4" };

Deno.test("spansOf() parts what the loss counts from what it does not, and loses no token", () => {
  const [example] = rowExamples(row, { ...options, maxLength: 64 }, "row");
  assert.deepEqual(spansOf(example!, BYTE_TOKENIZER), [
    { text: "2+2=", counted: false },
    { text: "4\0", counted: true },
  ]);
});

Deno.test("inspectRows() marks the loss, names what was cut off and how full the rows are", () => {
  const long = { prompt: "a", completion: "bcdefghijklm" };
  const report = inspectRows([row, long, { text: "123456789abc" }], (i) => `row ${i + 1}`, options);
  assert.deepEqual(report.split("\n"), [
    "── row 1: 5 tokens, 2 counted",
    "2+2=⟦4␀⟧",
    "",
    "── row 2: 8 tokens, 8 counted, truncated from 13",
    "a⟦bcdefghi⟧",
    "",
    "── row 3: 8 tokens, 8 counted, part 1 of 2",
    "1⟦23456789⟧",
    "",
    "── row 3: 4 tokens, 4 counted, part 2 of 2",
    "9⟦abc␀⟧",
    "",
    "3 rows, 4 examples, 1 truncated to 8 tokens",
    "25 tokens, 22 counted (88 %)",
    "packed: 4 sequences of 8, 78 % full; padded: 4, 78 % full",
  ]);
  const coloured = inspectRows([row], () => "row 1", { ...options, colour: true });
  assert.ok(coloured.includes("\x1b[2m2+2=\x1b[0m\x1b[32m4␀\x1b[0m"), coloured);
});

Deno.test("deno task data:inspect shows a shipped data set, and says what it does not know", async () => {
  const script = new URL("../../runs/worker/inspect_cli.ts", import.meta.url).pathname;
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", script, ...args],
      env: { NO_COLOR: "1" },
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, out: text(stdout), error: text(stderr) };
  };
  const { code, out } = await run("noregret/grade-school", "--rows", "2");
  assert.equal(code, 0);
  assert.match(out, /^── noregret\/grade-school, row 1: \d+ tokens, \d+ counted\n[^]*⟦[^]*⟧/);
  assert.match(out, /2 rows, 2 examples/);
  assert.ok(!out.includes("\x1b"));
  for (
    const [args, message] of [
      [["nosuch"], /Cannot find dataset "nosuch": expected one of/],
      [["gone.jsonl"], /no such file in the datasets folder/],
      [["stdlib/sotu", "--rows", "0"], /--rows: found "0", expected an integer ≥ 1/],
      [["stdlib/sotu", "--model", "x"], /Cannot find model "x": expected one of "noregret\/tiny"/],
    ] as const
  ) {
    const { code, error } = await run(...args);
    assert.equal(code, 2, args.join(" "));
    assert.match(error, message);
  }
});

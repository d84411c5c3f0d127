import assert from "@std/assert";
import { log } from "../../runs/log.ts";

Deno.test("what a client sent stays in its field of a line", () => {
  const lines: string[] = [];
  const { error } = console;
  console.error = (line: string) => lines.push(line);
  try {
    log("error", "Cannot answer", {
      path: "/a\nA run starts run=1",
      method: "GET",
      code: 7,
      b: 'x"',
    });
  } finally {
    console.error = error;
  }
  const [line] = lines as [string];
  assert.equal(
    line.slice(line.indexOf(" ") + 1),
    String.raw`Cannot answer path="/a\nA run starts run=1" method=GET code=7 b="x\""`,
  );
});

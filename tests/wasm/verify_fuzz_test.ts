import assert from "@std/assert";
import { verify } from "../../wasm/verify.ts";
import { check, draws, hostile, pair, publicCases, spelled } from "./verify_fuzz.ts";

const CASES = publicCases();

function faults(count: number, next: () => ReturnType<typeof spelled>): string[] {
  return Array.from({ length: count }, next).flatMap((pair) => {
    const { fault } = check(pair);
    return fault ? [`${fault}: ${JSON.stringify(pair).slice(0, 400)}`] : [];
  });
}

Deno.test("two spellings of one answer are equal, spellings of two are not", () => {
  const draw = draws(3);
  assert.deepEqual(faults(3000, () => spelled(draw)), []);
});

Deno.test("hostile texts up to 100,000 characters neither trap nor hang", () => {
  const draw = draws(4);
  assert.deepEqual(faults(300, () => ({ gold: "$42$", prediction: hostile(draw) })), []);
});

Deno.test("a verdict depends on the two texts alone", () => {
  const draw = draws(5);
  for (let k = 0; k < 300; k++) {
    const { gold, prediction } = pair(draw, CASES);
    assert.deepEqual(verify(gold, prediction), verify(gold, prediction));
  }
});

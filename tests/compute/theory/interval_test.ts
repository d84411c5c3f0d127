import assert from "@std/assert";
import { wilsonInterval } from "../../../compute/theory/interval.ts";

Deno.test("wilsonInterval() gives the published values and stays within 0 and 1", () => {
  // Newcombe 1998, table I, method 3.
  const cases = [[81, 263, 0.2553, 0.3662], [15, 148, 0.0624, 0.1605], [0, 20, 0, 0.1611], [
    1,
    29,
    0.0061,
    0.1718,
  ]] as const;
  for (const [successes, trials, low, high] of cases) {
    const [a, b] = wilsonInterval(successes, trials);
    assert.ok(Math.abs(a - low) < 5e-5 && Math.abs(b - high) < 5e-5, `${successes}: ${a} ${b}`);
  }
});

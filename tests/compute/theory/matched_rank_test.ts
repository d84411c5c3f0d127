import assert from "@std/assert";
import { findArchitecture } from "../../../compute/theory/architectures.ts";
import { matchedRank } from "../../../compute/theory/matched_rank.ts";
import { loraParameters } from "../../../compute/theory/parameters.ts";

const dense = findArchitecture("meta-llama/Llama-3.1-8B")!;
const experts = findArchitecture("Qwen/Qwen3-30B-A3B-Base") ??
  findArchitecture("Qwen/Qwen3-30B-A3B")!;

Deno.test("matchedRank() solves Llama-3.1-8B's shapes: attention needs twice the MLP's rank", () => {
  const parameters = loraParameters(dense, "mlp", 128);
  assert.equal(matchedRank(dense, "mlp", parameters), 128);
  // 1,769,472 · 128 over 851,968.
  assert.equal(matchedRank(dense, "attention", parameters), 266);
  assert.equal(matchedRank(dense, "all", 2_621_440 * 3), 3);
});

Deno.test("matchedRank() is the nearest of all ranks, the lowest of equals, and at least 1", () => {
  for (const shapes of [dense, experts]) {
    for (const targets of ["attention", "mlp", "all"] as const) {
      // Experts share a rank among those of a token, in whole numbers.
      const unit = shapes === experts && targets !== "attention" ? 8 : 1;
      for (const wanted of [1, 1e6, 5e6, 123_456_789]) {
        const found = matchedRank(shapes, targets, wanted);
        assert.equal(found % unit, 0);
        const off = (r: number) => Math.abs(loraParameters(shapes, targets, r) - wanted);
        for (let r = unit; r <= 2 * found; r += unit) {
          assert.ok(off(found) < off(r) || (off(found) === off(r) && found <= r), `${r} ${found}`);
        }
      }
    }
  }
});

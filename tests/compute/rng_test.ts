import assert from "@std/assert";
import { normal, philox, uniform } from "../../compute/rng.ts";

// Known answers of Random123 (Salmon et al. 2011), file kat_vectors, philox4x32 with 10 rounds.
Deno.test("philox() gives the published known answers", () => {
  assert.deepEqual(philox([0, 0, 0, 0], [0, 0]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
  const ones = 0xffffffff;
  assert.deepEqual(
    philox([ones, ones, ones, ones], [ones, ones]),
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  );
  assert.deepEqual(
    philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]),
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  );
});

Deno.test("uniform() fills its range evenly and depends on seed and name", () => {
  const values = uniform(1, "a", 10_001, 0.5);
  assert.ok(values.every((x) => x > -0.5 && x < 0.5));
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const variance = values.reduce((sum, x) => sum + x * x, 0) / values.length;
  assert.ok(Math.abs(mean) < 0.02, `mean ${mean}`);
  assert.ok(Math.abs(variance - 1 / 12) < 0.005, `variance ${variance}`);
  assert.notDeepEqual(uniform(2, "a", 8, 0.5), values.slice(0, 8));
  assert.notDeepEqual(uniform(1, "b", 8, 0.5), values.slice(0, 8));
  assert.deepEqual(uniform(1, "a", 7, 0.5), values.slice(0, 7));
});

Deno.test("normal() has the moments that it is asked for", () => {
  const values = normal(1, "a", 20_001, 2);
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const variance = values.reduce((sum, x) => sum + x * x, 0) / values.length;
  assert.ok(Math.abs(mean) < 0.05, `mean ${mean}`);
  assert.ok(Math.abs(variance - 4) < 0.15, `variance ${variance}`);
});

import assert from "@std/assert";
import { asymptote } from "../../../experiments/statistics/saturation.ts";

const hyperbola = (limit: number, half: number, efforts: readonly number[]) =>
  efforts.map((effort) => ({ effort, value: limit * effort / (effort + half) }));

Deno.test("asymptote() finds the end of a hyperbola that was measured far below it", () => {
  assert.ok(Math.abs(asymptote(hyperbola(0.5, 1500, [500, 1000, 2000]))! - 0.5) < 1e-12);
  const noisy = hyperbola(0.5, 1500, [600, 1200, 2400, 4800])
    .map(({ effort, value }, i) => ({ effort, value: value * (1 + 0.01 * (i % 2 ? 1 : -1)) }));
  assert.ok(Math.abs(asymptote(noisy)! / 0.5 - 1) < 0.03);
});

Deno.test("asymptote() gives none where nothing flattens, or too little was measured", () => {
  const straight = [1, 2, 4].map((effort) => ({ effort, value: effort ** 1.1 }));
  assert.equal(asymptote(straight), undefined);
  assert.equal(asymptote(hyperbola(1, 1, [1, 2, 2])), undefined);
  assert.equal(asymptote([...hyperbola(1, 1, [1, 2, 4]), { effort: 8, value: -1 }]), undefined);
});

import assert from "@std/assert";
import { type KernelCall, type Tensor } from "../../../compute/backend/backend.ts";
import { kernelCost } from "../../../compute/backend/kernel_costs.ts";
import { createCountingBackend } from "../../../compute/backend/counting_backend.ts";
import { forEachBackend } from "../../support/backends.ts";

const call = (
  kernel: KernelCall["kernel"],
  params: Record<string, number>,
  packed: string[] = [],
): KernelCall => ({ kernel, params, packed });
const cost = (...args: Parameters<typeof call>) => kernelCost(call(...args), { keys: 10 });

Deno.test("kernelCost() of a product is 2mnk operations and each matrix once", () => {
  const params = { m: 3, n: 5, k: 7, alpha: 1, accumulate: 0 };
  assert.deepEqual(cost("gemm_nt", params), { flops: 210, bytes: 4 * (21 + 35 + 15) });
  const added = cost("gemm_nt", { ...params, accumulate: 1 });
  assert.equal(added.bytes, 4 * (21 + 35 + 2 * 15));
  assert.equal(cost("gemm_nt", params, ["w"]).bytes, 4 * (21 + 15) + 2 * 35);
});

Deno.test("kernelCost() of a LoRA product adds r inner columns", () => {
  const { flops, bytes } = cost("lora_forward", { m: 3, n: 5, k: 7, r: 2 });
  assert.equal(flops, 2 * 3 * 5 * 9);
  assert.equal(bytes, 4 * (21 + 35 + 6 + 10 + 15));
});

Deno.test("kernelCost() of attention grows with the keys seen, its bytes do not", () => {
  const params = { tokens: 4, heads: 2, kv_heads: 1, head_dim: 8, scale: 1 };
  const one = kernelCost(call("attention_forward", params), { keys: 10 });
  const two = kernelCost(call("attention_forward", params), { keys: 20 });
  assert.equal(one.flops, 4 * 2 * 10 * (4 * 8 + 5));
  assert.equal(two.flops, 2 * one.flops);
  assert.equal(two.bytes, one.bytes);
});

Deno.test("kernelCost() counts rows of an embedding that are read, not the vocabulary", () => {
  const params = { rows: 6, cols: 4, vocab: 1000 };
  assert.equal(cost("embedding_forward", params).bytes, 4 * (6 + 24 + 24));
  assert.equal(cost("embedding_backward", params).bytes, 4 * (6 + 24 + 2 * 24));
});

Deno.test("kernelCost() counts logits twice where their gradient takes their place", () => {
  const forward = cost("cross_entropy", { rows: 2, cols: 50, backward: 0 });
  const both = cost("cross_entropy", { rows: 2, cols: 50, backward: 1 });
  assert.equal(both.bytes - forward.bytes, 4 * 100);
});

const record = (backend: ReturnType<typeof createCountingBackend>) => {
  const x = backend.empty([300, 40], "f32", "x"), y = backend.empty([300, 40], "f32", "y");
  const start = backend.empty([300], "u32", "start");
  const table = backend.empty([300, 8], "f32", "table");
  const w = backend.empty([40, 40], "bf16", "w");
  return backend.record("some kernels", () => {
    backend.run("add", { a: x, b: y, y }, { n: 12000 });
    backend.run("gemm_nt", { x, w, y } as Record<"x" | "w" | "y", Tensor>, {
      m: 300,
      n: 40,
      k: 40,
      alpha: 1,
      accumulate: 0,
    });
    backend.run("rope", { x, start, table }, {
      tokens: 300,
      heads: 5,
      head_dim: 8,
      direction: 1,
    });
  });
};

Deno.test("a plan remembers its calls with what is packed", () => {
  const { calls } = record(createCountingBackend({ kind: "cpu" }));
  assert.deepEqual(calls.map(({ kernel, packed }) => [kernel, packed]), [
    ["add", []],
    ["gemm_nt", ["w"]],
    ["rope", []],
  ]);
});

await forEachBackend(({ test, kind }) => {
  test("time() runs a plan and tells what each call took", async (backend) => {
    const n = 2 ** 20;
    const x = backend.empty([n], "f32", "x"), y = backend.empty([n], "f32", "y");
    backend.write(x, new Float32Array(n).fill(1.5));
    backend.write(y, new Float32Array(n));
    const plan = backend.record("timed", () => {
      const once = { scale: 1, accumulate: 1 };
      for (let i = 0; i < 3; i++) backend.run("scale", { x, y }, { n, ...once });
      backend.run("scale", { x, y }, { n: 4, ...once });
    });
    const timing = await backend.time(plan);
    const sums = await backend.read(y);
    if (timing === undefined) {
      assert.equal(kind, "webgpu");
      assert.equal(sums[n - 1], 0);
    } else {
      assert.deepEqual([sums[0], sums[n - 1]], [6, 4.5]);
      assert.equal(timing.calls.length, 4);
      assert.ok(timing.calls.every((ms) => ms >= 0 && ms < 10_000));
      // The fastest of each: any one may have been interrupted.
      const rounds = [timing];
      while (rounds.length < 20) rounds.push((await backend.time(plan))!);
      const fastest = (call: number) => Math.min(...rounds.map(({ calls }) => calls[call]!));
      assert.ok(fastest(1) > fastest(3), "a million sums take longer than four");
      assert.ok(timing.waits.every((ms) => ms >= 0 && ms < 10_000));
    }
    backend.release(plan);
    [x, y].forEach((tensor) => backend.free(tensor));
  });
});

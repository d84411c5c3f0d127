import assert from "@std/assert";
import { type Backend, type Tensor, view } from "../../../compute/backend/backend.ts";
import { MAX_GRID } from "../../../compute/backend/webgpu/dispatch.ts";
import { testOnWebgpu } from "./webgpu_device.ts";

function vector(backend: Backend, values: readonly number[], label = "vector"): Tensor {
  const tensor = backend.empty([values.length], "f32", label);
  backend.write(tensor, Float32Array.from(values));
  return tensor;
}

/** y = a + b, then y = 2 · y by way of a temporary. */
function recordDouble(backend: Backend, a: Tensor, b: Tensor, y: Tensor) {
  return backend.record("double", () => {
    const sum = backend.empty([4], "f32", "sum");
    backend.run("add", { a, b, y: sum }, { n: 4 });
    backend.run("scale", { x: sum, y }, { n: 4, scale: 2, accumulate: 0 });
    backend.free(sum);
  });
}

testOnWebgpu("info names the adapter and its limits", (backend) => {
  assert.equal(backend.info.kind, "webgpu");
  assert.ok(backend.info.device.length > 0);
  assert.ok(backend.info.maxTensorBytes >= 128 * 2 ** 20);
});

testOnWebgpu("write() and read() keep every bit of every dtype", async (backend) => {
  for (const dtype of ["f32", "u32", "bf16"] as const) {
    const tensor = backend.empty([6], dtype, dtype);
    const words = Uint32Array.from({ length: dtype === "bf16" ? 3 : 6 }, (_, i) => 0x3f803f80 + i);
    backend.write(tensor, dtype === "f32" ? new Float32Array(words.buffer) : words);
    const result = await backend.read(tensor);
    assert.deepEqual(new Uint32Array(result.buffer), words);
  }
});

testOnWebgpu("write() refuses another dtype and data that is too long", (backend) => {
  const tensor = backend.empty([2], "f32", "short");
  assert.throws(() => backend.write(tensor, new Uint32Array(2)), TypeError);
  assert.throws(() => backend.write(tensor, new Float32Array(3)), {
    name: "RangeError",
    message: 'Cannot write "short": data has 12 bytes, the tensor 8',
  });
});

testOnWebgpu("empty() refuses a tensor larger than the device allows", (backend) => {
  assert.throws(() => backend.empty([2 ** 40], "f32", "huge"), {
    name: "RangeError",
    message: /"huge": \d+ bytes, the device allows \d+ \(maxBufferSize\)/,
  });
});

testOnWebgpu("replay() gives what run() gives, and leaves memory as it is", async (backend) => {
  const a = vector(backend, [1, 2, 3, 4]);
  const b = vector(backend, [10, 20, 30, 40]);
  const y = vector(backend, [0, 0, 0, 0]);
  const plan = recordDouble(backend, a, b, y);
  assert.deepEqual(plan.calls.map(({ kernel }) => kernel), ["add", "scale"]);
  assert.deepEqual([...await backend.read(y)], [0, 0, 0, 0], "recording runs nothing");
  backend.replay(plan);
  assert.deepEqual([...await backend.read(y)], [22, 44, 66, 88]);
  const before = backend.memory();
  for (let i = 0; i < 20; i++) backend.replay(plan);
  backend.write(a, Float32Array.of(0, 0, 0, 0));
  backend.replay(plan);
  assert.deepEqual([...await backend.read(y)], [20, 40, 60, 80]);
  assert.deepEqual(
    [backend.memory().bytes, backend.memory().buffers],
    [before.bytes, before.buffers],
  );
});

testOnWebgpu("run(), free() and release() give back every buffer", async (backend) => {
  const start = backend.memory();
  const a = vector(backend, [1, 2, 3, 4]);
  const b = vector(backend, [1, 2, 3, 4]);
  const y = backend.empty([4], "f32", "y");
  const before = backend.memory();
  backend.run("dot", { a, b, out: y }, { n: 4, accumulate: 0 });
  assert.equal((await backend.read(y))[0], 30);
  assert.equal(backend.memory().buffers, before.buffers, "scratch and uniforms are gone");
  backend.release(recordDouble(backend, a, b, y));
  assert.equal(backend.memory().bytes, before.bytes);
  for (const tensor of [a, b, y]) backend.free(tensor);
  assert.equal(backend.memory().buffers, start.buffers);
  assert.ok(backend.memory().peakBytes > before.bytes);
});

testOnWebgpu("record() uses freed memory again", (backend) => {
  const plan = backend.record("chain", () => {
    for (let i = 0; i < 5; i++) backend.free(backend.empty([1024], "f32", "step"));
  });
  assert.equal(plan.workspaceBytes, 4096);
});

testOnWebgpu("record() gives its memory back when its body throws", (backend) => {
  const { buffers } = backend.memory();
  assert.throws(() =>
    backend.record("broken", () => {
      backend.empty([4], "f32", "lost");
      throw new RangeError("no");
    }), RangeError);
  assert.equal(backend.memory().buffers, buffers);
  backend.release(backend.record("next", () => {}));
});

testOnWebgpu("a freed tensor and a released plan cannot be used", async (backend) => {
  const a = vector(backend, [1, 2, 3, 4], "a");
  const b = vector(backend, [1, 2, 3, 4]);
  const y = backend.empty([4], "f32", "y");
  const plan = recordDouble(backend, a, b, y);
  backend.free(a);
  const freed = { name: "TypeError", message: /freed/ };
  assert.throws(() => backend.run("add", { a, b, y }, { n: 4 }), freed);
  assert.throws(() => backend.write(a, new Float32Array(4)), freed);
  assert.throws(() => backend.free(a), freed);
  assert.throws(() => backend.replay(plan), freed);
  await assert.rejects(backend.read(a), freed);
  backend.release(plan);
  assert.throws(() => backend.replay(plan), { name: "TypeError", message: /released/ });
});

testOnWebgpu("run() refuses what the kernel table does not allow", (backend) => {
  const a = vector(backend, [1, 2, 3, 4], "a");
  const y = backend.empty([4], "f32", "y");
  const ids = backend.empty([4], "u32", "ids");
  assert.throws(() => backend.run("add", { a, b: ids, y }, { n: 4 }), {
    name: "TypeError",
    message: "Cannot run add: b is u32, expected f32",
  });
  assert.throws(() => backend.run("add", { a, b: a, y }, { n: 5 }), {
    name: "RangeError",
    message: 'Cannot run add: a "a" is [4], expected 5 elements',
  });
  assert.throws(() => backend.run("add", { a, b: a, y }, { n: -1 }), RangeError);
  assert.throws(
    () => backend.run("add", { a, y } as never, { n: 4 }),
    /tensors are a, y, expected a, b, y/,
  );
});

testOnWebgpu("run() names the tensor of an unaligned view", (backend) => {
  const x = backend.empty([8], "f32", "x");
  const y = backend.empty([4], "f32", "y");
  assert.throws(
    () =>
      backend.run("scale", { x: view(x, 1, [4], "part"), y }, { n: 4, scale: 1, accumulate: 0 }),
    { name: "RangeError", message: /Cannot bind "part" to scale: it starts at byte 4/ },
  );
});

testOnWebgpu("a grid longer than one dimension covers every element", async (backend) => {
  const n = MAX_GRID * 256 + 3;
  const y = backend.empty([n], "f32", "long");
  const out = backend.empty([1], "f32", "out");
  backend.run("fill", { y }, { n, value: 1 });
  backend.run("sum_squares", { x: y, out }, { n, accumulate: 0 });
  assert.equal((await backend.read(out))[0], n);
});

testOnWebgpu(
  "a product cut along its inner dimension is the same bit for bit each time",
  async (backend) => {
    const [m, n, k] = [8, 24, 2048];
    const values = (seed: number, length: number) =>
      Float32Array.from({ length }, (_, i) => Math.sin(seed + i * 1.7));
    const a = backend.empty([k, m], "f32", "a");
    const b = backend.empty([k, n], "f32", "b");
    const y = backend.empty([m, n], "f32", "y");
    backend.write(a, values(1, k * m));
    backend.write(b, values(2, k * n));
    const results: string[] = [];
    for (let i = 0; i < 3; i++) {
      backend.run("gemm_tn", { a, b, y }, { m, n, k, alpha: 1, accumulate: 0 });
      results.push(new Uint32Array((await backend.read(y)).buffer).join());
    }
    assert.equal(new Set(results).size, 1);
  },
);

testOnWebgpu("attention takes no memory that grows with the square of the tokens", (backend) => {
  const workspace = (tokens: number) => {
    const rows = (width: number, label: string) => backend.empty([tokens, width], "f32", label);
    const span = (label: string) => backend.empty([tokens], "u32", label);
    const plan = backend.record("attention", () => {
      const [q, k, v, o, start, end] = [
        rows(16, "q"),
        rows(8, "k"),
        rows(8, "v"),
        rows(16, "o"),
        span("start"),
        span("end"),
      ];
      const stats = rows(4, "stats");
      const params = { tokens, heads: 2, kv_heads: 1, head_dim: 8, scale: 1 };
      backend.run("attention_forward", { q, k, v, start, o, stats }, params);
      const gradients = {
        dO: rows(16, "dO"),
        dQ: rows(16, "dQ"),
        dK: rows(8, "dK"),
        dV: rows(8, "dV"),
      };
      const tensors = { q, k, v, o, start, end, stats, ...gradients };
      backend.run("attention_backward", tensors, params);
    });
    const bytes = plan.workspaceBytes;
    backend.release(plan);
    return bytes;
  };
  assert.equal(workspace(4096), 4 * workspace(1024));
});

testOnWebgpu("a closed backend says so", async (backend) => {
  const y = vector(backend, [1]);
  backend.close();
  await assert.rejects(backend.read(y), /closed/);
  assert.throws(() => backend.run("fill", { y }, { n: 1, value: 0 }), /closed/);
  assert.equal(backend.memory().buffers, 0);
});

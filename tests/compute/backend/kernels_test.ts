// What holds for every kernel and every backend, whatever the kernel computes.

import assert from "@std/assert";
import { forEachBackend } from "../../support/backends.ts";
import { assertAllclose, assertSameBits } from "../../support/allclose.ts";
import { CASES, KERNEL_NAMES, type KernelCase } from "../../support/kernel_cases.ts";
import { normals } from "../../support/random.ts";
import {
  download,
  freeAll,
  type Input,
  runKernel,
  tensorsOf,
  upload,
} from "../../support/run_kernel.ts";
import { type Backend, type HostArray, view } from "../../../compute/backend/backend.ts";
import { type KernelName, KERNELS } from "../../../compute/backend/kernels.ts";

function caseOf<K extends KernelName>(kernel: K): KernelCase<K> {
  return CASES[kernel] as KernelCase<K>;
}

function inputOf(kernel: KernelName, name: string): Input {
  return (CASES[kernel].inputs as Readonly<Record<string, Input>>)[name]!;
}

function writtenBy(kernel: KernelName): string[] {
  return tensorsOf(kernel).filter(([, access]) => access !== "in").map(([name]) => name);
}

function run(backend: Backend, kernel: KernelName): Promise<Record<string, HostArray>> {
  const { inputs, params } = caseOf(kernel);
  return runKernel(backend, kernel, inputs, params);
}

function assertSameOutputs(
  kernel: KernelName,
  actual: Record<string, HostArray>,
  expected: Record<string, HostArray>,
): void {
  for (const name of writtenBy(kernel)) {
    const array = expected[name]!;
    const tensor = { name: `${kernel}.${name}`, shape: [array.length] };
    assertSameBits(actual[name]!, array, tensor);
  }
}

Deno.test("CASES has every kernel of the table", () => {
  assert.deepEqual(KERNEL_NAMES.toSorted(), Object.keys(KERNELS).toSorted());
});

await forEachBackend(({ test, kind }) => {
  for (const kernel of KERNEL_NAMES) {
    test(`${kernel} leaves its inputs as they are and writes finite values`, async (backend) => {
      const { inputs, params } = caseOf(kernel);
      const tensors = upload(backend, kernel, inputs);
      backend.run(kernel, tensors, params);
      const after = await download(backend, tensors, tensorsOf(kernel).map(([name]) => name));
      freeAll(backend, tensors);
      for (const [name, access] of tensorsOf(kernel)) {
        const tensor = { name: `${kernel}.${name}`, shape: [after[name]!.length] };
        const before = inputOf(kernel, name).data;
        if (access === "in") assertSameBits(after[name]!, before, tensor);
        else assert(after[name]!.every(Number.isFinite), `${tensor.name} is not finite`);
      }
    });

    test(`${kernel} gives the same bits each time, run or replayed`, async (backend) => {
      const { inputs, params } = caseOf(kernel);
      const expected = await run(backend, kernel);
      assertSameOutputs(kernel, await run(backend, kernel), expected);
      const tensors = upload(backend, kernel, inputs);
      const plan = backend.record(kernel, () => backend.run(kernel, tensors, params));
      assert.deepEqual(plan.calls.map((call) => call.kernel), [kernel]);
      const untouched = await download(backend, tensors, writtenBy(kernel));
      for (const name of writtenBy(kernel)) {
        const before = inputOf(kernel, name).data;
        assertSameBits(untouched[name]!, before, { name, shape: [before.length] });
      }
      backend.replay(plan);
      const replayed = await download(backend, tensors, writtenBy(kernel));
      backend.release(plan);
      freeAll(backend, tensors);
      assertSameOutputs(kernel, replayed, expected);
    });
  }

  test("record() keeps the order of kernels that depend on each other", async (backend) => {
    const n = 4099, params = { n, scale: 2, accumulate: 0 };
    const x = backend.empty([n], "f32", "x"), y = backend.empty([n], "f32", "y");
    backend.write(x, normals(1, n));
    const plan = backend.record("chain", () => {
      const half = backend.empty([n], "f32", "half");
      backend.run("scale", { x, y: half }, params);
      backend.run("add", { a: half, b: x, y }, { n });
      backend.run("scale", { x: y, y: half }, params);
      backend.run("add", { a: half, b: y, y: x }, { n });
      backend.free(half);
    });
    backend.replay(plan);
    backend.replay(plan);
    const expected = normals(1, n).map((value) => value * 81);
    assertAllclose(await backend.read(x), expected, { name: "x", shape: [n] });
    backend.release(plan);
    backend.free(x);
    backend.free(y);
  });

  test("record() uses memory again that the same recording freed", async (backend) => {
    const n = 1 << 16, links = 8;
    const x = backend.empty([n], "f32", "x");
    backend.write(x, normals(2, n));
    const plan = backend.record("links", () => {
      let from = x;
      for (let i = 0; i < links; i++) {
        const to = backend.empty([n], "f32", `link ${i}`);
        backend.run("scale", { x: from, y: to }, { n, scale: 1.5, accumulate: 0 });
        if (from !== x) backend.free(from);
        from = to;
      }
      backend.run("scale", { x: from, y: x }, { n, scale: 1, accumulate: 0 });
      backend.free(from);
    });
    assert(plan.workspaceBytes >= 2 * 4 * n, `two links are alive at once: ${plan.workspaceBytes}`);
    assert(plan.workspaceBytes < 3.5 * 4 * n, `nothing was used again: ${plan.workspaceBytes}`);
    backend.replay(plan);
    const expected = normals(2, n).map((value) => value * 1.5 ** links);
    assertAllclose(await backend.read(x), expected, { name: "x", shape: [n] });
    backend.release(plan);
    backend.free(x);
  });

  test("replay() makes no buffers, and release() and free() give all back", async (backend) => {
    await backend.sync();
    const before = backend.memory();
    const { inputs, params } = caseOf("lora_forward");
    const tensors = upload(backend, "lora_forward", inputs);
    const plan = backend.record("steps", () => {
      const y = backend.empty(tensors.y.shape, "f32", "y");
      backend.run("lora_forward", { ...tensors, y }, params);
      backend.run("add", { a: y, b: y, y: tensors.y }, { n: params.m * params.n });
      backend.free(y);
    });
    backend.replay(plan);
    await backend.sync();
    const one = backend.memory();
    assert(one.bytes > before.bytes && one.peakBytes >= one.bytes);
    for (let i = 0; i < 20; i++) backend.replay(plan);
    await backend.sync();
    assert.equal(backend.memory().buffers, one.buffers);
    assert.equal(backend.memory().bytes, one.bytes);
    backend.release(plan);
    freeAll(backend, tensors);
    await backend.sync();
    assert.equal(backend.memory().buffers, before.buffers);
    assert.equal(backend.memory().bytes, before.bytes);
  });

  test("free() makes every later use of the tensor or its views throw", async (backend) => {
    const x = backend.empty([128], "f32", "freed one"), part = view(x, 64, [64], "a part");
    const y = backend.empty([128], "f32", "y");
    backend.free(x);
    const params = { n: 64, scale: 1, accumulate: 0 };
    assert.throws(() => backend.run("scale", { x, y }, params), /freed/);
    assert.throws(() => backend.run("scale", { x: part, y }, params), /freed/);
    assert.throws(() => backend.write(x, new Float32Array(128)), /freed/);
    await assert.rejects(async () => await backend.read(x), /freed/);
    assert.throws(() => backend.free(x), /freed/);
    backend.free(y);
  });

  test("release() makes a later replay throw", (backend) => {
    const y = backend.empty([4], "f32", "y");
    const plan = backend.record("once", () => backend.run("fill", { y }, { n: 4, value: 1 }));
    backend.release(plan);
    assert.throws(() => backend.replay(plan), /released/);
    backend.free(y);
  });

  test("record() inside record() throws, and the backend works afterwards", async (backend) => {
    assert.throws(() => backend.record("outer", () => void backend.record("inner", () => {})));
    const y = backend.empty([3], "f32", "y");
    backend.run("fill", { y }, { n: 3, value: 2 });
    assert.deepEqual(Array.from(await backend.read(y)), [2, 2, 2]);
    backend.free(y);
  });

  test("run() names a tensor that is missing, mistyped or too small", (backend) => {
    const x = backend.empty([8], "f32", "x"), ids = backend.empty([8], "u32", "ids");
    const small = backend.empty([4], "f32", "small");
    const params = { n: 8, scale: 1, accumulate: 0 };
    const partial = { x } as unknown as { x: typeof x; y: typeof x };
    assert.throws(() => backend.run("scale", partial, params), TypeError);
    assert.throws(() => backend.run("scale", { x: ids, y: x }, params), /x is u32/);
    assert.throws(() => backend.run("scale", { x, y: small }, params), RangeError);
    const bf16 = backend.empty([8], "bf16", "packed");
    assert.throws(() => backend.run("scale", { x: bf16, y: x }, params), /x is bf16/);
    for (const tensor of [x, ids, small, bf16]) backend.free(tensor);
  });

  test("view() reads and writes its part of a storage only", async (backend) => {
    const whole = backend.empty([256], "f32", "whole");
    backend.write(whole, new Float32Array(256).fill(1));
    const part = view(whole, 64, [2, 32], "part");
    backend.run("fill", { y: part }, { n: 64, value: 5 });
    const tail = view(whole, 192, [64], "tail");
    backend.write(tail, new Float32Array(64).fill(7));
    const expected = new Float32Array(256).fill(1).fill(5, 64, 128).fill(7, 192);
    assertAllclose(await backend.read(whole), expected, { name: "whole", shape: [256] });
    const read = await backend.read(part);
    assertAllclose(read, new Float32Array(64).fill(5), { name: "part", shape: [2, 32] });
    backend.free(whole);
  });

  test("write() and read() keep their place among the kernels", async (backend) => {
    const x = backend.empty([5000], "f32", "x"), sum = backend.empty([1], "f32", "sum");
    const params = { n: 5000, accumulate: 1 };
    backend.write(sum, Float32Array.of(0));
    for (const value of [1, 2, 3]) {
      backend.write(x, new Float32Array(5000).fill(value));
      backend.run("sum_squares", { x, out: sum }, params);
    }
    assert.deepEqual(Array.from(await backend.read(sum)), [5000 * 14]);
    backend.free(x);
    backend.free(sum);
  });

  test("empty() refuses a tensor beyond the device's limit", (backend) => {
    const elements = 2 ** 40;
    assert.throws(() => backend.empty([elements], "f32", "too large"), RangeError);
  });

  test("info names the device and its kind", (backend) => {
    assert.equal(backend.info.kind, kind);
    assert(backend.info.device.length > 0);
    assert(backend.info.maxTensorBytes >= 1 << 27);
  });
});

if (Deno.env.get("NOREGRET_TEST_BACKEND") !== "webgpu") {
  Deno.test({
    name: "every kernel gives the same bits on one thread as on many (cpu)",
    // Workers end in their own time after close().
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      const { createCpuBackend } = await import("../../../compute/backend/cpu/cpu_backend.ts");
      const one = await createCpuBackend({ threads: 1 });
      for (const threads of [2, 5]) {
        const many = await createCpuBackend({ threads });
        for (const kernel of KERNEL_NAMES) {
          assertSameOutputs(kernel, await run(many, kernel), await run(one, kernel));
        }
        many.close();
      }
      one.close();
    },
  });
}

import assert from "@std/assert";
import type { HostArray, Tensor } from "../../../compute/backend/backend.ts";
import { requestDevice } from "../../../compute/backend/webgpu/adapter.ts";
import { describe } from "../../../compute/backend/webgpu/descriptions/describe.ts";
import { rowBlocks } from "../../../compute/backend/webgpu/descriptions/row_blocks.ts";
import { foldedGrid, MAX_GRID } from "../../../compute/backend/webgpu/dispatch.ts";
import { bind, prepare, submit } from "../../../compute/backend/webgpu/encode.ts";
import { Failures } from "../../../compute/backend/webgpu/failures.ts";
import { DeviceMemory, type WebgpuStorage } from "../../../compute/backend/webgpu/memory.ts";
import { PipelineCache } from "../../../compute/backend/webgpu/pipelines.ts";
import { packParams, reflect } from "../../../compute/backend/webgpu/reflect.ts";
import { CASES } from "../../support/kernel_cases.ts";
import type { Input } from "../../support/run_kernel.ts";
import { adapter, testWithAdapter } from "./webgpu_device.ts";

const HALVE = `
struct Params { n: u32, factor: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(3) var<storage, read_write> y: array<f32>; // not @binding(9)
override WG: u32 = 64;
@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.n) { y[id.x] *= params.factor; }
}`;

Deno.test("reflect() reads bindings and params in the file's order", () => {
  assert.deepEqual(reflect("halve", HALVE), {
    storage: [{ binding: 3, name: "y", access: "read_write" }],
    uniform: {
      binding: 0,
      fields: [{ name: "n", type: "u32" }, { name: "factor", type: "f32" }],
    },
  });
});

Deno.test("packParams() lays numbers out by name and refuses a wrong set", () => {
  const shader = reflect("halve", HALVE);
  const bytes = packParams("halve", shader, { factor: 0.5, n: 7 });
  assert.equal(bytes.byteLength, 16);
  assert.equal(new Uint32Array(bytes)[0], 7);
  assert.equal(new Float32Array(bytes)[1], 0.5);
  assert.throws(() => packParams("halve", shader, { n: 7 }), /Params.factor is not given/);
  assert.throws(() => packParams("halve", shader, { n: 7, factor: 1, m: 1 }), TypeError);
});

Deno.test("foldedGrid() covers every workgroup within the limit", () => {
  for (const groups of [0, 1, MAX_GRID, MAX_GRID + 1, 1_000_003, MAX_GRID ** 2]) {
    const [x, y, z] = foldedGrid(groups);
    assert.ok(x <= MAX_GRID && y <= MAX_GRID && z === 1);
    assert.ok(x * y >= groups && x * y - groups < y);
  }
});

/** A device of its own with what a backend has. */
async function open() {
  const device = await requestDevice(adapter!);
  const failures = new Failures(device);
  return {
    device,
    failures,
    memory: new DeviceMemory(device),
    pipelines: new PipelineCache(device, failures),
  };
}

testWithAdapter("a pipeline is compiled once for its file, prelude and constants", async () => {
  const { device, pipelines } = await open();
  const dispatch = (WG: number) => ({
    shader: { name: "halve", source: HALVE },
    bindings: {},
    params: {},
    constants: { WG },
    grid: [1, 1, 1] as const,
  });
  assert.equal(pipelines.get(dispatch(32)), pipelines.get(dispatch(32)));
  assert.notEqual(pipelines.get(dispatch(32)), pipelines.get(dispatch(64)));
  assert.equal(pipelines.size, 2);
  device.destroy();
});

testWithAdapter(
  "a kernel that does not compile fails the next call with its file and line",
  async () => {
    const { device, failures, pipelines } = await open();
    const source = HALVE.replace("params.factor", "params.facto");
    pipelines.get({
      shader: { name: "halve", source },
      bindings: {},
      params: {},
      grid: [1, 1, 1],
    });
    await device.queue.onSubmittedWorkDone();
    assert.throws(() => failures.check(), /Cannot compile halve\.wgsl[^]*facto[^]*8:/);
    device.destroy();
  },
);

Deno.test("rowBlocks() cuts at multiples of 128 rows and refuses rows that do not fit", () => {
  const storage = { id: 0, bytes: 4000 };
  const tensor: Tensor = { storage, offset: 0, shape: [500, 2], dtype: "f32", label: "w" };
  const cut = (bytes: number) =>
    rowBlocks("gemm_nt", tensor, 500, 2, { maxStorageBufferBindingSize: bytes })
      .map(({ tensor, first, rows }) => [tensor.offset, first, rows]);
  assert.deepEqual(cut(4000), [[0, 0, 500]]);
  assert.deepEqual(cut(3000), [[0, 0, 256], [2048, 256, 244]]);
  assert.throws(() => cut(1000), {
    name: "RangeError",
    message: /128 rows of "w" take 1024 bytes, the device binds 1000/,
  });
});

/** A tensor without a backend. */
function uploaded(
  device: GPUDevice,
  memory: DeviceMemory,
  { shape, dtype, data }: Input,
  label: string,
): Tensor {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
  const buffer = memory.create(label, Math.ceil(data.length / 4) * 16, usage);
  device.queue.writeBuffer(buffer, 0, data as HostArray & BufferSource);
  const storage: WebgpuStorage = {
    id: 0,
    bytes: data.byteLength,
    buffer,
    pool: undefined,
    freed: false,
  };
  return { storage, offset: 0, shape, dtype, label };
}

/** A tensor's values. */
async function downloaded(device: GPUDevice, { storage }: Tensor): Promise<Float32Array> {
  const { buffer, bytes } = storage as WebgpuStorage;
  const staging = device.createBuffer({
    size: bytes,
    usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
  });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, bytes);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  return new Float32Array(staging.getMappedRange().slice(0));
}

testWithAdapter("dequantize_nf4() of more than a binding holds equals the whole", async () => {
  const { device, failures, memory, pipelines } = await open();
  const { inputs, params } = CASES.dequantize_nf4;
  const run = async (limit: number): Promise<[number, Float32Array]> => {
    const upload = (name: keyof typeof inputs) => uploaded(device, memory, inputs[name], name);
    const y = upload("y");
    const tensors = {
      codes: upload("codes"),
      scales: upload("scales"),
      ranges: upload("ranges"),
      levels: upload("levels"),
      y,
    };
    const dispatches = describe("dequantize_nf4", tensors, params, {
      limits: { maxStorageBufferBindingSize: limit } as GPUSupportedLimits,
      software: true,
      features: { f16: false },
      scratch: () => assert.fail("no scratch is needed"),
    });
    const prepared = dispatches.map((one) => prepare(one, pipelines, device.limits));
    submit("nf4", bind("nf4", prepared, device, memory).dispatches, device);
    const values = await downloaded(device, y);
    failures.check();
    return [dispatches.length, values];
  };
  const [one, whole] = await run(2 ** 27);
  const [several, parts] = await run(60_000);
  assert.deepEqual([one, several], [1, 4]);
  assert.deepEqual(parts, whole);
  device.destroy();
});

const [M, N, K, R] = [9, 300, 390, 3];
const weights = {
  gemm_nt: (t: Record<string, Tensor>) => ({ x: t.x!, w: t.nk!, y: t.mn! }),
  gemm_nn: (t: Record<string, Tensor>) => ({ x: t.x!, w: t.kn!, y: t.mn! }),
  lora_forward: (t: Record<string, Tensor>) => ({
    x: t.x!,
    w: t.nk!,
    xa: t.xa!,
    b: t.b!,
    y: t.mn!,
  }),
  lora_backward: (t: Record<string, Tensor>) => ({
    dY: t.x!,
    w: t.kn!,
    dXa: t.xa!,
    a: t.a!,
    dX: t.mn!,
  }),
} as const;

for (const kernel of Object.keys(weights) as (keyof typeof weights)[]) {
  testWithAdapter(`${kernel}() with a weight larger than a binding equals the whole`, async () => {
    const { device, failures, memory, pipelines } = await open();
    const tensor = (label: string, shape: [number, number]) => {
      const data = Float32Array.from(
        { length: shape[0] * shape[1] },
        (_, i) => (i * 7 % 11) - 5,
      );
      return uploaded(device, memory, { shape, dtype: "f32", data }, label);
    };
    const tensors = {
      x: tensor("x", [M, K]),
      nk: tensor("w", [N, K]),
      kn: tensor("w", [K, N]),
      xa: tensor("xa", [M, R]),
      b: tensor("b", [N, R]),
      a: tensor("a", [R, N]),
      mn: tensor("y", [M, N]),
    };
    const run = async (limit: number): Promise<[number, Float32Array]> => {
      const params = kernel.startsWith("lora")
        ? { m: M, n: N, k: K, r: R, ...(kernel === "lora_backward" ? { accumulate: 0 } : {}) }
        : { m: M, n: N, k: K, alpha: 1, accumulate: 0 };
      const context = {
        limits: { maxStorageBufferBindingSize: limit } as GPUSupportedLimits,
        software: true,
        features: { f16: false },
        scratch: () => assert.fail("no scratch is needed"),
      };
      const dispatches = describe(
        kernel,
        weights[kernel](tensors) as never,
        params as never,
        context,
      );
      const prepared = dispatches.map((one) => prepare(one, pipelines, device.limits));
      submit(kernel, bind(kernel, prepared, device, memory).dispatches, device);
      const y = await downloaded(device, tensors.mn);
      failures.check();
      return [dispatches.length, y];
    };
    // Small whole numbers: sums are exact in any order.
    const [one, whole] = await run(2 ** 27);
    const [several, blocks] = await run(128 * K * 4);
    assert.equal(one, 1);
    assert.ok(several > 1);
    assert.deepEqual(blocks, whole);
    assert.ok(whole.some((value) => value !== 0));
    device.destroy();
  });
}

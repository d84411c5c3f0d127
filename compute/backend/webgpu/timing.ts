// Times of the calls of a plan by timestamp queries: a compute pass for each call.

import { type BoundDispatch, encodePass } from "./encode.ts";
import type { DeviceMemory } from "./memory.ts";

/** Queries of a set, at most, in every implementation. */
const MAX_QUERIES = 4096;

/** Milliseconds that each call took; `counts` are their dispatches. */
export async function timeCalls(
  label: string,
  dispatches: readonly BoundDispatch[],
  counts: readonly number[],
  device: GPUDevice,
  memory: DeviceMemory,
): Promise<Float64Array> {
  const times = new Float64Array(counts.length);
  let dispatch = 0;
  for (let from = 0; from < counts.length; from += MAX_QUERIES / 2) {
    const part = counts.slice(from, from + MAX_QUERIES / 2);
    const count = 2 * part.length;
    const querySet = device.createQuerySet({ label, type: "timestamp", count });
    const resolved = memory.create(
      `${label} timestamps`,
      8 * count,
      GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    );
    const staging = memory.create(
      `${label} timestamps, read`,
      8 * count,
      GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    );
    const encoder = device.createCommandEncoder({ label });
    part.forEach((length, call) => {
      const own = dispatches.slice(dispatch, dispatch + length);
      dispatch += length;
      encodePass(encoder, own, {
        timestampWrites: {
          querySet,
          beginningOfPassWriteIndex: 2 * call,
          endOfPassWriteIndex: 2 * call + 1,
        },
      });
    });
    encoder.resolveQuerySet(querySet, 0, count, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, 8 * count);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const stamps = new BigUint64Array(staging.getMappedRange().slice(0));
    part.forEach((_, call) => {
      times[from + call] = Number(stamps[2 * call + 1]! - stamps[2 * call]!) / 1e6;
    });
    staging.unmap();
    memory.destroy(staging);
    memory.destroy(resolved);
    querySet.destroy();
  }
  return times;
}

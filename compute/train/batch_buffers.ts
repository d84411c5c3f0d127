// A batch in device memory: a recorded step reads the same buffers each time.

import type { Backend, Tensor } from "../backend/backend.ts";
import type { BatchTensors } from "../models/transformer.ts";
import type { Batch } from "./batch.ts";

/** What is uploaded; without `weight` where the device computes it. */
export type UploadedBatch = Pick<Batch, "ids" | "targets" | "start" | "end"> & {
  readonly weight?: Float32Array;
};

/** Device memory for a batch of N tokens. */
export class BatchBuffers implements BatchTensors {
  readonly ids: Tensor;
  readonly targets: Tensor;
  readonly weight: Tensor;
  readonly start: Tensor;
  readonly end: Tensor;

  constructor(readonly backend: Backend, readonly tokens: number) {
    const u32 = (label: string) => backend.empty([tokens], "u32", label);
    this.ids = u32("batch.ids");
    this.targets = u32("batch.targets");
    this.weight = backend.empty([tokens], "f32", "batch.weight");
    this.start = u32("batch.start");
    this.end = u32("batch.end");
  }

  /** Uploads a batch of exactly N tokens. */
  write(batch: UploadedBatch): void {
    if (batch.ids.length !== this.tokens) {
      throw new RangeError(
        `Cannot take a batch of ${batch.ids.length} tokens: this run was recorded for ${this.tokens}`,
      );
    }
    for (const name of ["ids", "targets", "weight", "start", "end"] as const) {
      const data = batch[name];
      if (data) this.backend.write(this[name], data);
    }
  }

  /** Gives the memory back. */
  free(): void {
    for (const name of ["ids", "targets", "weight", "start", "end"] as const) {
      this.backend.free(this[name]);
    }
  }
}

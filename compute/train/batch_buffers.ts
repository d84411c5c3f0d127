// Batches in device memory: a recorded step reads the same buffers each time. The micro-batches of an optimiser
// step are uploaded together and come into view one after the other, so that the step is one submission.

import { type Backend, type Plan, type Tensor, view } from "../backend/backend.ts";
import { SAMPLED_WIDTH } from "../backend/kernels.ts";
import type { BatchTensors } from "../models/transformer.ts";
import type { Batch } from "./batch.ts";
import type { RolloutBatch } from "./rollout.ts";

/** Elements that a field's are padded to: views start at multiples of 256 bytes. */
const ALIGNMENT = 64;

/** Micro-batches of a submission at most: drivers may end what runs for many seconds. */
const MOST_SLOTS = 16;

/** Elements a token of what is uploaded: a policy's weights are computed on the device. */
const FIELDS = {
  supervised: { ids: 1, targets: 1, start: 1, end: 1, weight: 1 },
  sampled: { ids: 1, targets: 1, start: 1, end: 1, sampled: SAMPLED_WIDTH },
} as const;

/** Device memory for batches of N tokens, of which one is in view. */
export class BatchBuffers implements BatchTensors {
  readonly ids: Tensor;
  readonly targets: Tensor;
  readonly weight: Tensor;
  readonly start: Tensor;
  readonly end: Tensor;
  /** Of sampled batches: old log-probability, advantage and share, [N, 3]. */
  readonly sampled: Tensor | undefined;
  /** Where a batch's fields begin. */
  readonly #fields = new Map<string, number>();
  /** The batch in view, u32[size]. */
  readonly #seen: Tensor;
  /** Those of a step, u32[slots, size], a row's number, and what brings each into view; none for a single one. */
  readonly #step: Tensor | undefined;
  readonly #row: Tensor | undefined;
  readonly #loads: readonly Plan[];
  readonly #host: Uint32Array<ArrayBuffer>;

  /** `slots` is the number of micro-batches in an optimiser step. */
  constructor(
    readonly backend: Backend,
    readonly tokens: number,
    { slots = 1, kind = "supervised" }: {
      readonly slots?: number;
      readonly kind?: keyof typeof FIELDS;
    } = {},
  ) {
    let size = 0;
    for (const [name, width] of Object.entries(FIELDS[kind])) {
      this.#fields.set(name, size);
      size += Math.ceil(width * tokens / ALIGNMENT) * ALIGNMENT;
    }
    const count = Math.min(slots, MOST_SLOTS);
    this.#host = new Uint32Array(count * size);
    this.#seen = backend.empty([size], "u32", "batch");
    const field = (name: string, dtype: "u32" | "f32", shape = [tokens]) => ({
      ...view(this.#seen, this.#fields.get(name)!, shape, `batch.${name}`),
      dtype,
    });
    this.ids = field("ids", "u32");
    this.targets = field("targets", "u32");
    this.start = field("start", "u32");
    this.end = field("end", "u32");
    if (kind === "sampled") {
      this.sampled = field("sampled", "f32", [tokens, SAMPLED_WIDTH]);
      this.weight = backend.empty([tokens], "f32", "batch.weight");
    } else this.weight = field("weight", "f32");
    this.#loads = [];
    if (count === 1) return;
    this.#step = backend.empty([count, size], "u32", "batches");
    this.#row = backend.empty([1], "u32", "batch.row");
    backend.write(this.#row, Uint32Array.of(0));
    this.#loads = Array.from({ length: count }, (_, slot) => this.#recordLoad(slot, size));
  }

  /** Uploads a batch of exactly N tokens into view. */
  write(batch: Batch | RolloutBatch): void {
    this.#upload([batch], this.#seen);
  }

  /** Replays `each` for every batch and `last` behind them: one submission, if there are slots for all. */
  run(batches: readonly (Batch | RolloutBatch)[], each: Plan, last: Plan): void {
    const slots = Math.max(this.#loads.length, 1);
    for (let at = 0; at === 0 || at < batches.length; at += slots) {
      const some = batches.slice(at, at + slots);
      const loads = some.length > 1 ? this.#loads : [];
      this.#upload(some, loads.length > 0 ? this.#step! : this.#seen);
      const plans = some.flatMap((_, slot) => [...loads.slice(slot, slot + 1), each]);
      this.backend.replay(...plans, ...at + slots < batches.length ? [] : [last]);
    }
  }

  #upload(batches: readonly (Batch | RolloutBatch)[], target: Tensor): void {
    const [size] = this.#seen.shape as [number];
    batches.forEach((batch, slot) => {
      if (batch.ids.length !== this.tokens) {
        throw new RangeError(
          `Cannot take a batch of ${batch.ids.length} tokens: this run was recorded for ` +
            `${this.tokens}`,
        );
      }
      const data = batch as unknown as Readonly<Record<string, Uint32Array | Float32Array>>;
      for (const [name, at] of this.#fields) {
        const { buffer, byteOffset, length } = data[name]!;
        this.#host.set(new Uint32Array(buffer, byteOffset, length), slot * size + at);
      }
    });
    this.backend.write(target, this.#host.subarray(0, batches.length * size));
  }

  #recordLoad(slot: number, size: number): Plan {
    const { backend } = this, row = this.#row!;
    // The kernel moves bits, whatever they mean.
    const x = { ...view(this.#step!, slot * size, [1, size], "batches"), dtype: "f32" as const };
    const y = { ...this.#seen, dtype: "f32" as const };
    return backend.record(
      "batch",
      () => backend.run("copy_rows", { x, from: row, to: row, y }, { rows: 1, cols: size }),
    );
  }

  /** Gives the memory back. */
  free(): void {
    const { backend } = this;
    this.#loads.forEach((plan) => backend.release(plan));
    [this.#seen, this.#step, this.#row].forEach((tensor) => tensor && backend.free(tensor));
    if (this.sampled) backend.free(this.weight);
  }
}

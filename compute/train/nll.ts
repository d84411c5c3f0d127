// The NLL of each position of a batch, for those who want more than its mean.

import type { Plan, Tensor } from "../backend/backend.ts";
import type { Model } from "../models/model.ts";
import { loss } from "../models/transformer.ts";
import type { Batch } from "./batch.ts";

const INPUTS = ["ids", "targets", "weight", "start", "end"] as const;

/** Forward passes of a fixed number of tokens. */
export class NllStep {
  readonly #inputs: Readonly<Record<typeof INPUTS[number], Tensor>>;
  readonly #nll: Tensor;
  readonly #plan: Plan;

  constructor(readonly model: Model, readonly tokens: number) {
    const { backend } = model;
    const make = (name: typeof INPUTS[number]) =>
      backend.empty([tokens], name === "weight" ? "f32" : "u32", `nll.${name}`);
    this.#inputs = {
      ids: make("ids"),
      targets: make("targets"),
      weight: make("weight"),
      start: make("start"),
      end: make("end"),
    };
    this.#nll = backend.empty([tokens], "f32", "nll");
    this.#plan = backend.record("nll", () => {
      const nll = loss(model, this.#inputs);
      backend.run("scale", { x: nll, y: this.#nll }, { n: tokens, scale: 1, accumulate: 0 });
      backend.free(nll);
    });
  }

  /** −log p of each target, in nats, [N]; 0 where ignored. */
  async run(batch: Batch): Promise<Float32Array> {
    const { backend } = this.model;
    for (const name of INPUTS) backend.write(this.#inputs[name], batch[name]);
    backend.replay(this.#plan);
    return await backend.read(this.#nll) as Float32Array;
  }

  free(): void {
    const { backend } = this.model;
    backend.release(this.#plan);
    [this.#nll, ...Object.values(this.#inputs)].forEach((tensor) => backend.free(tensor));
  }
}

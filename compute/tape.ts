// Records coarse ops as they run forward and replays their backward functions in reverse. It knows
// gradients and lifetimes, not mathematics: each layer pushes one entry with what it made.
//
// Lifetimes: an op's outputs and saved tensors are needed until its own backward has run, because
// all consumers come later in the forward pass and so earlier in the backward pass. The tape frees
// them then; the memory is used again by what follows.

import type { Backend, Tensor } from "./backend/backend.ts";

/** One op on the tape. */
export interface TapeEntry {
  /** Tensors the op made, freed after its backward together with their gradients. */
  readonly outputs: readonly Tensor[];
  /** Further tensors its backward needs, freed with the outputs. */
  readonly saved?: readonly Tensor[];
  /** Fills the gradients of the op's inputs. Not called where no output has a gradient. */
  readonly backward: () => void;
}

/** A gradient to fill: `=` for the first consumer that runs, `+=` for the others. */
export interface GradientSlot {
  readonly tensor: Tensor;
  readonly accumulate: boolean;
}

interface Gradient {
  readonly tensor: Tensor;
  /** Borrowed memory belongs to another gradient: it is read, never added to, and not freed here. */
  readonly borrowed: boolean;
}

/** Which activations need gradients, and what they are so far. */
class GradientTable {
  readonly required = new Set<Tensor>();
  readonly values = new Map<Tensor, Gradient>();
}

/** A forward pass that can be run backward. In inference mode it records nothing and frees at once. */
export class Tape {
  readonly #entries: TapeEntry[] = [];
  readonly #discarded = new Set<Tensor>();
  readonly #gradients: GradientTable;

  constructor(
    readonly backend: Backend,
    readonly mode: "training" | "inference",
    gradients = new GradientTable(),
  ) {
    this.#gradients = gradients;
  }

  /** True if a gradient is wanted for any of these. */
  requires(...tensors: readonly Tensor[]): boolean {
    return this.mode === "training" && tensors.some((t) => this.#gradients.required.has(t));
  }

  /** Records an op whose outputs need gradients because of its inputs or its own parameters. */
  push(entry: TapeEntry): void {
    if (this.mode === "inference") {
      entry.saved?.forEach((t) => this.backend.free(t));
      return;
    }
    for (const output of entry.outputs) this.#gradients.required.add(output);
    this.#entries.push(entry);
  }

  /** Records an op that no gradient passes through: its tensors live as long as others may read them. */
  pushConstant(outputs: readonly Tensor[], saved: readonly Tensor[] = []): void {
    saved.forEach((t) => this.backend.free(t));
    if (this.mode === "training") this.#entries.push({ outputs, backward: () => {} });
  }

  /** Says that the forward pass is done with a tensor; the backward pass may still read it. */
  done(...tensors: readonly Tensor[]): void {
    if (this.mode === "inference") tensors.forEach((t) => this.backend.free(t));
  }

  /** Says that neither pass reads a tensor's values any more; its gradient may still come. */
  discard(tensor: Tensor): void {
    this.backend.free(tensor);
    this.#discarded.add(tensor);
  }

  /** The gradient of an output, complete when its op's backward runs. */
  gradient(output: Tensor): Tensor {
    const gradient = this.#gradients.values.get(output);
    if (!gradient) throw new TypeError(`Cannot run backward: no gradient reached ${output.label}`);
    return gradient.tensor;
  }

  /** Where to put an input's gradient, or undefined if none is wanted. */
  slot(input: Tensor): GradientSlot | undefined {
    if (!this.#gradients.required.has(input)) return undefined;
    const existing = this.#gradients.values.get(input);
    if (existing?.borrowed) {
      throw new TypeError(`Cannot add to the gradient of ${input.label}: its memory is borrowed`);
    }
    if (existing) return { tensor: existing.tensor, accumulate: true };
    const tensor = this.backend.empty(input.shape, "f32", `d(${input.label})`);
    this.#gradients.values.set(input, { tensor, borrowed: false });
    return { tensor, accumulate: false };
  }

  /** Starts the backward pass: `gradient`, which the tape then owns, is the output's. */
  seed(output: Tensor, gradient: Tensor): void {
    this.#gradients.values.set(output, { tensor: gradient, borrowed: false });
  }

  /**
   * Hands a sum's gradient on to both terms without copying: the stream keeps the memory and later
   * ops add to it, the branch borrows it. Sound because the branch was computed from the stream, so
   * everything that reads the branch's gradient runs before anything adds to the stream's.
   */
  passThrough(sum: Tensor, stream: Tensor, branch: Tensor): void {
    const { values, required } = this.#gradients;
    const gradient = values.get(sum)!;
    values.delete(sum);
    const streamWants = required.has(stream);
    if (streamWants) values.set(stream, gradient);
    if (required.has(branch)) {
      values.set(branch, { tensor: gradient.tensor, borrowed: streamWants });
    } else if (!streamWants) this.backend.free(gradient.tensor);
  }

  /** Runs `body` without keeping its activations, and again when the backward pass needs them (Chen et al. 2016). */
  checkpoint(x: Tensor, body: (tape: Tape, x: Tensor) => Tensor): Tensor {
    if (this.mode === "inference") return body(this, x);
    const y = body(new Tape(this.backend, "inference"), x);
    this.push({
      outputs: [y],
      backward: () => {
        const inner = new Tape(this.backend, "training", this.#gradients);
        const again = body(inner, x);
        const gradient = this.#gradients.values.get(y)!;
        this.#gradients.values.delete(y);
        this.#gradients.values.set(again, gradient);
        inner.backward();
      },
    });
    return y;
  }

  /** Runs every op's backward in reverse order, freeing tensors as they fall out of use. */
  backward(): void {
    for (const entry of this.#entries.reverse()) {
      if (entry.outputs.length === 0 || this.requires(...entry.outputs)) entry.backward();
      for (const output of entry.outputs) {
        const gradient = this.#gradients.values.get(output);
        if (gradient && !gradient.borrowed) this.backend.free(gradient.tensor);
        this.#gradients.values.delete(output);
        if (!this.#discarded.has(output)) this.backend.free(output);
      }
      entry.saved?.forEach((t) => this.backend.free(t));
    }
    this.#entries.length = 0;
  }
}

// The NLL of a data set under a loaded model, batch by batch.

import { NO_ADAPTER } from "../../compute/models/adapter_bank.ts";
import type { Tensor } from "../../compute/backend/backend.ts";
import { ratioEstimate } from "../../compute/theory/estimates.ts";
import { NllStep } from "../../compute/train/nll.ts";
import { counts, type Example, IGNORED_TARGET } from "../../data/example.ts";
import { type ExampleStream, isStream, openExamples } from "../../data/load.ts";
import { modelTokenizer } from "../../data/model_tokenizer.ts";
import { layOut, packRows, weigh } from "../../data/pack.ts";
import { InvalidSpecError } from "../spec/problems.ts";
import type { EvaluateJob, JobEvent } from "./generation_protocol.ts";
import type { GenerationEngine } from "./generation_engine.ts";
import { notFinite } from "./not_finite.ts";
import { inputMessage } from "./stored_models.ts";

/** Tokens of a sequence where the request does not say. */
const DEFAULT_MAX_LENGTH = 2048;
/** Tokens of a batch, unless a single sequence has more. */
const BATCH_TOKENS = 2048;

/** Σ nll and counted tokens of one example. */
interface Measured {
  readonly total: number;
  readonly weight: number;
}

/** A data set being measured. */
export class NllTask {
  readonly #measured: Measured[] = [];
  #waiting: Example[] = [];
  #block = 0;
  #cancelled = false;

  private constructor(
    readonly examples: ExampleStream | undefined,
    readonly step: NllStep,
    readonly choice: Tensor | undefined,
    readonly maxLength: number,
    readonly request: EvaluateJob,
    readonly emit: (event: JobEvent) => void,
  ) {}

  /**
   * Opens the data set.
   *
   * @throws {InvalidSpecError} if it is not there, or does not fit the model.
   */
  static async open(
    request: EvaluateJob,
    engine: GenerationEngine,
    emit: (event: JobEvent) => void,
  ): Promise<NllTask> {
    const { task } = request;
    if (task.kind !== "nll") throw new TypeError(`Cannot measure: the task is ${task.kind}`);
    const { model, bank } = engine;
    const positions = model.config.max_position_embeddings;
    const maxLength = task.max_length ?? Math.min(DEFAULT_MAX_LENGTH, positions);
    if (maxLength > positions) {
      const message = `Expected at most ${positions}, the model's context, but found ${maxLength}`;
      throw new InvalidSpecError([{ path: "/task/max_length", message }]);
    }
    const { dataset } = task;
    const named = typeof dataset === "string" || "name" in dataset;
    let examples: readonly Example[] | ExampleStream | undefined;
    try {
      examples = await openExamples(dataset, {
        purpose: named && !(typeof dataset === "object" && dataset.split) ? "test" : "train",
        maxLength,
        folder: engine.context.paths.datasets,
        tokenizer: await modelTokenizer(engine.folder),
        vocabSize: model.config.vocab_size,
        completionOnly: task.completion_only_loss,
      });
      if (examples === undefined) {
        throw new RangeError("Cannot evaluate: the dataset holds nothing out, expected a split");
      }
    } catch (error) {
      throw new InvalidSpecError([{ path: "/task/dataset", message: inputMessage(error) }]);
    }
    const { length, rows } = batchShape(isStream(examples) ? undefined : examples, maxLength);
    const tokens = rows * length;
    const { backend } = model;
    const choice = bank && backend.empty([tokens], "u32", "nll.choice");
    if (choice) {
      const own = engine.adapterIndex(request.adapter) ?? NO_ADAPTER;
      backend.write(choice, new Uint32Array(tokens).fill(own));
    }
    const step = new NllStep(choice ? bank!.attach(model, choice) : model, tokens);
    const stream = isStream(examples) ? examples : undefined;
    const measure = new NllTask(stream, step, choice, length, request, emit);
    if (!isStream(examples)) measure.#waiting = examples.filter(counts);
    const { kind, device } = backend.info;
    emit({ type: "accepted", backend: kind, device, prompt_tokens: [] });
    return measure;
  }

  /** Measures one more batch; true once all is told. */
  async report(): Promise<boolean> {
    const { examples, step: { tokens }, maxLength } = this;
    const waiting = () => this.#waiting.reduce((sum, { ids }) => sum + ids.length, 0);
    while (
      !this.#cancelled && examples && this.#block < examples.blocks.length && waiting() < tokens
    ) {
      this.#waiting.push(...(await readBlock(examples, this.#block++)).filter(counts));
    }
    if (this.#cancelled) return this.#end();
    if (this.#waiting.length === 0) {
      this.#tell();
      return this.#end();
    }
    await this.#measure(tokens / maxLength);
    this.emit({ type: "progress", done: this.#measured.length, total: null });
    return false;
  }

  cancel(): void {
    this.#cancelled = true;
  }

  /** As many of those waiting as fill a batch, packed as in training. */
  async #measure(rows: number): Promise<void> {
    const { maxLength } = this;
    let count = 0, room = rows * maxLength;
    while (count < this.#waiting.length && room >= this.#waiting[count]!.ids.length) {
      room -= this.#waiting[count++]!.ids.length;
    }
    // Packing may need a row more than the tokens alone.
    let packed = packRows(this.#waiting.slice(0, count).map(({ ids }) => ids.length), maxLength);
    while (packed.length > rows) {
      count--;
      packed = packRows(this.#waiting.slice(0, count).map(({ ids }) => ids.length), maxLength);
    }
    const part = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    const [batch] = weigh([layOut(part, packed, { rows, length: maxLength })]);
    const nll = await this.step.run(batch!);
    packed.forEach((row, r) => {
      let at = r * maxLength;
      for (const index of row) {
        const { targets } = part[index]!;
        let total = 0, weight = 0;
        targets.forEach((target, i) => {
          if (target === IGNORED_TARGET) return;
          total += nll[at + i]!;
          weight++;
        });
        this.#measured.push({ total, weight });
        at += targets.length;
      }
    });
  }

  #tell(): void {
    if (this.#measured.length === 0) {
      const message = "Expected a token that counts but found none";
      throw new InvalidSpecError([{ path: "/task/dataset", message }]);
    }
    const nll = ratioEstimate(this.#measured);
    if (!Number.isFinite(nll.value)) throw notFinite(this.request);
    this.emit({
      type: "result",
      result: {
        kind: "nll",
        nll,
        bits: nll.value / Math.LN2,
        perplexity: Math.exp(nll.value),
        tokens: this.#measured.reduce((sum, { weight }) => sum + weight, 0),
        examples: this.#measured.length,
      },
    });
    this.emit({ type: "done" });
  }

  #end(): true {
    this.step.free();
    if (this.choice) this.step.model.backend.free(this.choice);
    return true;
  }
}

/** Later rows of a stream are read only now, and may be wrong. */
async function readBlock(examples: ExampleStream, block: number): Promise<Example[]> {
  try {
    return await examples.read(block);
  } catch (error) {
    throw new InvalidSpecError([{ path: "/task/dataset", message: inputMessage(error) }]);
  }
}

/** Rows of a batch and tokens of a row; no more than examples that lie in memory need. */
function batchShape(examples: readonly Example[] | undefined, maxLength: number) {
  const length = examples?.reduce((most, { ids }) => Math.max(most, ids.length), 1) ?? maxLength;
  const rows = Math.min(Math.floor(BATCH_TOKENS / length), examples?.length ?? Infinity);
  return { length, rows: Math.max(1, rows) };
}

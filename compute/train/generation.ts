// What a sampler is asked and what it answers. Names are those of Hugging Face's generation options.

/** How the next token is drawn. Filters apply in this order: top_k, top_p (of what top_k left), min_p. */
export interface SamplingOptions {
  /** Divides the logits; 0 takes the likeliest token (the lowest id of equal ones). @default {1} */
  readonly temperature?: number;
  /** Keep the k likeliest tokens and those equal to the last of them; 0 keeps all. @default {0} */
  readonly top_k?: number;
  /** Keep the likeliest tokens that together have at least this probability. @default {1} */
  readonly top_p?: number;
  /** Keep tokens of at least this share of the largest probability. @default {0} */
  readonly min_p?: number;
}

/** Why a completion ended: a stop token or stop test, or no room for more tokens. */
export type FinishReason = "stop" | "length";

/** One sampled continuation of T tokens. */
export interface Completion {
  /** The tokens, a stop token included, [T]. */
  readonly ids: Uint32Array;
  /**
   * Log-probability of each token under softmax(logits / temperature), in nats, [T]: what a trainer
   * computes again. Filters do not change it; at temperature 0 it is that of temperature 1.
   */
  readonly logprobs: Float32Array;
  readonly finish_reason: FinishReason;
}

/** What {@linkcode Generator} is asked. */
export interface GenerateOptions extends SamplingOptions {
  /** Most tokens of a completion; absent: as many as the generator has room for. */
  readonly max_new_tokens?: number;
  /** Completions of each prompt, which is read once for all of them. @default {1} */
  readonly num_generations?: number;
  /** For each prompt the position of its adapter in the generator's bank; undefined: the model as it is. */
  readonly adapters?: readonly (number | undefined)[];
  /** Tokens that end a completion, 8 at most. */
  readonly stop_token_ids?: readonly number[];
  /** Key of the random numbers: completion c of the call draws number t from (seed, stream, c, t). @default {0} */
  readonly seed?: number;
  /** A second key, such as the training step. @default {0} */
  readonly stream?: number;
}

/** Sizes that a generator is made for. */
export interface GeneratorOptions {
  /** Sequences that are decoded side by side; further ones wait for a free place. */
  readonly batch: number;
  readonly maxPromptLength: number;
  readonly maxCompletionLength: number;
  /** Tokens of a prompt and its completion together; absent: the sum of both. */
  readonly maxLength?: number;
  /** Pages that the cache has in all; absent: enough for a full batch of the longest sequences. */
  readonly pages?: number;
  /** Steps between two looks at the device; absent: 1 on the cpu, 16 on a GPU. */
  readonly stepsPerRead?: number;
}

/** Samples from a live model: its weights are read where they lie, so that training them changes what is sampled. */
export interface Generator {
  /**
   * Continues prompts. Completion i of prompt p is at p · num_generations + i.
   *
   * The same call gives the same tokens whatever else is being decoded.
   *
   * @throws {RangeError} if a prompt is empty or too long, or an option is out of range.
   */
  generate(
    prompts: readonly Uint32Array[],
    options?: GenerateOptions,
  ): Promise<Completion[]>;

  /** Frees the cache and the recorded plans; the model stays. */
  free(): void;
}

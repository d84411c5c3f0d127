// A sampler with no cache: every token runs the whole sequence again, through the trainer's own forward
// pass. What a fast sampler must agree with.

import { logits } from "../../compute/models/transformer.ts";
import type { Model } from "../../compute/models/model.ts";
import { philox } from "../../compute/rng.ts";
import type { Completion, GenerateOptions, Generator } from "../../compute/train/generation.ts";

interface Sequence {
  readonly ids: number[];
  readonly logprobs: number[];
  readonly prompt: number;
  done: boolean;
}

/** Samples one token at a time for all completions at once. Filters are not supported. */
export function slowGenerator(model: Model): Generator {
  return {
    async generate(prompts, options: GenerateOptions = {}): Promise<Completion[]> {
      const { temperature = 1, num_generations = 1, stop_token_ids = [], seed = 0, stream = 0 } =
        options;
      const sequences = prompts.flatMap((prompt) =>
        Array.from(
          { length: num_generations },
          (): Sequence => ({ ids: [...prompt], logprobs: [], prompt: prompt.length, done: false }),
        )
      );
      for (let t = 0; t < options.max_new_tokens! && sequences.some((s) => !s.done); t++) {
        const rows = await lastLogits(model, sequences);
        sequences.forEach((sequence, c) => {
          if (sequence.done) return;
          const logprobs = logSoftmax(rows[c]!, temperature || 1);
          const uniform = (philox([c, t, stream, 0], [seed, 0])[0] + 0.5) / 2 ** 32;
          const token = temperature === 0 ? likeliest(rows[c]!) : draw(logprobs, uniform);
          sequence.ids.push(token);
          sequence.logprobs.push(logprobs[token]!);
          sequence.done = stop_token_ids.includes(token);
        });
      }
      return sequences.map(({ ids, logprobs, prompt, done }) => ({
        ids: Uint32Array.from(ids.slice(prompt)),
        logprobs: Float32Array.from(logprobs),
        finish_reason: done ? "stop" : "length",
      }));
    },
    free() {},
  };
}

async function lastLogits(model: Model, sequences: readonly Sequence[]): Promise<Float32Array[]> {
  const { backend } = model;
  const ids: number[] = [], start: number[] = [], end: number[] = [], last: number[] = [];
  for (const sequence of sequences) {
    const at = ids.length;
    ids.push(...sequence.ids);
    sequence.ids.forEach(() => {
      start.push(at);
      end.push(at + sequence.ids.length);
    });
    last.push(ids.length - 1);
  }
  const upload = (values: number[]) => {
    const tensor = backend.empty([values.length], "u32", "input");
    backend.write(tensor, Uint32Array.from(values));
    return tensor;
  };
  const batch = { ids: upload(ids), start: upload(start), end: upload(end) };
  const y = logits(model, batch);
  const all = await backend.read(y) as Float32Array;
  [y, batch.ids, batch.start, batch.end].forEach((tensor) => backend.free(tensor));
  const vocab = model.config.vocab_size;
  return last.map((n) => all.subarray(n * vocab, (n + 1) * vocab));
}

function logSoftmax(row: Float32Array, temperature: number): number[] {
  const tempered = Array.from(row, (z) => z / temperature);
  const top = Math.max(...tempered);
  const total = top + Math.log(tempered.reduce((sum, z) => sum + Math.exp(z - top), 0));
  return tempered.map((z) => z - total);
}

function draw(logprobs: readonly number[], uniform: number): number {
  let sum = 0;
  for (let token = 0; token < logprobs.length; token++) {
    sum += Math.exp(logprobs[token]!);
    if (sum > uniform) return token;
  }
  return logprobs.length - 1;
}

const likeliest = (row: Float32Array) => row.indexOf(Math.max(...row));

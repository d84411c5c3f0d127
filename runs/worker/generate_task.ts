// A request to continue prompts: from text to sequences of the shared batch, and back as they grow.

import { chatPrompt, type ModelText } from "../../data/model_text.ts";
import { TextStream } from "../../data/text_stream.ts";
import { tokenText } from "../../data/token_text.ts";
import type { Sequence } from "../../compute/train/generate.ts";
import { InvalidSpecError } from "../spec/problems.ts";
import type { GenerationEngine } from "./generation_engine.ts";
import type { GenerateJob, JobEvent } from "./generation_protocol.ts";
import { notFinite } from "./not_finite.ts";
import { inputMessage } from "./stored_models.ts";

/** Tokens of a completion whose length is not asked for. */
const NEW_TOKENS = 256;

interface Completion {
  readonly sequence: Sequence;
  readonly text: TextStream | undefined;
  told: number;
  finished: boolean;
}

/** Sequences of one request, under way in the engine's batch. */
export class GenerateTask {
  readonly #completions: Completion[];
  #cancelled = false;

  /**
   * Puts the request's sequences in line.
   *
   * @throws {InvalidSpecError} if a prompt does not fit the model.
   */
  constructor(
    readonly request: GenerateJob,
    readonly engine: GenerationEngine,
    readonly emit: (event: JobEvent) => void,
  ) {
    const { text, generator, model } = engine;
    const prompts = promptsOf(request, text);
    const { eosIds, tokenizer } = text;
    if (request.stop.length > 0 && !tokenizer) {
      throw new InvalidSpecError([{
        path: "/stop",
        message: "Expected none: the model has no tokeniser; stop_token_ids work without one",
      }]);
    }
    const stopTokenIds = [...request.ignore_eos ? [] : eosIds, ...request.stop_token_ids];
    const adapter = engine.adapterIndex(request.adapter);
    const requests = prompts.flatMap(({ ids: prompt }, p) =>
      Array.from({ length: request.num_generations }, (_, i) => {
        const text = tokenizer && new TextStream(tokenizer, request.stop);
        return {
          text,
          sequence: {
            prompt,
            adapter,
            sampling: request,
            maxNewTokens: request.max_new_tokens ??
              Math.max(1, Math.min(NEW_TOKENS, generator.options.maxLength! - prompt.length)),
            stopTokenIds,
            seed: request.seed,
            stream: 0,
            index: p * request.num_generations + i,
            endsAt: text && endsAt(text, stopTokenIds),
          },
        };
      })
    );
    // One of each prompt's stands for the others.
    prompts.forEach(({ path }, p) => {
      try {
        generator.check(requests[p * request.num_generations]!.sequence);
      } catch (error) {
        throw new InvalidSpecError([{ path, message: inputMessage(error) }]);
      }
    });
    const { kind, device } = model.backend.info;
    emit({
      type: "accepted",
      backend: kind,
      device,
      prompt_tokens: prompts.map(({ ids }) => ids.length),
    });
    this.#completions = requests.map(({ sequence, text }) => ({
      sequence: generator.add(sequence),
      text,
      told: 0,
      finished: false,
    }));
  }

  /** Tells what has come since the last call; true once all has. */
  report(): boolean {
    if (this.#cancelled) return true;
    this.#completions.forEach((completion, index) => {
      if (!completion.finished) this.#tell(completion, index);
    });
    const done = this.#completions.every(({ finished }) => finished);
    if (done) this.emit({ type: "done" });
    return done;
  }

  /** Takes the sequences out of the batch. */
  cancel(): void {
    this.#cancelled = true;
    for (const { sequence } of this.#completions) sequence.cancelled = true;
  }

  #tell(completion: Completion, index: number): void {
    const { sequence, text, told } = completion;
    const finish_reason = sequence.finish ?? null;
    if (sequence.ids.length === told && finish_reason === null) return;
    if (sequence.logprobs.slice(told).some(Number.isNaN)) throw notFinite(this.request);
    if (finish_reason !== null) text?.finish();
    const ids = sequence.ids.slice(told);
    const { tokenizer } = this.engine.text;
    this.emit({
      type: "delta",
      completion: index,
      text: text ? text.take() : null,
      ids,
      logprobs: this.request.logprobs ? sequence.logprobs.slice(told) : [],
      tokens: this.request.logprobs && tokenizer ? ids.map((id) => tokenText(tokenizer, id)) : [],
      finish_reason,
    });
    completion.told = sequence.ids.length;
    completion.finished = finish_reason !== null;
  }
}

/** Feeds the text, token by token, and ends a completion at a stop string. */
export function endsAt(text: TextStream, stopTokenIds: readonly number[]) {
  return (ids: readonly number[]): number | undefined => {
    const id = ids.at(-1)!;
    if (!stopTokenIds.includes(id)) text.push(id);
    return text.stopped ? ids.length : undefined;
  };
}

/** The tokens of each prompt, and where in the request it is. */
function promptsOf(
  request: GenerateJob,
  text: ModelText,
): { ids: Uint32Array; path: string }[] {
  const invalid = (path: string, message: string) => new InvalidSpecError([{ path, message }]);
  const encode = (prompt: string, path: string): Uint32Array => {
    if (!text.tokenizer) {
      throw invalid(path, "Expected token ids: the model has no tokeniser");
    }
    return text.tokenizer.encode(prompt, { addSpecialTokens: request.add_special_tokens }).ids;
  };
  if (request.messages !== undefined) {
    const path = "/messages";
    try {
      return [{ ids: chatPrompt(text, request.messages), path }];
    } catch (error) {
      throw invalid(path, inputMessage(error));
    }
  }
  return request.prompts!.map((prompt, i) => {
    const path = `/prompts/${i}`;
    const ids = typeof prompt === "string" ? encode(prompt, path) : Uint32Array.from(prompt);
    return { ids, path };
  });
}

// What the service and its generation process say to each other: a JSON document a line, over the process's
// standard input and output.

import type { TokenText } from "../../data/token_text.ts";
import type { EvaluateRequest, EvaluateResult } from "../spec/evaluate.ts";
import type { GenerateRequest } from "../spec/generate.ts";
import type { Problem } from "../spec/problems.ts";

/** A request to continue prompts, its seed decided. */
export type GenerateJob = GenerateRequest & { readonly seed: number };

/** A request to judge a model. */
export type EvaluateJob = EvaluateRequest;

/** What a process is asked to do. */
export type Job =
  | { readonly kind: "generate"; readonly request: GenerateJob }
  | { readonly kind: "evaluate"; readonly request: EvaluateJob };

/** To the process. */
export type Command =
  | { readonly id: number; readonly job: Job }
  | { readonly id: number; readonly cancel: true };

/** What begins a completed request: what it runs on, and how long its prompts are. */
export interface Accepted {
  readonly type: "accepted";
  readonly backend: "cpu" | "webgpu";
  readonly device: string;
  readonly prompt_tokens: readonly number[];
}

/** More of a completion. `completion` counts over all prompts: prompt · num_generations + index. */
export interface Delta {
  readonly type: "delta";
  readonly completion: number;
  /** Null where the model has no tokeniser. */
  readonly text: string | null;
  readonly ids: readonly number[];
  readonly logprobs: readonly number[];
  /** Each token by itself, where log-probabilities are asked for. */
  readonly tokens: readonly TokenText[];
  readonly finish_reason: "stop" | "length" | null;
}

/** What happens to a request. After `done`, `invalid` or `failed` there is no more. */
export type JobEvent =
  | Accepted
  | Delta
  /** Problems or examples that are done, of how many if that is known. */
  | { readonly type: "progress"; readonly done: number; readonly total: number | null }
  | { readonly type: "result"; readonly result: EvaluateResult }
  | { readonly type: "done" }
  | { readonly type: "invalid"; readonly problems: readonly Problem[] }
  | { readonly type: "failed"; readonly message: string };

/** From the process. */
export type Reply = JobEvent & { readonly id: number };

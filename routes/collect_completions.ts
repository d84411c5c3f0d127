// Whole completions out of their pieces.

import { clientGone } from "./aborted.ts";
import type { Usage } from "../runs/spec/generate.ts";
import type { Accepted, Delta, GenerateJob, JobEvent } from "../runs/worker/generation_protocol.ts";

/** A completion as it stands. */
export interface Collected {
  text: string | null;
  ids: number[];
  logprobs: number[];
  tokens: Delta["tokens"][number][];
  finish_reason: "stop" | "length";
}

/** All of a request's completions, prompt by prompt. */
export interface CollectedRequest {
  readonly accepted: Accepted;
  readonly completions: readonly Collected[];
  readonly usage: Usage;
}

/** Reads a request's events to their end. */
export async function collect(
  events: AsyncIterable<JobEvent>,
  { num_generations }: Pick<GenerateJob, "num_generations">,
): Promise<CollectedRequest> {
  let accepted: Accepted | undefined;
  const completions: Collected[] = [];
  let finished = 0;
  for await (const event of events) {
    if (event.type === "accepted") {
      accepted = event;
      for (let i = 0; i < event.prompt_tokens.length * num_generations; i++) {
        completions.push({ text: "", ids: [], logprobs: [], tokens: [], finish_reason: "length" });
      }
    } else if (event.type === "delta") {
      const own = completions[event.completion]!;
      own.text = event.text === null ? null : own.text + event.text;
      own.ids.push(...event.ids);
      own.logprobs.push(...event.logprobs);
      own.tokens.push(...event.tokens);
      if (event.finish_reason === null) continue;
      own.finish_reason = event.finish_reason;
      finished++;
    }
  }
  // A client that has gone gets no answer.
  if (accepted === undefined || finished < completions.length) throw clientGone();
  return { accepted, completions, usage: usageOf(accepted, completions) };
}

/** Tokens read and drawn; a prompt counts once, however many completions it has. */
export function usageOf(
  { prompt_tokens }: Accepted,
  completions: readonly { readonly ids: { readonly length: number } }[],
): Usage {
  const read = prompt_tokens.reduce((sum, n) => sum + n, 0);
  const drawn = completions.reduce((sum, { ids }) => sum + ids.length, 0);
  return { prompt_tokens: read, completion_tokens: drawn, total_tokens: read + drawn };
}

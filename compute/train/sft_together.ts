// Supervised fine-tuning of several adapters on one copy of the base: trainSft() for each of them, in one pass
// over the same batches, with the same events and the same bits.

import type { Model } from "../models/model.ts";
import { JoinedEval } from "./joined_eval.ts";
import { JoinedStep } from "./joined_step.ts";
import { optimizerAt, type ScheduledAdamW } from "./schedule.ts";
import {
  DivergedError,
  type EndReason,
  isDue,
  type SftOptions,
  stepEvents,
  type TrainEvent,
  type TrainingState,
} from "./sft.ts";

/** One of several that train together. */
export interface Member {
  readonly model: Model;
  readonly optimizer: ScheduledAdamW;
  /** The first member whose model is the same until the first step: itself, or one with its method and seed. */
  readonly like: number;
  /** Where to go on from: the same step and position for all, or for none. */
  readonly resume?: TrainingState | undefined;
}

/** What they share. */
export interface TogetherOptions extends Omit<SftOptions, keyof Member> {
  /** On one base. */
  readonly members: readonly [Member, ...Member[]];
  /** Members that are no longer wanted: nothing more is told of them. The caller may add to it. */
  readonly gone: Set<number>;
}

/** One thing that happened to a member; a member that diverges says so and is gone. */
export interface MemberEvent {
  readonly member: number;
  readonly event: TrainEvent | { readonly type: "diverged"; readonly error: DivergedError };
}

/**
 * Trains, yielding each member's events in the order of their steps. Ends early when all members are gone.
 *
 * @throws {RangeError} if members go on from different steps.
 */
export async function* trainTogether(options: TogetherOptions): AsyncGenerator<MemberEvent> {
  const { members, batches, evalBatches, gone, signal, max_steps } = options;
  const models = members.map(({ model }) => model) as [Model, ...Model[]];
  const [{ resume }] = members;
  let step = resume?.step ?? 0;
  let tokens = resume?.tokens ?? 0;
  if (members.some((member) => (member.resume?.step ?? 0) !== step)) {
    throw new RangeError(
      `Cannot train together from steps ${members.map((member) => member.resume?.step ?? 0)}: ` +
        "expected one step for all",
    );
  }
  members.forEach(({ model, resume }) => resume && model.trainable.restore(resume.arrays));
  if (resume) batches.seek(resume.cursor);
  const trainStep = new JoinedStep(models, options.tokensPerBatch, {
    gradientCheckpointing: options.gradient_checkpointing ?? false,
    accumulation: options.gradient_accumulation_steps ?? 1,
  });
  const evalTokens = evalBatches?.[0]?.ids.length;
  let evalStep: JoinedEval | undefined;

  const each = members.map((_, member) => member);
  const present = () => each.filter((member) => !gone.has(member));
  const evaluate = async (evaluation: JoinedEval, of: readonly number[]) => {
    const results = await evaluation.run(evalBatches!);
    return present().map((member): MemberEvent => {
      const { nll: eval_nll, tokens: eval_tokens } = results[of[member]!]!;
      return { member, event: { type: "eval", step, tokens, eval_nll, eval_tokens } };
    });
  };
  /** Before the first step, one evaluation does for all whose models are the same. */
  const evaluateStart = async (tokens: number) => {
    const own = each.filter((member) => members[member]!.like === member);
    const some = own.map((member) => models[member]!) as [Model, ...Model[]];
    const evaluation = new JoinedEval(some, tokens);
    try {
      return await evaluate(evaluation, members.map(({ like }) => own.indexOf(like)));
    } finally {
      evaluation.free();
    }
  };
  const checkpoint = async function* (): AsyncGenerator<MemberEvent> {
    for (const member of present()) {
      const arrays = await models[member]!.trainable.state();
      const state = { step, tokens, cursor: batches.cursor(), arrays };
      yield { member, event: { type: "checkpoint", state } };
    }
  };

  /** Counted tokens after each step whose metrics are still on the device. */
  const pending: number[] = [];
  const drain = async (): Promise<MemberEvent[]> => {
    const metrics = await trainStep.drain();
    const seen = pending.splice(0);
    return present().flatMap((member): MemberEvent[] => {
      const { optimizer } = members[member]!;
      const measured = { ...options, last: step, tokens: seen, optimizer };
      try {
        return stepEvents(metrics[member]!, measured).map((event) => ({ member, event }));
      } catch (error) {
        if (!(error instanceof DivergedError)) throw error;
        gone.add(member);
        return [{ member, event: { type: "diverged", error } }];
      }
    });
  };

  try {
    let reason: EndReason = "max_steps";
    let saved = step;
    if (evalTokens && !resume) yield* await evaluateStart(evalTokens);
    if (evalTokens) evalStep = new JoinedEval(models, evalTokens);
    while (step < max_steps && gone.size < members.length) {
      if (signal?.aborted) {
        reason = "aborted";
        break;
      }
      const micro = await batches.next();
      if (!micro) {
        reason = "end_of_data";
        break;
      }
      step++;
      tokens += micro.reduce((sum, batch) => sum + batch.counted, 0);
      const optimizers = members.map(({ optimizer }) => optimizerAt(optimizer, step, max_steps));
      trainStep.run(micro, optimizers, step);
      pending.push(tokens);

      const evalDue = evalStep && isDue(step, options.eval_steps);
      const saveDue = step % options.save_steps === 0;
      const logDue = step === 1 || step % options.logging_steps === 0;
      if (evalDue || saveDue || logDue || trainStep.full) yield* await drain();
      if (evalDue) yield* await evaluate(evalStep!, each);
      if (saveDue) {
        yield* checkpoint();
        saved = step;
      }
    }
    yield* await drain();
    if (evalStep && !isDue(step, options.eval_steps) && reason !== "aborted" && step > 0) {
      yield* await evaluate(evalStep, each);
    }
    if (saved !== step || step === 0) yield* checkpoint();
    for (const member of present()) yield { member, event: { type: "end", step, reason } };
  } finally {
    trainStep.free();
    evalStep?.free();
  }
}

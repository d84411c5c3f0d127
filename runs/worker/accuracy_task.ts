// Answers to problems, sampled in the engine's batch and judged as they come.

import { philox } from "../../compute/rng.ts";
import { meanEstimate, passAtK } from "../../compute/theory/estimates.ts";
import type { Sequence } from "../../compute/train/generate.ts";
import { judgeAnswers, type JudgedAnswers, majorityIsRight } from "../../data/judge_answers.ts";
import { modelTokenizer } from "../../data/model_tokenizer.ts";
import { loadProblems, type Problem, promptIds } from "../../data/problems.ts";
import { TextStream } from "../../data/text_stream.ts";
import type { AccuracyTask as Task, EvaluateResult, Score } from "../spec/evaluate.ts";
import { InvalidSpecError } from "../spec/problems.ts";
import type { GenerationEngine } from "./generation_engine.ts";
import type { EvaluateJob, JobEvent } from "./generation_protocol.ts";
import { endsAt } from "./generate_task.ts";
import { notFinite } from "./not_finite.ts";
import { inputMessage } from "./stored_models.ts";

/** Tokens of an answer whose length is not asked for. */
const NEW_TOKENS = 512;
/** Samples of a request, at most. */
const MAX_SAMPLES = 1_000_000;
/** Batches of samples that are under way or in line: enough to keep the batch full, few enough for others. */
const AHEAD = 2;

interface Asked {
  readonly problem: Problem;
  readonly ids: Uint32Array;
}

interface Sampled extends Asked {
  readonly index: number;
  readonly samples: readonly { readonly sequence: Sequence; readonly text: TextStream }[];
}

/** A problem with its samples judged. */
interface Answered {
  readonly problem: Problem;
  readonly judged: JudgedAnswers;
}

/** Problems being answered. */
export class AccuracyTask {
  readonly #waiting: Asked[];
  readonly #total: number;
  readonly #answered: Answered[] = [];
  /** By position among the problems. */
  readonly #examples: (EvaluateResult & { kind: "accuracy" })["examples"] = [];
  readonly #tally = { samples: 0, tokens: 0, truncated: 0, unanswered: 0 };
  #sampled: Sampled[] = [];
  #asked = 0;
  #cancelled = false;

  private constructor(
    readonly request: EvaluateJob,
    readonly task: Task,
    readonly engine: GenerationEngine,
    asked: Asked[],
    readonly skipped: { unverifiable: number; too_long: number },
    readonly emit: (event: JobEvent) => void,
  ) {
    this.#waiting = asked;
    this.#total = asked.length;
  }

  /**
   * Opens the problems.
   *
   * @throws {InvalidSpecError} if they are not there, or none fits the model.
   */
  static async open(
    request: EvaluateJob,
    engine: GenerationEngine,
    emit: (event: JobEvent) => void,
  ): Promise<AccuracyTask> {
    const { task } = request;
    if (task.kind !== "accuracy") throw new TypeError(`Cannot ask: the task is ${task.kind}`);
    const invalid = (path: string, message: string) => new InvalidSpecError([{ path, message }]);
    const { dataset } = task;
    const { tokenizer } = engine.text;
    if (!tokenizer) throw invalid("/model", "Expected a model with a tokeniser");
    let problems: readonly Problem[] | undefined;
    try {
      const whole = typeof dataset === "object" && ("file" in dataset || dataset.split);
      const purpose = whole ? "train" : "test";
      problems = await loadProblems(dataset, { purpose, folder: engine.context.paths.datasets });
      if (problems === undefined) {
        throw new RangeError("Cannot evaluate: the dataset holds nothing out, expected a split");
      }
    } catch (error) {
      throw invalid("/task/dataset", inputMessage(error));
    }
    if (problems.length * task.num_generations > MAX_SAMPLES) {
      throw invalid(
        "/task/num_generations",
        `Expected at most ${MAX_SAMPLES} samples in all but found ` +
          `${problems.length * task.num_generations}`,
      );
    }
    const text = await modelTokenizer(engine.folder);
    const readable = problems.filter(({ gold }) => judgeAnswers(gold, [gold]) !== undefined);
    const room = engine.generator.options.maxLength! - (task.max_new_tokens ?? 1);
    const asked = readable.map((problem) => ({ problem, ids: promptIds(problem.prompt, text) }));
    const fitting = asked.filter(({ ids }) => ids.length <= room);
    const skipped = {
      unverifiable: problems.length - readable.length,
      too_long: asked.length - fitting.length,
    };
    if (fitting.length === 0) {
      throw invalid(
        "/task/dataset",
        `Expected a problem that can be asked but found none: of ${problems.length}, ` +
          `${skipped.unverifiable} have no answer that can be read, ${skipped.too_long} do not ` +
          `fit into ${room} tokens`,
      );
    }
    const { kind, device } = engine.model.backend.info;
    const evaluation = new AccuracyTask(request, task, engine, fitting, skipped, emit);
    emit({ type: "accepted", backend: kind, device, prompt_tokens: [] });
    return evaluation;
  }

  /** Judges what is complete and asks more; true once all is told. */
  report(): boolean {
    if (this.#cancelled) return true;
    const before = this.#answered.length;
    this.#sampled = this.#sampled.filter((each) => {
      if (!each.samples.every(({ sequence }) => sequence.done)) return true;
      this.#judge(each);
      return false;
    });
    const { num_generations: n } = this.task;
    while (
      this.#waiting.length > 0 &&
      (this.#sampled.length + 1) * n <= Math.max(n, AHEAD * this.engine.generator.options.batch)
    ) this.#ask();
    const done = this.#answered.length;
    if (done > before) this.emit({ type: "progress", done, total: this.#total });
    if (done < this.#total) return false;
    this.emit({ type: "result", result: this.#result() });
    this.emit({ type: "done" });
    return true;
  }

  cancel(): void {
    this.#cancelled = true;
    for (const { samples } of this.#sampled) {
      for (const { sequence } of samples) sequence.cancelled = true;
    }
  }

  #ask(): void {
    const { task, request, engine } = this;
    const asked = this.#waiting.shift()!;
    const { generator, text: { tokenizer, eosIds } } = engine;
    const n = task.num_generations;
    const samples = Array.from({ length: n }, (_, i) => {
      const text = new TextStream(tokenizer!, task.stop);
      const sequence = generator.add({
        prompt: asked.ids,
        adapter: engine.adapterIndex(request.adapter),
        sampling: { ...task, temperature: task.temperature ?? (n === 1 ? 0 : 0.8) },
        maxNewTokens: task.max_new_tokens ??
          Math.min(NEW_TOKENS, generator.options.maxLength! - asked.ids.length),
        stopTokenIds: eosIds,
        seed: request.seed,
        stream: 1,
        index: this.#asked * n + i,
        endsAt: endsAt(text, eosIds),
      });
      return { sequence, text };
    });
    this.#sampled.push({ ...asked, index: this.#asked++, samples });
  }

  #judge({ problem, index, samples }: Sampled): void {
    const texts = samples.map(({ text }) => {
      text.finish();
      return text.take();
    });
    const judged = judgeAnswers(problem.gold, texts)!;
    this.#answered.push({ problem, judged });
    samples.forEach(({ sequence }, i) => {
      if (sequence.logprobs.some(Number.isNaN)) throw notFinite(this.request);
      this.#tally.samples++;
      this.#tally.tokens += sequence.ids.length;
      if (sequence.finish === "length") this.#tally.truncated++;
      if (judged.answers[i] === null) this.#tally.unanswered++;
    });
    if (index >= this.task.examples) return;
    this.#examples[index] = {
      prompt: problem.prompt,
      gold: problem.gold,
      completion: texts[0]!,
      answer: judged.answers[0]!,
      correct: judged.correct[0]!,
    };
  }

  #result(): EvaluateResult {
    const { samples, tokens, truncated, unanswered } = this.#tally;
    return {
      kind: "accuracy",
      ...this.#score(this.#answered),
      samples,
      levels: this.#groups(({ level }) => level),
      topics: this.#groups(({ topic }) => topic),
      truncated: truncated / samples,
      unanswered: unanswered / samples,
      mean_tokens: tokens / samples,
      skipped: this.skipped,
      examples: this.#examples,
    };
  }

  #groups(nameOf: (problem: Problem) => string | undefined) {
    const groups = new Map<string, Answered[]>();
    for (const each of this.#answered) {
      const name = nameOf(each.problem);
      if (name !== undefined) groups.set(name, [...groups.get(name) ?? [], each]);
    }
    return [...groups]
      .sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }))
      .map(([name, members]) => ({ name, ...this.#score(members) }));
  }

  #score(answered: readonly Answered[]): Score {
    const { num_generations: n, k } = this.task;
    const ks = [...new Set(k ?? [1, n])].sort((a, b) => a - b);
    let drawn = 0;
    const random = () => philox([drawn++, 0, 0, 3], [this.request.seed, 1])[0] / 2 ** 32;
    const estimates = (valueOf: (judged: JudgedAnswers, k: number) => number) =>
      Object.fromEntries(
        ks.map((k) => [k, meanEstimate(answered.map(({ judged }) => valueOf(judged, k)), random)]),
      );
    return {
      problems: answered.length,
      pass_at_k: estimates(({ correct }, k) => passAtK(n, correct.filter(Boolean).length, k)),
      maj_at_k: estimates((judged, k) => majorityIsRight(judged, k) ? 1 : 0),
    };
  }
}

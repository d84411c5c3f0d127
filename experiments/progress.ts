// What a sweep shows while it runs: one line that is drawn again on a terminal, a line for each finished
// run elsewhere.

import type { Run } from "../runs/spec/run.ts";
import type { SweepProgress } from "./runner.ts";

const BAR_CELLS = 24;

/** "0:07", "12:34", "1:02:03". */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (n: number) => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
  return hours > 0
    ? `${hours}:${two(minutes)}:${two(whole % 60)}`
    : `${minutes}:${two(whole % 60)}`;
}

/** A run in a few words: its method and learning rate, and its seed where that is not the first. */
export function runName({ spec: { method, optimizer, seed } }: Run): string {
  const targets = method.target_modules ?? "all";
  const on = targets === "all"
    ? ""
    : ` on ${typeof targets === "string" ? targets : targets.join("+")}`;
  const scope = method.kind === "full"
    ? method.target_modules === undefined ? "full, whole model" : `full${on}`
    : `LoRA r=${method.r}${on}${method.modules_to_save ? ", whole model" : ""}`;
  return `${scope}, lr ${optimizer.learning_rate}${seed === 0 ? "" : `, seed ${seed}`}`;
}

/** The line for a terminal. */
export function progressLine(progress: SweepProgress): string {
  const { finished, total, share, running, tokensPerSecond, secondsLeft } = progress;
  const full = Math.round(share * BAR_CELLS);
  const bar = "█".repeat(full) + "░".repeat(BAR_CELLS - full);
  const losses = running.map((run) => run.metrics?.train_nll).filter((nll) => nll !== undefined);
  return [
    `${bar} ${finished}/${total} runs`,
    losses.length > 0 ? `loss ${losses.map((nll) => nll.toFixed(3)).join(" ")}` : "",
    tokensPerSecond > 0 ? `${Math.round(tokensPerSecond)} tokens/s` : "",
    secondsLeft === undefined ? "" : `${clock(secondsLeft)} left`,
  ].filter((part) => part !== "").join(" · ");
}

/** The lines for the runs that ended since the last report. */
export function endedLines(progress: SweepProgress): string[] {
  const before = progress.finished - progress.ended.length;
  return progress.ended.map((run, i) => endedLine(run, { ...progress, finished: before + i + 1 }));
}

function endedLine(run: Run, { finished, total, secondsLeft }: SweepProgress): string {
  const how = run.status === "succeeded"
    ? `${measured(run)} in ${run.result!.seconds.toFixed(1)} s`
    : `diverged at step ${run.error?.step}`;
  const left = secondsLeft === undefined || finished === total
    ? ""
    : `, ${clock(secondsLeft)} left`;
  return `${finished}/${total} ${runName(run)}: ${how}${left}`;
}

function measured({ result }: Run): string {
  const { accuracy, eval_nll } = result!;
  return typeof accuracy === "number"
    ? `accuracy ${accuracy.toFixed(3)}`
    : `test NLL ${eval_nll?.toFixed(4)}`;
}

/** Shows progress on stderr, so that stdout holds results only. */
export class ProgressView {
  readonly #terminal = Deno.stderr.isTerminal();
  #first = true;

  show(progress: SweepProgress): void {
    if (this.#first && progress.skipped > 0) {
      this.#line(`${progress.skipped} of ${progress.total} runs were finished before`);
    }
    this.#first = false;
    if (this.#terminal) {
      const { columns } = Deno.consoleSize();
      this.#write(`\r\x1b[K${progressLine(progress).slice(0, columns - 1)}`);
    } else {
      endedLines(progress).forEach((line) => this.#line(line));
    }
  }

  /** Leaves the terminal on a fresh line. */
  close(): void {
    if (this.#terminal) this.#write("\r\x1b[K");
  }

  #line(text: string): void {
    this.#write(this.#terminal ? `\r\x1b[K${text}\n` : `${text}\n`);
  }

  #write(text: string): void {
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  }
}

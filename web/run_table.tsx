// Runs as a table.

import type { Run } from "../runs/spec/run.ts";
import { duration, number, shortened, time } from "./format.ts";
import { Scroll } from "./layout.tsx";

/** A run's status as a word with a colour. */
export function Status({ status }: { status: string }) {
  return <span class={`status ${status}`}>{status}</span>;
}

/** Whether a run's page still changes. */
export function isOpen({ status }: Run): boolean {
  return status === "queued" || status === "running";
}

/** The method in a few characters: `lora r=16`. */
export function methodName({ method }: Run["spec"]): string {
  return method.kind === "lora" ? `lora r=${method.r}` : "full";
}

/** How far a run is, and how long it still takes. */
export function ProgressOf({ run: { status, progress } }: { run: Run }) {
  if (!progress) return null;
  const { step, max_steps, tokens, tokens_per_s } = progress;
  const left = status === "running" && tokens_per_s && tokens && step > 0
    ? (max_steps - step) * (tokens / step) / tokens_per_s
    : undefined;
  return (
    <>
      <progress value={step} max={max_steps} aria-label={`step ${step} of ${max_steps}`}></progress>
      {" "}
      <span class="quiet number">
        {step}/{max_steps}
        {status === "running" && tokens_per_s ? ` · ${number(tokens_per_s)} tokens/s` : ""}
        {left === undefined ? "" : ` · ${duration(left)} left`}
      </span>
    </>
  );
}

/** Why a run waits or has failed, in a line. */
function Reason({ run: { waiting_for, error } }: { run: Run }) {
  const reason = waiting_for ? `waits for ${waiting_for}` : error?.message;
  return reason ? <small title={reason}>{shortened(reason, 80)}</small> : null;
}

/** A line for each run, with a box to choose it for a comparison. */
export function RunTable({ runs }: { runs: readonly Run[] }) {
  return (
    <Scroll label="Runs">
      <table>
        <thead>
          <tr>
            <th scope="col">Compare</th>
            <th scope="col">Run</th>
            <th scope="col">Status</th>
            <th scope="col">Model</th>
            <th scope="col">Method</th>
            <th scope="col" class="number">Learning rate</th>
            <th scope="col">Progress</th>
            <th scope="col" class="number">Loss</th>
            <th scope="col" class="number">Held-out</th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <tr>
              <td>
                <input type="checkbox" name="id" value={run.id} aria-label={`Compare ${run.id}`} />
              </td>
              <td class="short">
                <a href={`/runs/${run.id}`}>{time(run.created_at)}</a>
                <br />
                <span class="quiet number">{run.id.slice(-8)}</span>
              </td>
              <td>
                <Status status={run.status} />
                <Reason run={run} />
              </td>
              <td class="name">{run.spec.model}</td>
              <td class="short">{methodName(run.spec)}</td>
              <td class="number">{number(run.spec.optimizer.learning_rate)}</td>
              <td>
                <ProgressOf run={run} />
              </td>
              <td class="number">{number(run.metrics?.train_nll)}</td>
              <td class="number">{number(run.result?.eval_nll ?? run.metrics?.eval_nll)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

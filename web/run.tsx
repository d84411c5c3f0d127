// One run: its curves as they grow, what it was asked, what it left.

import type { Checkpoint, MetricPoint, Run, RunEvent } from "../runs/spec/run.ts";
import type { Series } from "./chart.tsx";
import { ChartControls, ChartOf, type ChartOptions } from "./chart_controls.tsx";
import { curve } from "./curve.ts";
import { bytes, duration, number, time } from "./format.ts";
import { Page } from "./layout.tsx";
import { isOpen, methodName, ProgressOf, Status } from "./run_table.tsx";

/** What the page shows. */
export interface RunProps {
  readonly run: Run;
  readonly points: readonly MetricPoint[];
  readonly options: ChartOptions;
  readonly checkpoints: readonly Checkpoint[];
  /** Files of the trained weights that are there. */
  readonly files: readonly string[];
  /** Events that carry sampled completions, newest last. */
  readonly samples: readonly RunEvent[];
}

/** Metrics that are drawn together. */
const COMBINED: Readonly<Record<string, readonly string[]>> = {
  loss: ["train_nll", "eval_nll"],
  reward: ["reward_mean", "accuracy"],
};

/** The curves that an option `metric` stands for. */
export function seriesOf(
  points: readonly MetricPoint[],
  { metric, x }: ChartOptions,
  prefix = "",
): Series[] {
  const metrics = COMBINED[metric] ?? [metric];
  return metrics
    .map((name) => ({
      name: prefix + name,
      points: curve(points, name, x),
      sparse: name === "eval_nll" || name === "accuracy",
    }))
    .filter(({ points }) => points.length > 0);
}

/** The part of the page that changes while the run trains. */
export function LiveRun({ run, points, options, checkpoints, files, samples }: RunProps) {
  const { result, error } = run;
  return (
    <>
      <p class="state">
        <Status status={run.status} />
        <ProgressOf run={run} />
      </p>
      {run.waiting_for && <p class="waits">Waits for {run.waiting_for}.</p>}
      {error && (
        <p class="problem" role="alert">
          {error.type}: {error.message}
        </p>
      )}
      <ChartOf
        title={`${options.metric} of run ${run.id}`}
        series={seriesOf(points, options)}
        options={options}
      />
      <table class="facts">
        <tbody>
          {[
            ...(run.spec.task.kind === "grpo" ? rewardFacts(run) : lossFacts(run)),
            ["Gradient norm", run.metrics?.grad_norm],
            ["Trained parameters", result?.trainable_parameters],
            ["Tokens", result?.tokens ?? run.metrics?.tokens],
          ].filter(([, value]) => value !== undefined && value !== null).map(([name, value]) => (
            <tr>
              <th scope="row">{name}</th>
              <td class="number">{number(value as number | undefined)}</td>
            </tr>
          ))}
          {result && (
            <>
              <tr>
                <th scope="row">Peak memory</th>
                <td class="number">{bytes(result.peak_memory_bytes)}</td>
              </tr>
              <tr>
                <th scope="row">Training time</th>
                <td class="number">{duration(result.seconds)}</td>
              </tr>
            </>
          )}
        </tbody>
      </table>
      {samples.length > 0 && (
        <>
          <h2>Samples</h2>
          {samples.map(({ data }, i) => <Samples data={data} open={i === samples.length - 1} />)}
        </>
      )}
      {checkpoints.length > 0 && (
        <>
          <h2>Checkpoints</h2>
          <ul>
            {checkpoints.map(({ step, bytes: size, created_at }) => (
              <li>
                step {step}, {bytes(size)}, {time(created_at)}
              </li>
            ))}
          </ul>
        </>
      )}
      {files.length > 0 && (
        <p>
          Trained weights: {files.map((file, index) => (
            <>
              {index > 0 && " · "}
              <a href={`/v1/runs/${run.id}/adapter/${file}`} download={file}>{file}</a>
            </>
          ))}
        </p>
      )}
    </>
  );
}

function lossFacts({ metrics, result }: Run) {
  return [
    ["Loss", metrics?.train_nll],
    ["Held-out loss", result?.eval_nll ?? metrics?.eval_nll],
    ["Held-out loss before training", result?.initial_eval_nll],
  ];
}

function rewardFacts({ metrics, result }: Run) {
  return [
    ["Reward, mean of a batch", metrics?.reward_mean],
    ["Held-out accuracy", result?.accuracy ?? metrics?.accuracy],
    ["Held-out accuracy before training", result?.initial_accuracy],
  ];
}

interface Completion {
  readonly [key: string]: string | number | boolean | null;
}

// Whatever a sampled completion says of itself, its texts as they are.
function Samples({ data, open }: { data: RunEvent["data"]; open: boolean }) {
  const completions = (data.completions ?? []) as readonly Completion[];
  return (
    <details open={open}>
      <summary>Step {data.step}</summary>
      {completions.map((completion) => (
        <pre>
          {Object.entries(completion).map(([name, value]) => `${name}: ${value}`).join("\n")}
        </pre>
      ))}
    </details>
  );
}

/** The page of a run. */
export function RunPage(props: RunProps) {
  const { run, options, points } = props;
  const open = isOpen(run);
  return (
    <Page title={`${methodName(run.spec)} on ${run.spec.model}`} at="/" scripts={["live", "auto"]}>
      <p class="quiet">
        Run <code>{run.id}</code>, created {time(run.created_at)}
        {run.device && ` · ${run.backend}: ${run.device}`}
      </p>
      <div class="row">
        {open && (
          <form method="post" action={`/runs/${run.id}/cancel`}>
            <button type="submit">Cancel the run</button>
          </form>
        )}
        <a class="button" href={`/launch?from=${run.id}`}>Launch one like it</a>
        <a class="button" href={`/compare?id=${run.id}`}>Compare</a>
        <a class="button" href={`/v1/runs/${run.id}/metrics?format=csv`} download={`${run.id}.csv`}>
          Metrics as CSV
        </a>
        {!open && <a class="button" href={`/v1/runs/${run.id}/archive`}>Archive</a>}
      </div>
      {(points.length > 0 || open) && <ChartControls options={options} />}
      <div data-live={open ? `/v1/runs/${run.id}/events` : undefined}>
        <LiveRun {...props} />
      </div>
      <h2>Spec</h2>
      <pre>{JSON.stringify(run.spec, shorten, 2)}</pre>
      <p class="quiet">
        spec_hash <code>{run.spec_hash}</code>, version {run.code_version}
      </p>
    </Page>
  );
}

// Inline data may be megabytes.
function shorten(key: string, value: unknown): unknown {
  if ((key === "input_ids" || key === "labels") && Array.isArray(value)) {
    return `${value.length} rows`;
  }
  return value;
}

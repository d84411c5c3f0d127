// The options of a chart as a form that works by itself: every choice is in the address.

import type { RunSpec } from "../runs/spec/run_spec.ts";
import { X_AXES, type XAxis } from "./curve.ts";

/** How a chart is to be drawn. */
export interface ChartOptions {
  readonly metric: string;
  readonly x: XAxis;
  readonly smoothing: number;
  readonly logX: boolean;
  readonly logY: boolean;
}

/** Metrics that a chart may show. */
export const CHART_METRICS = [
  "loss",
  "reward",
  "grad_norm",
  "learning_rate",
  "tokens_per_s",
  "reward_mean",
  "accuracy",
  "completion_length",
  "entropy",
  "kl",
  "clip_ratio",
  "reward_std",
  "frac_reward_zero_std",
  "truncated_ratio",
] as const;

/** Reads the options from an address; a run with rewards shows these first. */
export function chartOptions(
  query: Readonly<Record<string, string | undefined>>,
  kind: RunSpec["task"]["kind"] = "sft",
): ChartOptions {
  const smoothing = Number(query.smoothing ?? 0);
  return {
    metric: CHART_METRICS.find((metric) => metric === query.metric) ??
      (kind === "grpo" ? "reward" : "loss"),
    x: X_AXES.find((axis) => axis === query.x) ?? "step",
    smoothing: smoothing >= 0 && smoothing < 1 ? smoothing : 0,
    logX: query.logx === "on",
    logY: query.logy === "on",
  };
}

/** Controls for the options; `kept` are other fields of the address. */
export function ChartControls(
  { options, kept = {} }: { options: ChartOptions; kept?: Readonly<Record<string, string>> },
) {
  const { metric, x, smoothing, logX, logY } = options;
  return (
    <form class="row" method="get" data-auto>
      {Object.entries(kept).map(([name, value]) => (
        <input
          type="hidden"
          name={name}
          value={value}
        />
      ))}
      <label>
        <span>Metric</span>
        <select name="metric">
          {CHART_METRICS.map((each) => <option selected={each === metric}>{each}</option>)}
        </select>
      </label>
      <label>
        <span>Over</span>
        <select name="x">
          {X_AXES.map((axis) => <option selected={axis === x}>{axis}</option>)}
        </select>
      </label>
      <label>
        <span>Smoothing</span>
        <select name="smoothing">
          {[0, 0.6, 0.9, 0.97].map((value) => (
            <option selected={value === smoothing}>{value}</option>
          ))}
        </select>
      </label>
      <label>
        <input type="checkbox" name="logx" checked={logX} /> log x
      </label>
      <label>
        <input type="checkbox" name="logy" checked={logY} /> log y
      </label>
      <button type="submit">Draw</button>
    </form>
  );
}

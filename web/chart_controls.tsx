// The options of a chart as a form that works by itself: every choice is in the address.

import type { RunSpec } from "../runs/spec/run_spec.ts";
import { Chart, type Series } from "./chart.tsx";
import { X_AXES, type XAxis } from "./curve.ts";
import { Scroll } from "./layout.tsx";

/** Metrics that a chart may show of runs of a kind; the first is shown first. */
const METRICS: Readonly<Record<Kind, readonly string[]>> = {
  sft: ["loss", "grad_norm", "learning_rate", "tokens_per_s"],
  grpo: [
    "reward",
    "reward_mean",
    "accuracy",
    "completion_length",
    "entropy",
    "kl",
    "clip_ratio",
    "reward_std",
    "frac_reward_zero_std",
    "truncated_ratio",
    "grad_norm",
    "learning_rate",
    "tokens_per_s",
    "loss",
  ],
};

type Kind = RunSpec["task"]["kind"];

/** How a chart is to be drawn. */
export interface ChartOptions {
  /** What it may show. */
  readonly metrics: readonly string[];
  /** What it shows. */
  readonly metric: string;
  readonly x: XAxis;
  readonly smoothing: number;
  readonly logX: boolean;
  readonly logY: boolean;
}

/** Reads the options of a chart of runs of these kinds from an address. */
export function chartOptions(
  query: Readonly<Record<string, string | undefined>>,
  kinds: readonly Kind[],
): ChartOptions {
  const smoothing = Number(query.smoothing ?? 0);
  const metrics = [
    ...new Set((kinds.length > 0 ? kinds : ["sft"] as const).flatMap(
      (kind) => METRICS[kind],
    )),
  ];
  return {
    metrics,
    metric: metrics.find((metric) => metric === query.metric) ?? metrics[0]!,
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
  const { metrics, metric, x, smoothing, logX, logY } = options;
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
          {metrics.map((each) => <option selected={each === metric}>{each}</option>)}
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
      <label class="tick">
        <input type="checkbox" name="logx" checked={logX} /> log x
      </label>
      <label class="tick">
        <input type="checkbox" name="logy" checked={logY} /> log y
      </label>
      <button type="submit">Draw</button>
    </form>
  );
}

/** Curves as the options have it, in room that can be scrolled. */
export function ChartOf(
  { title, series, options: { x, logX, logY, smoothing } }: {
    title: string;
    series: readonly Series[];
    options: ChartOptions;
  },
) {
  return (
    <Scroll label="Chart">
      <Chart
        title={`${title} over ${x}`}
        x={x === "time" ? "seconds of training" : x}
        {...{ series, logX, logY, smoothing }}
      />
    </Scroll>
  );
}

// Several runs on one plot.

import type { MetricPoint, Run } from "../runs/spec/run.ts";
import type { Series } from "./chart.tsx";
import { ChartControls, ChartOf, type ChartOptions } from "./chart_controls.tsx";
import { number, shortened } from "./format.ts";
import { Page, Scroll } from "./layout.tsx";
import { isOpen, methodName, Status } from "./run_table.tsx";
import { seriesOf } from "./run.tsx";

/** A run with its points. */
export interface ComparedRun {
  readonly run: Run;
  readonly points: readonly MetricPoint[];
}

/** The fields of two or more specs that are not the same everywhere, by dotted name. */
export function differences(specs: readonly unknown[]): Map<string, unknown[]> {
  const flat = specs.map((spec) => flatten(spec));
  const names = new Set(flat.flatMap((fields) => [...fields.keys()]));
  const found = new Map<string, unknown[]>();
  for (const name of names) {
    const values = flat.map((fields) => fields.get(name));
    if (new Set(values.map((value) => JSON.stringify(value))).size > 1) found.set(name, values);
  }
  return found;
}

function flatten(value: unknown, prefix = "", found = new Map<string, unknown>()) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return found.set(prefix, value);
  }
  for (const [key, inner] of Object.entries(value)) {
    flatten(inner, prefix === "" ? key : `${prefix}.${key}`, found);
  }
  return found;
}

/** Names of fields that are varied so often that they have short ones. */
const SHORT: Readonly<Record<string, string>> = {
  "optimizer.learning_rate": "lr",
  batch_size: "batch",
  max_steps: "steps",
};

function text(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value) ?? "–";
}

/** The curves of a comparison, a run each, named by what sets them apart. */
export function comparedSeries(
  runs: readonly ComparedRun[],
  options: ChartOptions,
): { readonly metric: string; readonly series: Series[] } {
  const apart = differences(runs.map(({ run }) => run.spec));
  const nameOf = (index: number) => {
    const { spec, id } = runs[index]!.run;
    const method = [...apart.keys()].some((name) => name.startsWith("method."));
    const parts = [
      ...(method ? [methodName(spec)] : []),
      ...[...apart].filter(([name]) => !name.startsWith("method."))
        .map(([name, values]) =>
          `${SHORT[name] ?? name.split(".").at(-1)} ${shortened(text(values[index]), 16)}`
        ),
    ];
    return parts.length > 0 ? parts.slice(0, 3).join(", ") : id.slice(-8);
  };
  // Held-out loss where there is one: training losses of many runs are a tangle.
  const held = runs.some(({ points }) => points.some(({ eval_nll }) => eval_nll !== undefined));
  const metric = options.metric === "loss" && held
    ? "eval_nll"
    : options.metric === "reward"
    ? "accuracy"
    : options.metric;
  const series = runs.flatMap(({ points }, index) =>
    seriesOf(points, { ...options, metric }).map((each) => ({ ...each, name: nameOf(index) }))
  );
  return { metric, series };
}

/** What the page shows. */
export interface CompareProps {
  readonly runs: readonly ComparedRun[];
  /** How many were to be compared: more than are drawn, perhaps. */
  readonly chosen: number;
  readonly options: ChartOptions;
  /** The part of the address that says which runs. */
  readonly kept: Readonly<Record<string, string>>;
}

/** The comparison. */
export function ComparePage({ runs, chosen, options, kept }: CompareProps) {
  if (runs.length === 0) {
    return (
      <Page title="Compare runs" at="/">
        <p>
          No run is chosen: tick some in the <a href="/">list of runs</a>.
        </p>
      </Page>
    );
  }
  const apart = differences(runs.map(({ run }) => run.spec));
  const { metric, series } = comparedSeries(runs, options);
  const open = runs.some(({ run }) => isOpen(run));
  return (
    <Page title="Compare runs" at="/" scripts={["auto", "refresh"]}>
      <ChartControls options={options} kept={kept} />
      {chosen > runs.length && (
        <p class="quiet">
          {runs.length} of {chosen} runs{kept.sweep ? ", those that are best so far" : ""}.
        </p>
      )}
      <div data-refresh={open ? 2000 : undefined}>
        <ChartOf title={`${metric} of ${runs.length} runs`} series={series} options={options} />
        <Scroll label="Compared runs">
          <table>
            <thead>
              <tr>
                <th scope="col">Run</th>
                <th scope="col">Method</th>
                {[...apart.keys()].map((name) => <th scope="col">{name}</th>)}
                <th scope="col">Status</th>
                <th scope="col" class="number">Held-out</th>
              </tr>
            </thead>
            <tbody>
              {runs.map(({ run }, index) => (
                <tr>
                  <td class="short">
                    <a href={`/runs/${run.id}`}>
                      <code>{run.id.slice(-8)}</code>
                    </a>
                  </td>
                  <td class="short">{methodName(run.spec)}</td>
                  {[...apart.values()].map((values) => (
                    <td>
                      <code title={text(values[index])}>{shortened(text(values[index]), 60)}</code>
                    </td>
                  ))}
                  <td>
                    <Status status={run.status} />
                  </td>
                  <td class="number">{number(run.result?.eval_nll ?? run.metrics?.eval_nll)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      </div>
    </Page>
  );
}

// A chart as a file of its own.

import { Chart } from "./chart.tsx";
import { type ComparedRun, comparedSeries } from "./compare.tsx";
import { chartOptions } from "./chart_controls.tsx";
import { seriesOf } from "./run.tsx";

const COLOURS = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#a3477a",
  "#8a7a00",
  "#333333",
  "#2a8fc7",
  "#e69f00",
];

// What the pages' stylesheet says of charts.
const STYLE = "text{font:12px sans-serif;fill:#57606a}path{fill:none;stroke-width:2}" +
  ".grid{stroke:#d8dee4}" +
  ".d1 path{stroke-dasharray:7 3}.d2 path{stroke-dasharray:2 3}.d3 path{stroke-dasharray:9 3 2 3}" +
  COLOURS.map((colour, i) =>
    `.c${i} path{stroke:${colour}}.c${i} circle,.c${i} text{fill:${colour}}`
  ).join("");

/** The curves of one run, or of several beside each other, as SVG. */
export function standaloneChart(runs: readonly ComparedRun[]): string {
  const options = chartOptions({}, runs.map(({ run }) => run.spec.task.kind));
  const { metric, series } = runs.length === 1
    ? { metric: options.metric, series: seriesOf(runs[0]!.points, options) }
    : comparedSeries(runs, options);
  const of = runs.length === 1 ? `run ${runs[0]!.run.id}` : `${runs.length} runs`;
  const drawn = String(Chart({ title: `${metric} of ${of}`, x: "step", series }));
  // A run that failed at once has no curve.
  const svg = drawn.startsWith("<svg ") ? drawn : '<svg viewBox="0 0 860 20"></svg>';
  return svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ')
    .replace(/(<svg [^>]*>)/, `$1<style>${STYLE}</style>`);
}

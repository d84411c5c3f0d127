// A line chart as SVG: drawn on the server, readable without scripts.

// @ts-types="@types/d3-scale"
import { scaleLinear, scaleLog } from "d3-scale";
// @ts-types="@types/d3-shape"
import { line } from "d3-shape";
import { smooth, type XY } from "./curve.ts";
import { number } from "./format.ts";

/** A named curve. */
export interface Series {
  readonly name: string;
  readonly points: readonly XY[];
  /** Few points: each gets a dot, and none is smoothed away. */
  readonly sparse?: boolean;
}

/** What to draw. */
export interface ChartProps {
  /** Says what is shown to those who do not see it. */
  readonly title: string;
  readonly x: string;
  readonly series: readonly Series[];
  readonly logX?: boolean;
  readonly logY?: boolean;
  /** Share of the past in each smoothed value, 0 … 1. */
  readonly smoothing?: number;
}

const WIDTH = 860, LEAST_HEIGHT = 380;
const LEFT = 62, TOP = 12, BOTTOM = 40;
/** From one curve's name to the next. */
const LINE = 15;
/** Least and most room for the curves' names, and what a character of them takes. */
const NAMES = [90, 320] as const, CHARACTER = 7.2;
const COLOURS = 8, DASHES = 4;

/** Curves over a common x axis, each named at its end. */
export function Chart({ title, x, series, logX, logY, smoothing = 0 }: ChartProps) {
  const shown = series.map((each) => ({
    ...each,
    points: each.points.filter(([x, y]) =>
      Number.isFinite(y) && (!logX || x > 0) && (!logY || y > 0)
    ),
  }));
  const all = shown.flatMap(({ points }) => points);
  if (all.length === 0) return <p class="quiet">There is nothing to draw.</p>;
  const HEIGHT = Math.max(LEAST_HEIGHT, TOP + BOTTOM + LINE * shown.length);
  const longest = Math.max(...shown.map(({ name }) => name.length));
  const RIGHT = Math.max(NAMES[0], Math.min(NAMES[1], 24 + CHARACTER * longest));
  const horizontal = (logX ? scaleLog() : scaleLinear())
    .domain(extent(all.map(([x]) => x))).range([LEFT, WIDTH - RIGHT]);
  const vertical = (logY ? scaleLog() : scaleLinear())
    .domain(extent(all.map(([, y]) => y))).nice().range([HEIGHT - BOTTOM, TOP]);
  const draw = line<XY>().x(([x]) => round(horizontal(x))).y(([, y]) => round(vertical(y)));

  const drawn = shown.map(({ name, points, sparse }, index) => {
    const smoothed = sparse || smoothing === 0 ? points : smooth(points, smoothing);
    return { name, points, smoothed, sparse, class: classOf(index) };
  });
  const labels = spread(
    drawn.map(({ smoothed }) => vertical(smoothed.at(-1)?.[1] ?? NaN)),
    HEIGHT - BOTTOM,
  );
  return (
    <svg class="chart" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={title}>
      {vertical.ticks(6).filter(few(logY)).map((y) => (
        <g>
          <line class="grid" x1={LEFT} x2={WIDTH - RIGHT} y1={vertical(y)} y2={vertical(y)} />
          <text x={LEFT - 8} y={vertical(y) + 4} text-anchor="end">{number(y)}</text>
        </g>
      ))}
      {horizontal.ticks(7).filter(few(logX)).map((x) => (
        <text x={horizontal(x)} y={HEIGHT - BOTTOM + 18} text-anchor="middle">{number(x)}</text>
      ))}
      <text x={(LEFT + WIDTH - RIGHT) / 2} y={HEIGHT - 6} text-anchor="middle">{x}</text>
      {drawn.map(({ name, points, smoothed, sparse, class: colour }, index) => (
        <g class={colour}>
          {smoothed !== points && <path class="raw" d={draw(points)!} />}
          <path d={draw(smoothed)!} />
          {sparse &&
            points.map(([x, y]) => (
              <circle cx={round(horizontal(x))} cy={round(vertical(y))} r="3">
                <title>{`${name}: ${number(y)} at ${number(x)}`}</title>
              </circle>
            ))}
          {smoothed.length > 0 && (
            <text class="name" x={WIDTH - RIGHT + 10} y={labels[index]! + 4}>{name}</text>
          )}
        </g>
      ))}
    </svg>
  );
}

function extent(values: readonly number[]): [number, number] {
  const least = values.reduce((a, b) => Math.min(a, b));
  const most = values.reduce((a, b) => Math.max(a, b));
  return least === most ? [least - Math.abs(least) / 2, most + (Math.abs(most) / 2 || 1)] : [
    least,
    most,
  ];
}

// A logarithmic axis has a tick for every digit: 1, 2 and 5 are enough to read it by.
function few(log: boolean | undefined) {
  return (value: number) => !log || [1, 2, 5].includes(Number(value.toExponential()[0]));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** A colour for each curve; when all are taken they come again, dashed. */
function classOf(index: number): string {
  const dashes = Math.floor(index / COLOURS) % DASHES;
  return `c c${index % COLOURS}${dashes === 0 ? "" : ` d${dashes}`}`;
}

/** Heights at least a line apart and none below `end`, as near to the wanted ones as their order allows. */
function spread(heights: readonly number[], end: number): number[] {
  const order = heights.map((height, index) => ({ height, index }))
    .filter(({ height }) => Number.isFinite(height)).sort((a, b) => a.height - b.height);
  const placed = heights.slice();
  let last = -Infinity;
  for (const { height, index } of order) {
    last = placed[index] = Math.max(height, last + LINE);
  }
  // What was pushed below the end goes back up, and pushes what is above it.
  let next = end + LINE;
  for (const { index } of order.reverse()) {
    next = placed[index] = Math.min(placed[index]!, next - LINE);
  }
  return placed;
}

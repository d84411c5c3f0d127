import assert from "@std/assert";
import { Chart, type ChartProps } from "../../web/chart.tsx";

const draw = (props: Partial<ChartProps>) =>
  String(Chart({ title: "loss", x: "step", series: [], ...props }));

const SERIES = [{ name: "r=4", points: [[0, 3], [10, 2], [100, 1]] as const }];

Deno.test("Chart() draws each curve once, named and with its title for those who do not see it", () => {
  const svg = draw({ series: [...SERIES, { name: "full", points: [[0, 3], [100, 0.5]] }] });
  assert.equal(svg.match(/<path /g)!.length, 2);
  assert.match(svg, /role="img" aria-label="loss"/);
  assert.match(svg, />r=4</);
  assert.match(svg, />full</);
  assert.doesNotMatch(svg, /NaN|Infinity/);
});

Deno.test("Chart() draws the raw curve behind a smoothed one, and leaves sparse ones as they are", () => {
  assert.match(draw({ series: SERIES, smoothing: 0.9 }), /class="raw"/);
  const sparse = draw({ series: [{ ...SERIES[0]!, sparse: true }], smoothing: 0.9 });
  assert.doesNotMatch(sparse, /class="raw"/);
  assert.equal(sparse.match(/<circle /g)!.length, 3);
});

Deno.test("Chart() leaves out what a logarithmic axis cannot show, and values that are no number", () => {
  const points = [[0, 1], [1, NaN], [1, -1], [10, 0.1], [100, 0.01]] as const;
  const svg = draw({ series: [{ name: "a", points }], logX: true, logY: true });
  assert.doesNotMatch(svg, /NaN|Infinity/);
  assert.equal(/ d="([^"]+)"/.exec(svg)![1]!.match(/[ML]/g)!.length, 2);
});

Deno.test("Chart() says so when there is nothing to draw, and draws a single point", () => {
  assert.match(draw({}), /nothing to draw/);
  assert.doesNotMatch(draw({ series: [{ name: "a", points: [[0, 0]] }] }), /NaN/);
});

Deno.test("Chart() has room for the names of many curves, and tells those of one colour apart", () => {
  const series = Array.from({ length: 32 }, (_, i) => ({
    name: `run ${i}`,
    points: [[0, 1], [1, i < 16 ? 0 : 1e-3 * i]] as const,
  }));
  const svg = draw({ series });
  const height = Number(/viewBox="0 0 \d+ (\d+)"/.exec(svg)![1]);
  const names = [...svg.matchAll(/class="name" x="[\d.]+" y="([\d.]+)"/g)].map(([, y]) => Number(y))
    .sort((a, b) => a - b);
  assert.equal(names.length, 32);
  assert(names[0]! > 0 && names.at(-1)! < height, `${names[0]} to ${names.at(-1)} of ${height}`);
  for (const [i, y] of names.slice(1).entries()) assert(y - names[i]! > 14.9, `${y}`);
  const classes = [...svg.matchAll(/class="(c c\d[^"]*)"/g)].map(([, name]) => name);
  assert.equal(new Set(classes).size, 32);
});

// How every figure looks: one font, quiet axes, colours that colour-blind readers can tell apart.

const FONT = "Inter, Helvetica, Arial, sans-serif";
/** Text and reference lines. */
export const INK = "#1b1f24";
const QUIET = "#57606a";

/** Full fine-tuning: vermilion of Okabe & Ito's palette, far from every colour of the ranks. */
export const FULL_COLOUR = "#d55e00";

// Cividis (Nuñez et al. 2018) without its palest end: light to dark in any kind of colour vision.
const RAMP = ["#c4ad3c", "#9c9162", "#7c7b78", "#575d6d", "#2a4a7c", "#00224e"];

/** A colour for each rank, darker for higher ones. */
export function rankColours(ranks: readonly number[]): Map<number, string> {
  const sorted = [...ranks].sort((a, b) => a - b);
  return new Map(sorted.map((r, i) => {
    const at = sorted.length === 1 ? 1 : i / (sorted.length - 1);
    return [r, mixed(at * (RAMP.length - 1))];
  }));
}

function mixed(at: number): string {
  const low = RAMP[Math.floor(at)]!, high = RAMP[Math.ceil(at)]!;
  const share = at - Math.floor(at);
  const channel = (colour: string, i: number) => parseInt(colour.slice(1 + 2 * i, 3 + 2 * i), 16);
  return "#" +
    [0, 1, 2].map((i) =>
      Math.round(channel(low, i) * (1 - share) + channel(high, i) * share).toString(16).padStart(
        2,
        "0",
      )
    ).join("");
}

/** Vega-Lite's config. */
export const THEME = {
  background: "white",
  padding: 14,
  font: FONT,
  view: { stroke: null },
  title: {
    anchor: "start",
    color: INK,
    fontSize: 16,
    fontWeight: 600,
    offset: 14,
    subtitleColor: QUIET,
    subtitleFontSize: 12.5,
    subtitlePadding: 5,
  },
  axis: {
    labelColor: QUIET,
    titleColor: INK,
    labelFontSize: 12,
    titleFontSize: 12.5,
    titleFontWeight: 400,
    titlePadding: 8,
    gridColor: "#e7eaee",
    domainColor: "#8c959f",
    tickColor: "#8c959f",
    labelPadding: 5,
    labelFlush: false,
  },
} as const;

// What all drawn figures say together: findings.json for programs, REPORT.md for people. Both are made
// from the figures' data files, so they say what the last runs said and nothing else.

import { join } from "@std/path";
import { exists, writeFileAtomically } from "../runs/write_file.ts";
import { FIGURES } from "./catalog.ts";
import type { FigureData } from "./collect.ts";
import { fileStem } from "./figure.ts";
import { groupBy } from "./final_rows.ts";
import { clock } from "./progress.ts";
import { rangeText, type Verdict } from "./verdict.ts";

/** A figure's part of findings.json. */
export interface Finding {
  readonly figure: string;
  readonly title: string;
  readonly preset: string;
  readonly code_version: string;
  readonly models: readonly string[];
  readonly devices: readonly string[];
  readonly runs: number;
  readonly seeds: number;
  readonly tokens: number;
  /** While any of its runs was under way, so that pauses and what was done before are not counted twice. */
  readonly seconds: number | null;
  readonly verdicts: readonly Verdict[];
}

/** What a figure's data says, without the data. */
export function findingOf(
  { figure, title, options, code_version, runs, verdicts }: FigureData,
): Finding {
  return {
    figure,
    title,
    preset: options.preset,
    code_version,
    models: [...new Set(runs.map(({ spec }) => spec.model))],
    devices: [...new Set(runs.flatMap(({ device }) => device ?? []))],
    runs: runs.length,
    seeds: new Set(runs.map(({ spec }) => spec.seed)).size,
    tokens: runs.reduce((sum, { result }) => sum + (result?.tokens ?? 0), 0),
    seconds: secondsUnderWay(runs),
    verdicts,
  };
}

/** The length of time in which at least one of some runs was under way; null if they do not say. */
export function secondsUnderWay(
  runs: readonly Pick<FigureData["runs"][number], "started_at" | "finished_at">[],
): number | null {
  const spans = runs.flatMap(({ started_at, finished_at }) =>
    started_at && finished_at ? [[Date.parse(started_at), Date.parse(finished_at)] as const] : []
  ).sort(([a], [b]) => a - b);
  if (spans.length === 0) return null;
  let sum = 0, until = -Infinity;
  for (const [start, end] of spans) {
    sum += Math.max(0, end - Math.max(start, until));
    until = Math.max(until, end);
  }
  return sum / 1000;
}

const short = (value: number) => String(Number(value.toPrecision(3)));

/** "0.034 (0.02 to 0.05)": the number and its 95 % interval. */
export function measuredText({ measured, interval }: Verdict): string {
  if (measured === null) return "not measured";
  return interval
    ? `${short(measured)} (${short(interval[0])} to ${short(interval[1])})`
    : short(measured);
}

/** What was measured beside what is claimed. */
export function numbersOf(verdict: Verdict): string {
  return `${verdict.quantity}: ${measuredText(verdict)}, claimed ${rangeText(verdict.expected)}.`;
}

/** A verdict in one line. */
export function verdictLine(verdict: Verdict): string {
  return `${verdict.verdict}: ${verdict.claim}. ${numbersOf(verdict)} ${verdict.detail}`.trimEnd();
}

/** A line for each figure: what it took, and what came of its claims. */
function overview(findings: readonly Finding[]): string {
  const lines = findings.map(({ figure, title, runs, seeds, seconds, verdicts }) => {
    const outcomes = [...groupBy(verdicts, ({ verdict }) => verdict)]
      .map(([verdict, own]) => `${own.length} ${verdict}`).join(", ");
    return `| ${nameOf({ figure, title })} | ${runs} | ${seeds} | ${
      seconds === null ? "–" : clock(seconds)
    } | ${outcomes} |`;
  });
  return ["| figure | runs | seeds | time | claims |", "| - | -: | -: | -: | - |", ...lines]
    .join("\n");
}

/** The paper's figures have numbers, ours have names. */
function nameOf({ figure, title }: Pick<Finding, "figure" | "title">): string {
  return /^\d/.test(figure) ? `Figure ${figure}: ${title}` : title;
}

/** The report as Markdown; pictures lie beside it. */
export function reportOf(findings: readonly Finding[]): string {
  const all = findings.flatMap(({ verdicts }) => verdicts);
  const count = (outcome: Verdict["verdict"]) => all.filter((v) => v.verdict === outcome).length;
  const cell = (text: string) => text.replaceAll("|", "\\|");
  const sections = findings.map((finding) => {
    const stem = fileStem({ key: finding.figure });
    const table = finding.verdicts.map((verdict) =>
      `| ${
        [
          verdict.claim,
          `**${verdict.verdict}**`,
          verdict.quantity,
          measuredText(verdict),
          rangeText(verdict.expected),
        ].map(cell).join(" | ")
      } |`
    );
    const details = finding.verdicts.filter(({ detail }) => detail !== "")
      .map(({ id, detail }) => `- \`${id}\`: ${detail}`);
    return [
      `## ${nameOf(finding)}`,
      `![${finding.title}](${stem}.png)`,
      `${finding.models.join(", ")}, preset ${finding.preset}: ${finding.runs} runs, ` +
      `${finding.seeds} ${finding.seeds === 1 ? "seed" : "seeds"}, ` +
      `${finding.tokens.toLocaleString("en")} tokens on ${finding.devices.join(", ")}` +
      `${finding.seconds === null ? "" : `, in ${clock(finding.seconds)}`}.`,
      [
        "| claim | verdict | number | measured (95 %) | claimed |",
        "| - | - | - | - | - |",
        ...table,
      ]
        .join("\n"),
      details.join("\n"),
    ].filter((part) => part !== "").join("\n\n");
  });
  return [
    "# Findings",
    "Claims of _LoRA Without Regret_ beside what was measured here. A claim is a range in which a " +
    "number should lie: reproduced where the number's 95 % interval over seeds lies inside, not " +
    "reproduced where it lies outside, inconclusive otherwise. Every line is computed from the " +
    "figures' data.",
    `${count("reproduced")} reproduced, ${count("not reproduced")} not reproduced, ` +
    `${count("inconclusive")} inconclusive.`,
    overview(findings),
    ...sections,
  ].join("\n\n") + "\n";
}

/** Writes findings.json and REPORT.md over the figures that lie in a folder; returns their paths. */
export async function writeReport(folder: string): Promise<string[]> {
  const findings: Finding[] = [];
  for (const figure of Object.values(FIGURES)) {
    const file = join(folder, `${fileStem(figure)}.json`);
    if (!(await exists(file))) continue;
    findings.push(findingOf(JSON.parse(await Deno.readTextFile(file))));
  }
  const paths = [join(folder, "findings.json"), join(folder, "REPORT.md")] as const;
  await writeFileAtomically(paths[0], JSON.stringify(findings, null, 2) + "\n");
  await writeFileAtomically(paths[1], reportOf(findings));
  return [...paths];
}

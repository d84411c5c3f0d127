// The paper's figures, and what each says of the paper's claims.

import type { FigureProgress } from "../runs/spec/figure_request.ts";
import { Page, Scroll } from "./layout.tsx";
import { Status } from "./run_table.tsx";

/** A figure as the page shows it. */
export interface FigureCard {
  readonly key: string;
  readonly title: string;
  /** Undefined for a figure that was never asked for. */
  readonly progress: FigureProgress | undefined;
  /** The size that it was asked for in. */
  readonly preset: string | undefined;
  readonly verdicts: readonly {
    readonly claim: string;
    readonly verdict: string;
    /** The number behind it, its interval and what was claimed. */
    readonly measured: string;
    readonly detail: string;
  }[];
}

/** The paper's figures have numbers, ours have names. */
function nameOf({ key, title }: Pick<FigureCard, "key" | "title">): string {
  return /^\d/.test(key) ? `Figure ${key}: ${title}` : title;
}

/** What the button of a figure does, by how far the figure is. */
const ACTION = { done: "Draw it anew", incomplete: "Go on" } as const;

/** All figures. */
export function FiguresPage(
  { figures, presets }: {
    figures: readonly FigureCard[];
    /** The sizes that there are. */
    presets: readonly string[];
  },
) {
  const running = figures.some(({ progress }) => progress?.status === "running");
  return (
    <Page title="Figures" at="/figures" scripts={["refresh"]}>
      <div data-refresh={running ? 5000 : undefined}>
        {figures.map((figure) => (
          <section>
            <h2 id={`fig${figure.key}`}>{nameOf(figure)}</h2>
            {figure.progress && <Drawn {...figure} progress={figure.progress} />}
            <Ask {...figure} presets={presets} />
          </section>
        ))}
      </div>
    </Page>
  );
}

/** The form that asks for a figure, while its runs are not under way. */
function Ask(
  { key, preset = "laptop", progress, presets }: FigureCard & { presets: readonly string[] },
) {
  if (progress?.status === "running") return null;
  return (
    <form method="post" action={`/figures/${key}`} class="row">
      <label>
        <span>Preset</span>
        <select name="preset">
          {presets.map((each) => <option selected={each === preset}>{each}</option>)}
        </select>
      </label>
      <button type="submit">{progress ? ACTION[progress.status] : "Run it"}</button>
    </form>
  );
}

/** A figure as far as it is, and its verdicts. */
function Drawn(
  { key, title, preset, progress, verdicts }: FigureCard & { readonly progress: FigureProgress },
) {
  const { status, finished, total } = progress;
  return (
    <>
      <p class="state">
        <Status status={status} />
        <progress value={finished} max={total} aria-label={`${finished} of ${total} runs`}>
        </progress>
        <span class="quiet">
          {finished} of {total} runs{preset && `, preset ${preset}`} ·{" "}
          <a href={`/v1/figures/${key}`}>data</a> · <a href={`/v1/figures/${key}.csv`}>csv</a> ·
          {" "}
          <a href={`/v1/figures/${key}/spec`}>Vega-Lite</a> ·{" "}
          <a href={`/v1/figures/${key}.png`}>png</a>
        </span>
      </p>
      {finished > 0 && (
        <Scroll label={`Figure ${key}`}>
          <figure>
            <img
              src={`/v1/figures/${key}.svg?runs=${finished}`}
              alt={nameOf({ key, title })}
              loading="lazy"
            />
          </figure>
        </Scroll>
      )}
      {verdicts.length > 0 && (
        <ul class="verdicts">
          {verdicts.map(({ claim, verdict, measured, detail }) => (
            <li>
              <strong class={`verdict ${verdict.replaceAll(" ", "_")}`}>{verdict}</strong>: {claim}
              <br />
              <span class="quiet">{measured} {detail}</span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

// The paper's figures, and what each says of the paper's claims.

import type { FigureProgress } from "../runs/spec/figure_request.ts";
import { Page } from "./layout.tsx";

/** A figure as the page shows it. */
export interface FigureCard {
  readonly key: string;
  readonly title: string;
  /** Undefined for a figure that was never asked for. */
  readonly progress: FigureProgress | undefined;
  readonly verdicts: readonly {
    readonly claim: string;
    readonly verdict: string;
    /** The number behind it, its interval and what was claimed. */
    readonly measured: string;
    readonly detail: string;
  }[];
}

/** The paper's figures have numbers, ours have names. */
function nameOf(key: string, title: string): string {
  return /^\d/.test(key) ? `Figure ${key}: ${title}` : title;
}

/** All figures. */
export function FiguresPage({ figures }: { figures: readonly FigureCard[] }) {
  return (
    <Page title="Figures" at="/figures">
      {figures.map(({ key, title, progress, verdicts }) => (
        <section>
          <h2 id={`fig${key}`}>{nameOf(key, title)}</h2>
          {progress
            ? (
              <>
                <p class="quiet">
                  {progress.status}: {progress.finished} of {progress.total} runs ·{" "}
                  <a href={`/v1/figures/${key}`}>data</a> ·{" "}
                  <a href={`/v1/figures/${key}.csv`}>csv</a> ·{" "}
                  <a href={`/v1/figures/${key}/spec`}>Vega-Lite</a> ·{" "}
                  <a href={`/v1/figures/${key}.png`}>png</a>
                </p>
                <figure>
                  <img
                    src={`/v1/figures/${key}.svg`}
                    alt={nameOf(key, title)}
                    loading="lazy"
                  />
                </figure>
                <ul>
                  {verdicts.map(({ claim, verdict, measured, detail }) => (
                    <li>
                      <strong class={`verdict ${verdict.replaceAll(" ", "_")}`}>{verdict}</strong>
                      : {claim}
                      <br />
                      <span class="quiet">{measured} {detail}</span>
                    </li>
                  ))}
                </ul>
              </>
            )
            : (
              <form method="post" action={`/figures/${key}`} class="row">
                <label>
                  <span>Preset</span>
                  <select name="preset">
                    <option>smoke</option>
                    <option selected>laptop</option>
                  </select>
                </label>
                <button type="submit">Run it</button>
              </form>
            )}
        </section>
      ))}
    </Page>
  );
}

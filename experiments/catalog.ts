// The figures there are.

import type { Figure } from "./figure.ts";
import { CAPACITY } from "./capacity.ts";
import { FIG1 } from "./fig1.ts";
import { FIG2 } from "./fig2.ts";
import { FIG3 } from "./fig3.ts";
import { FIG4 } from "./fig4.ts";
import { FIG5 } from "./fig5.ts";
import { FIG6 } from "./fig6.ts";

/** Figures by key, in the order of the paper. */
export const FIGURES: Readonly<Record<string, Figure>> = Object.fromEntries(
  [FIG1, FIG2, FIG3, FIG4, FIG5, FIG6, CAPACITY].map((figure) => [figure.key, figure]),
);

/** The figure of a key; undefined where there is none. */
export function findFigure(key: string): Figure | undefined {
  return Object.hasOwn(FIGURES, key) ? FIGURES[key] : undefined;
}

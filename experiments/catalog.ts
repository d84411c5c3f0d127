// The figures there are.

import type { Figure } from "./figure.ts";
import { FIG1 } from "./fig1.ts";

/** Figures by number. */
export const FIGURES: Readonly<Record<number, Figure>> = { 1: FIG1 };

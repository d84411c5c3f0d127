// A real browser, where the machine has one.

import { type Browser, chromium } from "playwright-core";

const PROGRAM = "/usr/bin/chromium";

/** Why tests that need a browser are skipped; undefined where there is one. */
export const noChromium = await Deno.stat(PROGRAM).then(
  () => undefined,
  () => "Chromium is not installed",
);

/** Starts a browser without a window. */
export function startChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: PROGRAM, args: ["--no-sandbox"] });
}

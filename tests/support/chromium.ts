// A real browser, where the machine has one.

import { type Browser, chromium } from "playwright-core";

const PROGRAM = "/usr/bin/chromium";

const missing = await Deno.stat(PROGRAM).then(() => undefined, () => "Chromium is not installed");

/** A test with a browser without a window; skipped by name where the machine has none. */
export function testInChromium(name: string, test: (browser: Browser) => Promise<void>): void {
  Deno.test({
    name: missing ? `chromium: skipped, ${missing}: ${name}` : `chromium: ${name}`,
    ignore: missing !== undefined,
    sanitizeResources: false,
    sanitizeOps: false,
    async fn() {
      const browser = await chromium.launch({ executablePath: PROGRAM, args: ["--no-sandbox"] });
      try {
        await test(browser);
      } finally {
        await browser.close();
      }
    },
  });
}

// Every page of the dashboard under axe-core's rules (WCAG 2.2 A and AA, and good practice), light and dark,
// on a wide screen and on a telephone's. Needs Chromium.

import assert from "@std/assert";
import axe from "axe-core";
import { makeTinyHome, tinySpec } from "../runs/tiny_home.ts";
import { testInChromium } from "../support/chromium.ts";
import { Service } from "./service.ts";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const SCREENS = [
  { colorScheme: "light", viewport: { width: 1280, height: 900 } },
  { colorScheme: "dark", viewport: { width: 380, height: 800 } },
] as const;

/** What axe finds, a line a rule. */
const FIND = `axe.run({ runOnly: ${JSON.stringify(RULES)} }).then(({ violations }) =>
  violations.map(({ id, nodes }) => id + ": " + nodes.map(({ html }) => html).join(" ")))`;

testInChromium(
  "pages keep the rules of accessibility and fit the screen, light and dark",
  async (browser) => {
    await using tiny = await makeTinyHome();
    await using service = await Service.start(tiny.home);
    const sweep = await service.json("/v1/sweeps", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ spec: tinySpec(), grid: { "optimizer.learning_rate": [1e-3, 0.01] } }),
    }, 202);
    const ids: string[] = sweep.runs.map(({ run_id }: { run_id: string }) => run_id);
    await Promise.all(ids.map((id) => service.events(id)));
    const paths = [
      "/",
      `/runs/${ids[0]}`,
      `/compare?ids=${ids}`,
      "/sweeps",
      `/sweeps/${sweep.id}`,
      "/launch",
      "/figures",
      "/capacity",
      "/capacity?model=noregret/tiny&examples=-1",
      "/data?model=noregret/tiny&text=Call+me+Ishmael",
      "/device",
      "/nowhere",
    ];
    const found: string[] = [];
    for (const screen of SCREENS) {
      const page = await browser.newPage(screen);
      for (const path of paths) {
        await page.goto(service.url + path);
        const where = `${screen.colorScheme} ${path}`;
        const wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
        if (Number(wide) > 0) found.push(`${where}: ${wide} pixels wider than the screen`);
        await page.evaluate(axe.source);
        const broken = await page.evaluate(FIND) as string[];
        found.push(...broken.map((rule) => `${where}: ${rule}`));
      }
    }
    assert.deepEqual(found, []);
  },
);

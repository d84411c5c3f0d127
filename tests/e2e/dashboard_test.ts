// The dashboard in a real browser, over a real service.

import assert from "@std/assert";
import type { Page } from "playwright-core";
import { makeTinyHome, tinySpec } from "../runs/tiny_home.ts";
import { testInChromium } from "../support/chromium.ts";
import { Service } from "./service.ts";

/** A test with a page; whatever the page complains of fails it. */
function testPage(
  name: string,
  test: (page: Page, service: Service) => Promise<void>,
  javaScriptEnabled = true,
): void {
  testInChromium(name, async (browser) => {
    await using tiny = await makeTinyHome();
    await using service = await Service.start(tiny.home);
    const page = await browser.newPage({ javaScriptEnabled });
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    await test(page, service);
    assert.deepEqual(complaints, []);
  });
}

testPage(
  "a run is launched from the form and its curve grows until it ends",
  async (page, service) => {
    await page.goto(`${service.url}/launch`);
    // Far more steps than are waited for: it is cancelled.
    await page.locator("[name=max_steps]").fill("2000");
    await page.locator('[name="optimizer.learning_rate"]').fill("0.001");
    await page.waitForSelector("#check .verdict");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/runs\//);
    // The page fills by itself, without being loaded again.
    await page.evaluate(() => Object.assign(globalThis, { same: true }));
    await page.waitForSelector("svg.chart path");
    const length = () => page.locator("svg.chart path").first().getAttribute("d");
    const early = await length();
    while (await length() === early) await page.waitForTimeout(100);
    assert.equal(await page.evaluate(() => "same" in globalThis), true);
    await page.getByRole("button", { name: "Cancel the run" }).click();
    await page.waitForSelector(".status.cancelled");
  },
);

testPage(
  "the fields of the chosen method are shown, and can be reached by keyboard",
  async (page, service) => {
    await page.goto(`${service.url}/launch`);
    const rank = page.locator('[name="method[lora].r"]');
    assert.equal(await rank.isVisible(), true);
    await page.locator('[name="method.kind"]').selectOption("full");
    assert.equal(await rank.isVisible(), false);
    await page.keyboard.press("Tab");
    await page.goto(service.url);
    await page.keyboard.press("Tab");
    assert.equal(
      await page.evaluate("document.activeElement.textContent"),
      "Skip to the content",
    );
    const unnamed = await page.evaluate(`
    [...document.querySelectorAll("input, select, button, a")].filter((each) =>
      !each.textContent.trim() && !each.getAttribute("aria-label") && !each.labels?.length &&
      each.type !== "hidden").length
  `);
    assert.equal(unnamed, 0);
  },
);

testPage("pages can be read without scripts", async (page, service) => {
  const id = await service.post(tinySpec());
  await service.events(id);
  await page.goto(`${service.url}/runs/${id}`);
  assert.equal(await page.locator("svg.chart path").count(), 2);
  await page.locator("[name=metric]").selectOption("grad_norm");
  await page.getByRole("button", { name: "Draw" }).click();
  await page.waitForURL(/metric=grad_norm/);
  assert.match((await page.locator("svg.chart").getAttribute("aria-label"))!, /grad_norm/);
}, false);

testPage("a choice that is changed by keyboard keeps the focus", async (page, service) => {
  const id = await service.post(tinySpec());
  await service.events(id);
  await page.goto(`${service.url}/runs/${id}`);
  await page.locator("[name=x]").focus();
  await page.keyboard.press("ArrowDown");
  await page.waitForURL(/x=tokens/);
  await page.waitForFunction("document.activeElement.name === 'x'");
  await page.keyboard.press("ArrowDown");
  await page.waitForURL(/x=time/);
});

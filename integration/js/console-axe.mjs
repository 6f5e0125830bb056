// What makes a page of the console usable to everybody, as far as a program can tell.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { picture } from "./browser.mjs";

const axe = await readFile(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

// accessible has axe look at the page, on a desk and on a phone, light and dark.
export async function accessible(page, name) {
  for (const [kind, width, height] of [["desktop", 1280, 860], ["phone", 360, 740]]) {
    await page.setViewportSize({ width, height });
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await picture(page, `console-${name}-${kind}-${colorScheme}`);
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
      const faults = violations.map((v) => `${v.impact}: ${v.id}: ${v.nodes.map((n) => `${n.target} ${n.any.map((a) => a.message)}`).join("; ")}`);
      assert.deepEqual(faults, [], `${name}, ${kind}, ${colorScheme}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${name} is ${wide} pixels too wide on a ${kind}`);
    }
  }
  await page.setViewportSize({ width: 1280, height: 860 });
}

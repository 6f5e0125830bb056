// Stories with statements of policies, and the pages of functions, with real data.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { accessible } from "./console-axe.mjs";
import { withPage } from "./browser.mjs";
import { stage } from "./stage.mjs";

const base = stage.Link.slice(0, stage.Link.indexOf("/open/"));

await withPage(async (page) => {
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(stage.Link);
  for (const path of ["/theirs", "/mine"]) {
    spawnSync(stage.Binary, ["call", "--iam", "--api", "Signed", "--role", "Auth.authenticated", "GET", path], { cwd: stage.Dir });
  }
  for (const [path, name] of [["/theirs", "story-denied"], ["/mine", "story-allowed"]]) {
    await page.goto(base + "/requests");
    await page.locator(".feed .row", { hasText: path }).first().getByRole("link").click();
    await page.locator(".statement").first().waitFor();
    await accessible(page, name);
  }
  await page.getByRole("link", { name: "Functions", exact: true }).click();
  await page.getByRole("link", { name: "guard.handler" }).click();
  await page.getByRole("heading", { name: "Invoke", exact: true }).waitFor();
  await accessible(page, "function");
  await page.getByRole("button", { name: "Invoke", exact: true }).click();
  await page.getByRole("heading", { name: "Reply" }).waitFor();
  await accessible(page, "function-invoked");
  await page.getByRole("link", { name: "Activity", exact: true }).click();
  await accessible(page, "activity-full");
  assert.deepEqual(errors, [], "errors in the pages");
}, { viewport: { width: 1280, height: 860 } });

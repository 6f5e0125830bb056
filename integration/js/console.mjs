// The console in a browser: a request that is refused arrives live, its story says
// why, and everybody can use every page.
import assert from "node:assert/strict";
import { withPage } from "./browser.mjs";
import { accessible } from "./console-axe.mjs";
import { stage } from "./stage.mjs";

const base = stage.Link.slice(0, stage.Link.indexOf("/open/"));

await withPage(async (page) => {
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));

  await page.goto(stage.Link);
  assert.equal(page.url(), base + "/", "the secret is in the address");
  await page.getByText("Nothing yet").waitFor();
  await accessible(page, "empty");

  // A 401 arrives by itself, and leads to its story.
  await page.locator('.live[data-state="live"]').waitFor();
  const refused = await fetch(stage.ApiEndpoint + "/private");
  assert.equal(refused.status, 401);
  const row = page.locator(".feed .row").first();
  await row.getByText("401 refused").waitFor();
  await row.getByText("no Authorization header").waitFor();
  await fetch(stage.ApiEndpoint + "/public");
  await fetch(stage.ApiEndpoint + "/private?q=1", { headers: { Authorization: "Bearer a.b.c" } });
  await fetch(stage.ApiEndpoint + "/nothing", { method: "POST" });
  await page.locator(".feed .row").nth(3).waitFor();
  assert.match(await page.locator(".feed .row").first().innerText(), /404 not found/, "the newest is not the first");
  await accessible(page, "overview");
  await page.locator(".feed .row", { hasText: "no Authorization header" }).getByRole("link").click();
  await page.getByRole("heading", { name: "To get in" }).waitFor();
  assert.ok(page.url().endsWith("/requests/" + refused.headers.get("apigw-requestid")));
  await page.getByRole("heading", { name: "As text" }).waitFor();
  assert.match(await page.locator("#curl").innerText(), /^curl -i .*\/private$/);
  await accessible(page, "story");

  // What is paused comes later, and a filter holds for what is live, too.
  await page.getByRole("link", { name: "Requests", exact: true }).first().click();
  await page.locator('.live[data-state="live"]').waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  const before = await page.locator(".feed .row").count();
  await fetch(stage.ApiEndpoint + "/private");
  await page.getByText("paused, 1 new").waitFor();
  assert.equal(await page.locator(".feed .row").count(), before);
  await page.getByRole("button", { name: "Resume" }).click();
  assert.equal(await page.locator(".feed .row").count(), before + 1);
  await page.getByLabel("Outcome").selectOption("passed"); // without a button: the script sends it
  await page.waitForURL(/status=passed/);
  await page.locator('.live[data-state="live"]').waitFor();
  await fetch(stage.ApiEndpoint + "/private");
  await fetch(stage.ApiEndpoint + "/public");
  await page.locator(".feed .row").nth(1).waitFor();
  assert.equal(await page.locator(".feed .row.refused").count(), 0);
  await page.getByRole("link", { name: "Show all" }).click();
  await accessible(page, "requests");

  for (const name of ["Activity", "Functions"]) {
    await page.getByRole("link", { name, exact: true }).click();
    await page.getByRole("heading", { name, exact: true }).waitFor();
    await accessible(page, name.toLowerCase());
  }
  await page.goto(base + "/no-such-page");
  await accessible(page, "not-found");
  errors.splice(0, errors.length, ...errors.filter((error) => !/404/.test(error)));

  // By keyboard: the first Tab offers to skip the navigation.
  await page.goto(base + "/");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");

  await page.getByRole("button", { name: "Dark" }).click();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  await page.emulateMedia({ colorScheme: "light" });
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), "dark");
  await page.getByRole("button", { name: "Auto" }).click();
  assert.deepEqual(errors, [], "errors in the pages");

  await page.getByRole("button", { name: "Leave" }).click();
  await page.getByRole("heading", { name: "The console is closed" }).waitFor();
  await accessible(page, "closed");
}, { viewport: { width: 1280, height: 860 } });

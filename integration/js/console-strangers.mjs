// Who has not opened the console, and pages of others in the browser that has.
import assert from "node:assert/strict";
import { withPage } from "./browser.mjs";
import { stage } from "./stage.mjs";

const at = (link) => link.slice(0, link.indexOf("/open/"));
const closed = (page) => page.getByRole("heading", { name: "The console is closed" }).waitFor();
const console127 = at(stage.Link), port = new URL(console127).port;
const consoleLocalhost = console127.replace("127.0.0.1", "localhost");
const silent = async (page) => assert.ok(!(await page.content()).includes("quickstart"), "it tells of the stage");

// A page without the link, a used link, and a forged Host.
await withPage(async (page) => {
  for (const path of ["/", "/requests", "/open/guess"]) {
    assert.equal((await page.goto(console127 + path)).status(), 403);
    await closed(page);
    await silent(page);
  }
  const forged = await page.goto(`http://attacker.example:${port}/`);
  assert.equal(forged.status(), 421);
  assert.equal((await page.goto(`http://attacker.example:${port}${stage.Unused.slice(console127.length)}`)).status(), 421);
}, { args: ["--host-resolver-rules=MAP attacker.example 127.0.0.1"] });

// A stranger's page beside the open console: of another site, and, where somebody opened
// the console at localhost, of the same site.
for (const [link, base] of [[stage.Link, console127], [stage.LinkAtLocalhost, consoleLocalhost]]) {
  await withPage(async (page) => {
    await page.goto(link);
    assert.equal(page.url(), base + "/");
    const stranger = await page.context().newPage();
    await stranger.goto(stage.Origin + "/");
    const tried = await stranger.evaluate(async (base) => {
      const outcome = (promise) => promise.then((r) => `${r.type} ${r.status}`, () => "refused");
      const loaded = (element, name, url) => new Promise((resolve) => {
        element.onload = () => resolve("loaded");
        element.onerror = () => resolve("refused");
        element[name] = url;
        document.body.append(element);
      });
      return {
        read: await outcome(fetch(base + "/", { credentials: "include" })),
        blind: await outcome(fetch(base + "/", { credentials: "include", mode: "no-cors" })),
        form: await outcome(fetch(base + "/leave", { method: "POST", credentials: "include", body: new URLSearchParams({ csrf: "x" }) })),
        formBlind: await outcome(fetch(base + "/leave", { method: "POST", mode: "no-cors", credentials: "include", body: new URLSearchParams({ csrf: "x" }) })),
        listen: await new Promise((resolve) => {
          const source = new EventSource(base + "/events?topic=requests&after=0", { withCredentials: true });
          source.onopen = () => resolve("listens");
          source.onerror = () => resolve("refused");
        }),
        script: await loaded(document.createElement("script"), "src", base + "/assets/console.js"),
        image: await loaded(document.createElement("img"), "src", base + "/assets/icon.svg"),
      };
    }, base);
    assert.deepEqual(tried, { read: "refused", blind: "refused", form: "refused", formBlind: "refused", listen: "refused", script: "refused", image: "refused" }, base);

    // In a frame there is nothing of it.
    await stranger.evaluate((base) => {
      const frame = document.createElement("iframe");
      frame.src = base + "/";
      document.body.append(frame);
      return new Promise((resolve) => { frame.onload = resolve; });
    }, base);
    for (const frame of stranger.frames().slice(1)) {
      assert.ok(!(await frame.content().catch(() => "")).includes("quickstart"), "it is shown in a frame");
    }

    // A form that the stranger's page sends as a page of its own.
    const [answer] = await Promise.all([
      stranger.waitForNavigation(),
      stranger.evaluate((base) => {
        const form = document.createElement("form");
        Object.assign(form, { method: "post", action: base + "/leave" });
        form.innerHTML = '<input name="csrf" value="guess">';
        document.body.append(form);
        form.submit();
      }, base),
    ]);
    assert.equal(answer.status(), 403);

    // A window that it opens is not in its hands.
    await stranger.goto(stage.Origin + "/");
    const [popup] = await Promise.all([
      page.context().waitForEvent("page"),
      stranger.evaluate((base) => { window.opened = window.open(base + "/requests"); }, base),
    ]);
    await popup.waitForLoadState();
    assert.equal(await popup.evaluate(() => window.opener), null);
    await stranger.waitForFunction(() => window.opened.closed); // cut off from it

    await page.reload(); // it is open as before
    await page.getByRole("heading", { name: "Routes" }).waitFor();
  });
}

// A link that another page shows, such as a terminal in the browser.
await withPage(async (page) => {
  await page.goto(stage.Origin + "/");
  await page.evaluate((link) => {
    const a = document.createElement("a");
    Object.assign(a, { href: link, textContent: "open" });
    document.body.append(a);
  }, stage.Unused);
  await page.getByText("open").click();
  await page.getByRole("heading", { name: "Routes" }).waitFor();
  assert.equal(page.url(), console127 + "/");
});

// Without JavaScript everything but what is live is there.
await withPage(async (page) => {
  await page.goto(stage.NoScript);
  await page.getByRole("heading", { name: "Routes" }).waitFor();
  assert.ok(!(await page.getByRole("button", { name: "Pause" }).isVisible()));
  await page.getByRole("button", { name: "Dark" }).click();
  assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
  await page.getByRole("link", { name: "Requests", exact: true }).first().click();
  await page.getByLabel("Outcome").selectOption("refused");
  await page.getByRole("button", { name: "Filter" }).click();
  await page.waitForURL(/status=refused/);
}, { javaScriptEnabled: false });

// A page of ours in a real Chromium: bundled for the origin that the test
// serves, and driven from here.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { stage } from "./stage.mjs";

// browse opens the page of a script and gives what drives it: `call` runs one
// of the functions that the script leaves in window.page.
export async function browse(script, f) {
  await build({
    entryPoints: [script], bundle: true, format: "iife", outfile: join(stage.Site, "page.js"), logLevel: "error",
    define: { "process.env.NODE_ENV": '"production"', global: "globalThis" },
  });
  await withPage((page) => drive(page, f));
}

// withPage opens a page of a browser without a past, and gives it.
export async function withPage(f, options = {}) {
  const profile = await mkdtemp(join(tmpdir(), "doorwright-chromium-"));
  const browser = await chromium.launchPersistentContext(profile, {
    ...options,
    executablePath: stage.Chromium,
    // Where the browser of this user looks for certificate authorities.
    env: { ...process.env, HOME: stage.Home ?? process.env.HOME },
    chromiumSandbox: process.getuid?.() !== 0, // which root cannot have
    args: [
      "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", ...(options.args ?? []),
    ],
  });
  try {
    await f(await browser.newPage());
  } finally {
    await browser.close();
    await rm(profile, { recursive: true, force: true });
  }
}

async function drive(page, f) {
  const seen = { preflights: new Set(), errors: [] };
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  // Preflights are the browser's own, and shown to nobody but its developers.
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Network.enable");
  devtools.on("Network.responseReceived", ({ type, response }) => {
    if (type === "Preflight") seen.preflights.add(`${response.status} ${response.url}`);
  });
  await page.goto(`${stage.Origin}/`);
  const call = async (name, ...args) => {
    await page.waitForFunction(() => window.page); // the script has run
    const { value, error } = await page.evaluate(async ([name, args]) => {
      try {
        return { value: await window.page[name](...args) };
      } catch (e) {
        return { error: { name: e.name, message: e.message } };
      }
    }, [name, args]);
    if (error) throw Object.assign(new Error(error.message), { name: error.name });
    return value;
  };
  // leave calls what sends the page elsewhere, and waits until it is there.
  const leave = (to, name, ...args) =>
    Promise.all([page.waitForURL(to), call(name, ...args).catch((error) => {
      if (!/navigation|destroyed/.test(error.message)) throw error;
    })]);
  await f({ page, call, leave, seen });
  assert.deepEqual(seen.errors, [], "errors that the page did not catch");
}

// picture keeps what a page looks like, where somebody asked for it.
export async function picture(page, name) {
  if (process.env.DOORWRIGHT_PICTURES) {
    await page.screenshot({ path: join(process.env.DOORWRIGHT_PICTURES, `${name}.png`), fullPage: true });
  }
}

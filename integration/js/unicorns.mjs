// The walk-through of an HTTP API behind Auth0 with roles, in a browser: the example's
// own web app, and its script that switches roles.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { picture, withPage } from "./browser.mjs";
import { stage } from "./stage.mjs";
import { logIn } from "./universal.mjs";

const tenant = new URL(stage.Issuer).origin;
const home = (url) => url.href === `${stage.Origin}/`;
const unicorn = '200 {"name": "Gaia", "gift": "Flight"}';
const unicorns = '200 [{"name": "Gaia", "gift": "Speed"}, {"name": "Magestic", "gift": "Magic"}, {"name": "Sparkles", "gift": "Glitter"}]';
const forbidden = '403 {"message":"Forbidden"}';
const everything = "openid profile email read:unicorn list:unicorns";

const role = async (name) => {
  const { stdout } = await promisify(execFile)("sh", ["-c", `npm run role -- rider@example.com ${name}`], {
    cwd: stage.Project, env: { ...process.env, PATH: stage.Path },
  });
  assert.match(stdout, new RegExp(`rider@example.com is a ${name} now`));
};

for (const [name, options] of Object.entries({ desktop: {}, phone: { viewport: { width: 375, height: 667 }, hasTouch: true, isMobile: true } })) {
  await withPage(async (page) => {
    const errors = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    let frames = 0; // the silent sign-ins
    page.on("response", async (r) => {
      if (!r.url().startsWith(`${tenant}/authorize?`) || r.frame() === page.mainFrame()) return;
      assert.equal(new URL(r.url()).searchParams.get("response_mode"), "web_message");
      frames++;
    });
    const button = (label) => page.getByRole("button", { name: label, exact: true });
    const press = async (label, path) => {
      const [answer] = await Promise.all([page.waitForResponse((r) => r.url().startsWith(stage.ApiEndpoint + path) && r.request().method() === "GET"), button(label).click()]);
      const text = `${answer.status()} ${await answer.body()}`;
      await page.getByRole("status").getByText(text).waitFor();
      return text;
    };
    const one = () => press("One unicorn", "/unicorn?name=Gaia");
    const all = () => press("All unicorns", "/unicorns");
    const scope = (text) => page.locator("#scope").getByText(text, { exact: true }).waitFor();
    const renew = async () => {
      const before = frames;
      await button("Renew token").click();
      await page.waitForFunction(() => ![...document.querySelectorAll("button")].some((b) => b.disabled));
      assert.equal(frames, before + 1, "a frame renews");
    };
    const signIn = async (email) => {
      await button("Log in").click();
      await page.waitForURL(`${tenant}/u/login?*`);
      await logIn(page, email, "Passw0rd!");
      await page.waitForURL(home);
      await page.getByText(`You are ${email}.`).waitFor();
    };
    const signOut = async () => {
      await button("Log out").click();
      await page.waitForURL(home);
      await button("Log in").waitFor();
    };

    await page.goto(stage.Origin);
    await button("Log in").waitFor();
    await picture(page, `unicorns-${name}-out`);
    await signIn("trainer@example.com");
    await scope(everything);
    assert.equal(await one(), unicorn);
    assert.equal(await all(), unicorns);
    await picture(page, `unicorns-${name}-trainer`);

    // Out of the application and of the tenant: neither a page loaded anew nor a new
    // sign-in finds a session.
    await signOut();
    await page.reload();
    await button("Log in").waitFor();

    await signIn("rider@example.com");
    await scope("openid profile email read:unicorn");
    assert.equal(await one(), unicorn);
    assert.equal(await all(), forbidden);
    await picture(page, `unicorns-${name}-rider`);

    // The token that is there stays what it is; the next one has the new role.
    await role("unicorn-trainer");
    assert.equal(await all(), forbidden);
    await renew();
    await scope(everything);
    assert.equal(await all(), unicorns);
    await role("unicorn-rider");
    await renew();
    await scope("openid profile email read:unicorn");
    assert.equal(await all(), forbidden);
    assert.equal(await one(), unicorn);

    // A page loaded anew is still signed in; after the logout no frame is.
    await page.reload();
    await page.getByText("You are rider@example.com.").waitFor();
    await signOut();
    const silent = `${tenant}/authorize?` + new URLSearchParams({
      client_id: stage.ClientId, redirect_uri: `${stage.Origin}/callback`, response_type: "code", prompt: "none", scope: "openid",
      code_challenge: "A".repeat(43), code_challenge_method: "S256",
    });
    await page.goto(silent);
    assert.equal(new URL(page.url()).searchParams.get("error"), "login_required");
    assert.deepEqual(errors, [], "errors that the page did not catch");
  }, options);
}

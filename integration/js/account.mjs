// What a person does on a tenant's pages to get an account, to get it back, and to
// let another party's application in; on a phone and on a desk.
import assert from "node:assert/strict";
import { browse, picture } from "./browser.mjs";
import { code, stage } from "./stage.mjs";

const email = "new@example.com";

await browse("auth0-page.mjs", async ({ page, call, leave }) => {
  const tenant = new URL(stage.Issuer).origin;
  const phone = () => page.setViewportSize({ width: 390, height: 844 });
  const desk = () => page.setViewportSize({ width: 1280, height: 800 });
  const fits = async () => assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the page is wider than the window");
  const shots = async (name) => {
    for (const [size, set] of Object.entries({ phone, desk })) {
      await set();
      await fits();
      await picture(page, `${name}-${size}`);
    }
  };
  const options = (params = {}) => ({
    domain: tenant, clientId: stage.ClientId,
    authorizationParams: { redirect_uri: `${stage.Origin}/callback`, scope: "openid profile email", ...params },
  });
  const go = () => page.locator("button[value=default]").filter({ hasText: "Continue" }).click();
  const back = async () => {
    await page.waitForURL(`${stage.Origin}/callback?*`);
    await call("configure", options());
    await call("callback");
  };

  // Sign up: screen_hint leads to the page; a weak password stays there.
  await call("configure", options({ screen_hint: "signup" }));
  await leave(`${tenant}/u/signup?*`, "signIn", {});
  await shots("signup");
  await page.locator("input#email").fill(email);
  await page.locator("input#password").fill("password");
  await go();
  await page.locator("#error-element-password", { hasText: "Password is too weak." }).waitFor();
  await shots("signup-weak");
  await page.locator("input#password").fill("Passw0rd");
  await go();
  await back();
  assert.equal((await call("user")).email_verified, false);
  await leave(`${stage.Origin}/`, "signOut", { logoutParams: { returnTo: stage.Origin } });

  // The mail's link.
  await page.goto(await code(email));
  await page.getByText("Your email address was successfully verified.").waitFor();
  await shots("verified");

  // A forgotten password.
  await page.goto(`${stage.Origin}/`);
  await call("configure", options({ login_hint: email }));
  await leave(`${tenant}/u/login?*`, "signIn", {});
  await shots("login");
  await page.getByRole("link", { name: "Forgot password?" }).click();
  assert.equal(await page.locator("input#email").inputValue(), email);
  await shots("reset-request");
  await go();
  await page.getByText(`Please check the email address ${email}`).waitFor();
  await shots("reset-sent");
  const link = await code(email);
  await page.goto(link);
  await shots("reset");
  await page.locator("input#password-reset").fill("Fresh-Passw0rd");
  await page.locator("input#re-enter-password").fill("Fresh-Passw0rd");
  await page.getByRole("button", { name: "Reset password" }).click();
  await page.getByText("Your password has been changed successfully.").waitFor();
  await shots("reset-done");
  assert.equal((await page.goto(`${tenant}/`)).status(), 404); // a link that differs by its fragment alone is not asked for again
  assert.equal((await page.goto(link)).status(), 400);
  await shots("bad-link");
  await page.goto(`${stage.Origin}/`);
  await call("configure", options());
  await leave(`${tenant}/u/login?*`, "signIn", {});
  await page.locator("input#username").fill(email);
  await page.locator("input#password").fill("Passw0rd");
  await go();
  await page.locator("#error-element-password", { hasText: "Wrong email or password" }).waitFor();
  await page.locator("input#password").fill("Fresh-Passw0rd");
  await go();
  await back();
  assert.equal((await call("user")).email_verified, true);

  // What the application may have.
  await page.goto(`${stage.Origin}/`);
  await call("configure", options({ prompt: "consent" }));
  await leave(`${tenant}/u/consent?*`, "signIn", {});
  await shots("consent");
  await page.getByRole("button", { name: "Accept" }).click();
  await back();
  await page.goto(`${stage.Origin}/`);
  await call("configure", options({ prompt: "consent" }));
  await leave(`${tenant}/u/consent?*`, "signIn", {});
  await page.getByRole("button", { name: "Decline" }).click();
  await page.waitForURL(`${stage.Origin}/callback?*error=access_denied*`);
});

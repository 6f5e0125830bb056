// auth0-react in a browser: the provider, its hooks, and a guarded component.
import assert from "node:assert/strict";
import { browse } from "./browser.mjs";
import { stage } from "./stage.mjs";
import { logIn } from "./universal.mjs";

await browse("auth0-react-page.mjs", async ({ page, call }) => {
  const tenant = new URL(stage.Issuer).origin;
  const start = () => call("start", {
    domain: tenant, clientId: stage.ClientId, api: stage.ApiEndpoint,
    authorizationParams: { redirect_uri: stage.Origin, audience: "https://unicorns.example", scope: "openid profile email read:unicorn list:unicorns" },
  });
  const press = (name) => page.getByRole("button", { name, exact: true }).click();
  const answer = (text) => page.getByText(text, { exact: true }).waitFor();

  await start();
  await press("Log in");
  await page.waitForURL(`${tenant}/u/login?*`);
  await logIn(page, "rider@example.com", "Passw0rd!");
  await page.waitForURL(`${stage.Origin}/?*`);
  await start();
  await page.getByRole("heading", { name: "Hello rider@example.com" }).waitFor();
  await page.waitForURL(`${stage.Origin}/`); // the code is taken out of the address
  await press("One");
  await answer("/unicorn?name=Gaia answers 200");
  await press("All");
  await answer("/unicorns answers 403");

  // A page that was loaded anew knows its person by the session.
  await page.goto(`${stage.Origin}/`);
  await start();
  await page.getByRole("heading", { name: "Hello rider@example.com" }).waitFor();

  await press("Log out");
  await page.waitForURL(`${stage.Origin}/`);
  await page.waitForFunction(() => window.page && !document.querySelector("main"));
  await start();
  await press("Log in");
  await page.waitForURL(`${tenant}/u/login?*`);
  assert.equal(await page.getByLabel("Password").count(), 1);
});

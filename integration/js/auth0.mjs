// auth0-spa-js in a browser, as its documentation has it, but for the domain:
// that of a local tenant has its scheme.
import assert from "node:assert/strict";
import { browse } from "./browser.mjs";
import { claims, failure, stage } from "./stage.mjs";
import { logIn } from "./universal.mjs";

const audience = "https://unicorns.example";
const password = "Passw0rd!";

await browse("auth0-page.mjs", async ({ page, call, leave, seen }) => {
  const tenant = new URL(stage.Issuer).origin;
  const login = `${tenant}/u/login?*`;
  const home = (url) => url.href === `${stage.Origin}/`;
  const options = (more = {}) => ({
    domain: tenant,
    clientId: stage.ClientId,
    authorizationParams: { redirect_uri: `${stage.Origin}/callback`, audience, scope: "openid profile email read:unicorn list:unicorns" },
    ...more,
  });
  const signIn = async (email, more) => {
    await call("configure", options(more));
    await leave(login, "signIn", { appState: { target: "where I was" } });
    await logIn(page, email, password);
    await page.waitForURL(`${stage.Origin}/callback?*`);
    await call("configure", options(more));
    assert.equal((await call("callback")).appState.target, "where I was");
  };
  const signOut = () => leave(home, "signOut", { logoutParams: { returnTo: stage.Origin } });
  const api = async (path, { access_token }) =>
    (await call("fetch", `${stage.ApiEndpoint}${path}`, { authorization: `Bearer ${access_token}` })).status;
  // frames counts the silent sign-ins by a frame.
  let frames = 0;
  page.on("request", (r) => {
    if (r.url().startsWith(`${tenant}/authorize?`) && r.frame() !== page.mainFrame()) frames++;
  });

  // A rider may see one unicorn.
  await signIn("rider@example.com");
  assert.equal((await call("user")).email, "rider@example.com");
  const rider = await call("token");
  assert.equal(rider.scope, "openid profile email read:unicorn");
  assert.equal(await api("/unicorn?name=Gaia", rider), 200);
  assert.equal(await api("/unicorns", rider), 403);
  assert.ok(seen.preflights.has(`204 ${tenant}/oauth/token`), "the header auth0-client needs a preflight");

  // Renewal is a frame that hands the answer over by a message; so is what a
  // page does that was loaded anew.
  assert.equal(frames, 0, "the token was there");
  await call("token", { cacheMode: "off" });
  assert.equal(frames, 1);
  await page.goto(`${stage.Origin}/`);
  await call("configure", options());
  assert.equal(frames, 2);
  assert.equal((await call("user")).email, "rider@example.com");
  assert.equal(await api("/unicorn?name=Gaia", await call("token")), 200);

  // Out: there is no session any more, whatever the page remembers.
  await signOut();
  await call("configure", options());
  assert.equal((await failure(call("token"), "a silent sign-in after the logout")).message, "Login required");

  // A trainer may see them all, and keeps a refresh token, which rotates: a worker
  // holds it, or the page's storage.
  for (const cacheLocation of ["memory", "localstorage"]) {
    await signIn("trainer@example.com", { useRefreshTokens: true, cacheLocation });
    const trainer = await call("token");
    assert.equal(await api("/unicorns", trainer), 200);
    const before = frames;
    await call("token", { cacheMode: "off" });
    const renewed = await call("token", { cacheMode: "off" });
    assert.equal(frames, before, "no frame renews where there is a refresh token");
    assert.equal(claims(renewed.access_token).sub, claims(trainer.access_token).sub);
    assert.equal(await api("/unicorns", renewed), 200);
    await call("revoke");
    await failure(call("token", { cacheMode: "off" }), "a renewal after the refresh token was revoked");
    assert.equal(frames, before);
    await signOut();
    await page.waitForLoadState();
  }

  // In a window of its own.
  await call("configure", options());
  const answer = call("popup");
  const [popup] = await Promise.all([page.waitForEvent("popup"), page.getByRole("button", { name: "Log in" }).click()]);
  await popup.waitForURL(login);
  await logIn(popup, "rider@example.com", password);
  assert.equal((await answer).email, "rider@example.com");
  assert.equal(await api("/unicorn?name=Gaia", await call("token")), 200);
});

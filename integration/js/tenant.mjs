// oidc-client-ts in a browser, with a tenant of Auth0's kind: code with PKCE on
// the universal login page, an API that looks at scopes, silent renewal by a
// frame, and both ways out.
import assert from "node:assert/strict";
import { browse, picture } from "./browser.mjs";
import { claims, failure, stage } from "./stage.mjs";
import { logIn } from "./universal.mjs";

const audience = "https://unicorns.example";
const password = "Passw0rd!";

await browse("oidc-page.mjs", async ({ page, call, leave }) => {
  const settings = {
    authority: stage.Issuer,
    client_id: stage.ClientId,
    redirect_uri: `${stage.Origin}/callback`,
    post_logout_redirect_uri: stage.Origin,
    response_type: "code",
    scope: "openid profile email read:unicorn list:unicorns",
    extraQueryParams: { audience },
    loadUserInfo: true,
  };
  const tenant = new URL(stage.Issuer).origin;
  const login = `${tenant}/u/login?*`;
  const home = (url) => url.href === `${stage.Origin}/`;
  // come is what the page does where the tenant sends the browser back.
  const come = async () => {
    await page.waitForURL(`${stage.Origin}/callback?*`);
    await call("configure", settings);
    return call("callback");
  };
  const signIn = async (email) => {
    await call("configure", settings);
    await leave(login, "signIn", { state: "where I was" });
    await logIn(page, email, password);
    return come();
  };
  const api = async (path, token) =>
    (await call("fetch", `${stage.ApiEndpoint}${path}`, { authorization: `Bearer ${token}` })).status;

  // A rider may see one unicorn.
  await call("configure", settings);
  await leave(login, "signIn");
  await logIn(page, "rider@example.com", "Passw0rd?");
  await page.getByRole("alert").waitFor();
  await picture(page, "universal-wrong-password");
  await logIn(page, "rider@example.com", password);
  const rider = await come();
  assert.equal(rider.profile.email, "rider@example.com");
  assert.deepEqual(rider.scopes, ["openid", "profile", "email", "read:unicorn"], "what the role does not give is not in the scope");
  const access = claims(rider.access);
  assert.deepEqual(access.aud, [audience, `${stage.Issuer}userinfo`]);
  assert.equal(access.azp, stage.ClientId);
  assert.equal(claims(rider.id).aud, stage.ClientId);
  assert.equal(await api("/unicorn?name=Gaia", rider.access), 200);
  assert.equal(await api("/unicorns", rider.access), 403);
  assert.equal(await api("/unicorn?name=Gaia", rider.id), 401, "an ID token is no access token");

  // Renewal without a refresh token is a frame with prompt=none.
  assert.equal(rider.refresh, undefined);
  const framed = page.waitForRequest((r) => r.url().startsWith(`${tenant}/authorize?`) && r.frame() !== page.mainFrame());
  const renewed = await call("refresh");
  assert.equal(new URL((await framed).url()).searchParams.get("prompt"), "none");
  assert.equal(renewed.profile.sub, rider.profile.sub);
  assert.equal(claims(renewed.id).sid, claims(rider.id).sid, "it is the same session");
  assert.equal(await api("/unicorn?name=Gaia", renewed.access), 200);

  // Out, by the endpoint that discovery names.
  await leave(home, "signOut");
  await page.waitForLoadState();
  await call("configure", settings);
  const refused = await failure(call("silently"), "a silent sign-in after the logout");
  assert.match(refused.message, /Login required/);

  // A trainer may see them all.
  const trainer = await signIn("trainer@example.com");
  assert.equal(trainer.profile.email, "trainer@example.com");
  assert.equal(await api("/unicorn?name=Gaia", trainer.access), 200);
  assert.equal(await api("/unicorns", trainer.access), 200);

  // Whoever is signed in there is not asked again.
  await leave(`${stage.Origin}/callback?*`, "signIn");
  assert.equal((await come()).profile.sub, trainer.profile.sub);

  // Out, by Auth0's own endpoint.
  await page.goto(`${tenant}/v2/logout?${new URLSearchParams({ client_id: stage.ClientId, returnTo: stage.Origin })}`);
  assert.ok(home(new URL(page.url())), page.url());
  await call("configure", settings);
  await leave(login, "signIn");

  // A callback that was not registered is refused on a page of the tenant's.
  await page.goto(`${stage.Origin}/`);
  await call("configure", { ...settings, redirect_uri: `${stage.Origin}/elsewhere` });
  await leave(`${tenant}/authorize?*`, "signIn");
  await page.getByText("Callback URL mismatch.").waitFor();
  await picture(page, "universal-error");
});

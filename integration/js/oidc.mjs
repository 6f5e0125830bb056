// oidc-client-ts in a browser: code with PKCE at a pool's hosted pages, found
// by nothing but the issuer.
import assert from "node:assert/strict";
import { browse, picture } from "./browser.mjs";
import { signIn, signUp } from "./hosted.mjs";
import { claims, stage } from "./stage.mjs";

await browse("oidc-page.mjs", async ({ page, call, leave }) => {
  const settings = {
    authority: stage.Issuer,
    client_id: stage.WebClientId,
    redirect_uri: `${stage.Origin}/callback`,
    response_type: "code",
    scope: "openid email https://rides.example/read",
    loadUserInfo: true,
  };
  const [username, password] = ["oidc@example.com", "Passw0rd!"];
  await call("configure", settings);
  await leave(`${stage.Hosted}/login?*`, "signIn", { state: "where I was" });
  await signUp(page, username, password);
  await page.waitForURL(`${stage.Origin}/callback?*`);
  await call("configure", settings);
  const user = await call("callback");
  assert.equal(user.profile.email, username);
  assert.deepEqual(user.scopes, ["openid", "email", "https://rides.example/read"]);
  assert.equal(claims(user.access).version, 2);
  assert.equal(claims(user.id).aud, stage.WebClientId);
  const private_ = `${stage.ApiEndpoint}/private`;
  assert.equal((await call("fetch", private_, { authorization: `Bearer ${user.access}` })).status, 200);
  assert.equal((await call("fetch", private_, { authorization: `Bearer ${user.id}` })).status, 403, "an ID token has no scope");

  const refreshed = await call("refresh");
  assert.notEqual(refreshed.access, user.access);
  assert.equal(claims(refreshed.access).auth_time, claims(user.access).auth_time);

  // Whoever is signed in there is not asked again, and a code is good once.
  await leave(`${stage.Origin}/callback?*`, "signIn");
  const back = page.url();
  await call("configure", settings);
  const again = await call("callback");
  assert.equal(again.profile.sub, user.profile.sub);
  const token = async (parameters) => {
    const body = new URLSearchParams({ client_id: stage.WebClientId, ...parameters });
    const response = await fetch(`${stage.Hosted}/oauth2/token`, { method: "POST", body });
    return [response.status, await response.json()];
  };
  const spent = new URL(back).searchParams.get("code");
  assert.deepEqual(await token({
    grant_type: "authorization_code", redirect_uri: settings.redirect_uri, code: spent, code_verifier: "x".repeat(43),
  }), [400, { error: "invalid_grant" }]);

  await call("revoke", ["refresh_token"]);
  assert.deepEqual(await token({ grant_type: "refresh_token", refresh_token: again.refresh }), [400, { error: "invalid_grant" }]);
  const info = await fetch(`${stage.Hosted}/oauth2/userInfo`, { headers: { authorization: `Bearer ${again.access}` } });
  assert.equal(info.status, 401, "an access token of a sign-in that was revoked");

  // The session there ends too.
  await leave(`${stage.Origin}/bye`, "signOut", {
    extraQueryParams: { client_id: stage.WebClientId, logout_uri: `${stage.Origin}/bye` },
  });
  await call("configure", settings);
  await leave(`${stage.Hosted}/login?*`, "signIn");
  await signIn(page, username, "Passw0rd?");
  await page.getByRole("alert").waitFor();
  await picture(page, "wrong-password");
  await signIn(page, username, password);
  await page.waitForURL(`${stage.Origin}/callback?*`);
  await call("configure", settings);
  assert.equal((await call("callback")).profile.sub, user.profile.sub);

  // A redirect that was not registered is refused on a page of the pool's.
  await call("configure", { ...settings, redirect_uri: `${stage.Origin}/elsewhere` });
  await leave(`${stage.Hosted}/error?*`, "signIn");
  await picture(page, "error");
});

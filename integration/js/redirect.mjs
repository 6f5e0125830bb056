// Amplify v6 in a browser, by a pool's hosted pages.
import assert from "node:assert/strict";
import { browse } from "./browser.mjs";
import { signUp } from "./hosted.mjs";
import { claims, failure, stage } from "./stage.mjs";

await browse("amplify-page.mjs", async ({ page, call, leave }) => {
  const configure = () =>
    call("withDomain", stage.UserPoolId, stage.WebClientId, stage.Endpoint, stage.Domain, [
      "openid", "email", "aws.cognito.signin.user.admin", "https://rides.example/read",
    ]);
  const [username, password] = ["redirect@example.com", "Passw0rd!"];
  await configure();
  await leave(`${stage.Hosted}/login?*`, "signInWithRedirect", { customState: "where I was" });
  await signUp(page, username, password);
  await page.waitForURL(`${stage.Origin}/?*`);
  await configure();
  const me = await call("getCurrentUser");
  const tokens = await call("tokens");
  assert.equal(claims(tokens.id).email, username);
  assert.equal(claims(tokens.id).sub, me.userId);
  // What was signed in there is signed in for the API too.
  assert.equal((await call("fetchUserAttributes")).email, username);
  const got = await call("fetch", `${stage.ApiEndpoint}/private`, { authorization: `Bearer ${tokens.access}` });
  assert.equal(got.status, 200);
  const refreshed = await call("tokens", { forceRefresh: true });
  assert.notEqual(refreshed.access, tokens.access);
  assert.deepEqual(claims(refreshed.access).scope.split(" ").sort(), claims(tokens.access).scope.split(" ").sort());

  // Signing out goes there and back, and ends the session there.
  await leave((url) => url.href === `${stage.Origin}/`, "signOut");
  await page.waitForLoadState();
  await configure();
  const refused = await failure(call("getCurrentUser"), "the current user after signing out");
  assert.equal(refused.name, "UserUnAuthenticatedException");
  await leave(`${stage.Hosted}/login?*`, "signInWithRedirect");
});

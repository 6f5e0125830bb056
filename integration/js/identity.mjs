// Amplify v6 in a browser, with an identity pool: a guest, who then signs in.
import assert from "node:assert/strict";
import { browse } from "./browser.mjs";
import { failure, stage } from "./stage.mjs";

await browse("amplify-page.mjs", async ({ call, seen }) => {
  await call("withIdentities", stage.UserPoolId, stage.WebClientId, stage.Endpoint, stage.IdentityPoolId);
  const guest = await call("session");
  assert.match(guest.identityId, /^us-east-1:[0-9a-f-]{36}$/);
  assert.match(guest.credentials.accessKeyId, /^ASIA[A-Z2-7]{16}$/);
  assert.ok(guest.credentials.expiration > Date.now() + 3500e3, `expires ${guest.credentials.expiration}`);

  await call("signIn", { username: stage.User, password: "Passw0rd!" });
  const rider = await call("session");
  assert.notEqual(rider.credentials.accessKeyId, guest.credentials.accessKeyId);
  assert.equal((await call("session")).credentials.accessKeyId, rider.credentials.accessKeyId); // kept
  const renewed = await call("session", { forceRefresh: true });
  assert.equal(renewed.identityId, rider.identityId);
  assert.notEqual(renewed.credentials.accessKeyId, rider.credentials.accessKeyId);
  await call("signOut");
  assert.notEqual((await call("session")).identityId, rider.identityId);

  await call("withIdentities", stage.UserPoolId, stage.WebClientId, stage.Endpoint, "us-east-1:11111111-2222-3333-4444-555555555555");
  const refused = await failure(call("session", { forceRefresh: true }), "a pool that is not there");
  assert.equal(refused.name, "ResourceNotFoundException");
  assert.ok([...seen.preflights].some((p) => p.startsWith(`200 ${stage.Endpoint}`)), `the preflights were: ${[...seen.preflights]}`);
});

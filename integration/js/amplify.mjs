// Amplify v6 in a browser.
import assert from "node:assert/strict";
import { browse } from "./browser.mjs";
import { claims, code, failure, stage } from "./stage.mjs";

await browse("amplify-page.mjs", async ({ page, call, seen }) => {
  await call("configure", stage.UserPoolId, stage.WebClientId, stage.Endpoint);
  const username = "amplify@example.com";

  const up = await call("signUp", { username, password: "Passw0rd!", options: { userAttributes: { given_name: "Ada" } } });
  assert.deepEqual([up.isSignUpComplete, up.nextStep.signUpStep], [false, "CONFIRM_SIGN_UP"]);
  assert.deepEqual(up.nextStep.codeDeliveryDetails, { deliveryMedium: "EMAIL", destination: "a***@e***", attributeName: "email" });
  let refused = await failure(call("signUp", { username, password: "Passw0rd!" }), "a second sign-up");
  assert.equal(refused.name, "UsernameExistsException");
  refused = await failure(call("signUp", { username: "weak@example.com", password: "weak-password" }), "a weak password");
  assert.equal(refused.name, "InvalidPasswordException");

  const early = await call("signIn", { username, password: "Passw0rd!" });
  assert.equal(early.nextStep.signInStep, "CONFIRM_SIGN_UP");
  refused = await failure(call("confirmSignUp", { username, confirmationCode: "000000x" }), "a wrong code");
  assert.equal(refused.name, "CodeMismatchException");
  const confirmed = await call("confirmSignUp", { username, confirmationCode: await code(username) });
  assert.deepEqual([confirmed.isSignUpComplete, confirmed.nextStep.signUpStep], [true, "DONE"]);

  refused = await failure(call("signIn", { username, password: "Passw0rd?" }), "a wrong password");
  assert.deepEqual([refused.name, refused.message], ["NotAuthorizedException", "Incorrect username or password."]);
  const done = await call("signIn", { username, password: "Passw0rd!" });
  assert.deepEqual([done.isSignedIn, done.nextStep.signInStep], [true, "DONE"]);
  refused = await failure(call("signIn", { username, password: "Passw0rd!" }), "a second sign-in");
  assert.equal(refused.name, "UserAlreadyAuthenticatedException");

  const me = await call("getCurrentUser");
  assert.deepEqual([me.userId, me.signInDetails.loginId, me.signInDetails.authFlowType], [up.userId, username, "USER_SRP_AUTH"]);
  const first = await call("tokens");
  assert.deepEqual([claims(first.id).email, claims(first.id).given_name], [username, "Ada"]);

  // The API is another origin again, and its preflight the gateway's.
  const api = `${stage.ApiEndpoint}/private`;
  assert.deepEqual(await call("fetch", api, { authorization: `Bearer ${first.id}` }), { status: 200, body: `Hello ${username}!` });
  // Without CORS headers on it the page could not read a refusal.
  assert.deepEqual(await call("fetch", api, { authorization: "Bearer nonsense" }), { status: 401, body: '{"message":"Unauthorized"}' });
  // Verifiers in a page read the keys.
  assert.equal((await call("fetch", `${stage.Issuer}/.well-known/jwks.json`, {})).status, 200);

  // A page that is loaded anew is still signed in.
  await page.reload();
  await call("configure", stage.UserPoolId, stage.WebClientId, stage.Endpoint);
  assert.equal((await call("tokens")).access, first.access);
  const refreshed = await call("tokens", { forceRefresh: true });
  assert.notEqual(refreshed.access, first.access);
  assert.equal(claims(refreshed.access).origin_jti, claims(first.access).origin_jti);

  assert.equal((await call("fetchUserAttributes")).email_verified, "true");
  const updated = await call("updateUserAttributes", { userAttributes: { given_name: "Grace" } });
  assert.equal(updated.given_name.isUpdated, true);
  await call("deleteUserAttributes", { userAttributeKeys: ["given_name"] });
  assert.equal((await call("fetchUserAttributes")).given_name, undefined);
  const moved = await call("updateUserAttributes", { userAttributes: { email: "moved@example.com" } });
  assert.equal(moved.email.nextStep.updateAttributeStep, "CONFIRM_ATTRIBUTE_WITH_CODE");
  await call("confirmUserAttribute", { userAttributeKey: "email", confirmationCode: await code("moved@example.com") });
  assert.equal((await call("fetchUserAttributes")).email, "moved@example.com");

  refused = await failure(call("updatePassword", { oldPassword: "Passw0rd?", newPassword: "N3w-password" }), "a wrong old password");
  assert.equal(refused.name, "NotAuthorizedException");
  await call("updatePassword", { oldPassword: "Passw0rd!", newPassword: "N3w-password" });

  await call("signOut");
  refused = await failure(call("getCurrentUser"), "the current user after signing out");
  assert.equal(refused.name, "UserUnAuthenticatedException");
  assert.equal(await call("tokens"), undefined);

  const address = "moved@example.com";
  const reset = await call("resetPassword", { username: address });
  assert.equal(reset.nextStep.resetPasswordStep, "CONFIRM_RESET_PASSWORD_WITH_CODE");
  await call("confirmResetPassword", { username: address, confirmationCode: await code(address), newPassword: "An0ther-one" });
  await call("signIn", { username: address, password: "An0ther-one", options: { authFlowType: "USER_PASSWORD_AUTH" } });
  await call("signOut", { global: true });

  // The first sign-in of a user whom an administrator made.
  const must = await call("signIn", { username: stage.Invited, password: stage.TemporaryPassword });
  assert.equal(must.nextStep.signInStep, "CONFIRM_SIGN_IN_WITH_NEW_PASSWORD_REQUIRED");
  const chosen = await call("confirmSignIn", { challengeResponse: "Perman3nt!" });
  assert.equal(chosen.isSignedIn, true);
  await call("deleteUser");
  refused = await failure(call("signIn", { username: stage.Invited, password: "Perman3nt!" }), "a user who was deleted");
  assert.equal(refused.name, "NotAuthorizedException"); // preventUserExistenceErrors

  // Refresh tokens that are good once. Amplify keeps each new one.
  await call("configure", stage.UserPoolId, stage.RotatingClientId, stage.Endpoint);
  await call("signIn", { username: address, password: "An0ther-one" });
  const kept = [await call("kept")];
  for (let i = 0; i < 2; i++) {
    await call("tokens", { forceRefresh: true });
    kept.push(await call("kept"));
  }
  assert.equal(new Set(kept).size, 3);
  await call("signOut");

  assert.ok(seen.preflights.has(`200 ${stage.Endpoint}/`), `the preflights were: ${[...seen.preflights]}`);
  assert.ok(seen.preflights.has(`204 ${api}`), `the preflights were: ${[...seen.preflights]}`);
});

// amazon-cognito-identity-js: the client of most web apps before Amplify v6.
// It signs in by SRP, with arithmetic of its own.
import assert from "node:assert/strict";
import {
  AuthenticationDetails,
  CognitoUser,
  CognitoUserAttribute,
  CognitoUserPool,
} from "amazon-cognito-identity-js";
import { claims, code, failure, stage } from "./stage.mjs";

// memory is the storage that a browser's localStorage is.
function memory() {
  const kept = new Map();
  return {
    setItem: (k, v) => kept.set(k, String(v)),
    getItem: (k) => kept.get(k) ?? null,
    removeItem: (k) => kept.delete(k),
    clear: () => kept.clear(),
    kept,
  };
}
const storage = memory();
const pool = new CognitoUserPool({
  UserPoolId: stage.UserPoolId,
  ClientId: stage.WebClientId,
  endpoint: stage.Endpoint,
  Storage: storage,
});

// call turns the library's (error, result) callbacks into a promise.
const call = (f) =>
  new Promise((resolve, reject) => f((error, result) => (error ? reject(error) : resolve(result))));

// authenticate signs in. SRP takes the library seconds, so where the way is not
// the matter the password is sent.
const authenticate = (user, password, flow = "USER_SRP_AUTH") => {
  user.setAuthenticationFlowType(flow);
  return new Promise((onSuccess, onFailure) =>
    user.authenticateUser(new AuthenticationDetails({ Username: user.getUsername(), Password: password }), {
      onSuccess,
      onFailure,
      newPasswordRequired: (attributes) => onSuccess({ challenge: "NEW_PASSWORD_REQUIRED", attributes }),
    }));
};
const bySending = "USER_PASSWORD_AUTH";

const email = "srp@example.com";
const attributes = [new CognitoUserAttribute({ Name: "given_name", Value: "Séraphine" })];
const up = await call((done) => pool.signUp(email, "Passw0rd!", attributes, null, done));
assert.equal(up.userConfirmed, false);
assert.match(up.userSub, /^[0-9a-f-]{36}$/);
const delivery = up.codeDeliveryDetails;
assert.deepEqual([delivery.DeliveryMedium, delivery.AttributeName], ["EMAIL", "email"]);

const user = new CognitoUser({ Username: email, Pool: pool, Storage: storage });
let refused = await failure(authenticate(user, "Passw0rd!", bySending), "signing in before the confirmation");
assert.equal(refused.code, "UserNotConfirmedException");

refused = await failure(call((done) => user.confirmRegistration("000000x", false, done)), "confirming with a wrong code");
assert.equal(refused.code, "CodeMismatchException");
await code(email);
await call((done) => user.resendConfirmationCode(done));
const latest = await code(email);
assert.equal(await call((done) => user.confirmRegistration(latest, false, done)), "SUCCESS");

refused = await failure(authenticate(user, "Passw0rd?"), "signing in with a wrong password");
assert.equal(refused.code, "NotAuthorizedException");
assert.equal(refused.message, "Incorrect username or password.");

const session = await authenticate(user, "Passw0rd!");
assert.equal(session.isValid(), true);
const id = session.getIdToken().decodePayload();
assert.deepEqual([id.email, id.aud, id.given_name, id.sub], [email, stage.WebClientId, "Séraphine", up.userSub]);
// The library goes by the canonical name from then on, as the storage shows.
assert.equal(user.getUsername(), up.userSub);

// A page that is loaded anew finds the user in the storage.
const again = pool.getCurrentUser();
const found = await call((done) => again.getSession(done));
assert.equal(found.getAccessToken().getJwtToken(), session.getAccessToken().getJwtToken());
const data = await call((done) => again.getUserData(done, { bypassCache: true }));
assert.equal(data.Username, up.userSub);
assert.equal(data.UserAttributes.find((a) => a.Name === "email_verified").Value, "true");

const refreshed = await call((done) => again.refreshSession(session.getRefreshToken(), done));
assert.notEqual(refreshed.getAccessToken().getJwtToken(), session.getAccessToken().getJwtToken());
const [before, after] = [session, refreshed].map((s) => claims(s.getAccessToken().getJwtToken()));
assert.deepEqual([after.origin_jti, after.auth_time], [before.origin_jti, before.auth_time]);

await call((done) => again.updateAttributes([new CognitoUserAttribute({ Name: "given_name", Value: "Ada" })], done));
await call((done) => again.deleteAttributes(["given_name"], done));
refused = await failure(call((done) => again.changePassword("Passw0rd?", "N3w-password", done)), "a change with a wrong password");
assert.equal(refused.code, "NotAuthorizedException");
assert.equal(await call((done) => again.changePassword("Passw0rd!", "N3w-password", done)), "SUCCESS");

// Signing out revokes the refresh token, and with it the access token.
const last = again.getSignInUserSession();
await call((done) => again.signOut(done));
assert.equal(pool.getCurrentUser(), null);
again.setSignInUserSession(last);
refused = await failure(call((done) => again.getUserAttributes(done)), "reading attributes after signing out");
assert.equal(refused.code, "NotAuthorizedException");

const back = new CognitoUser({ Username: email, Pool: pool, Storage: storage });
refused = await failure(authenticate(back, "Passw0rd!", bySending), "the old password");
assert.equal(refused.code, "NotAuthorizedException");
await authenticate(back, "N3w-password");

// Somebody who has forgotten the password.
const forgotten = new CognitoUser({ Username: email, Pool: pool, Storage: memory() });
const sent = new Promise((inputVerificationCode, onFailure) =>
  forgotten.forgotPassword({ inputVerificationCode, onFailure, onSuccess: () => onFailure(new Error("no code was sent")) }));
assert.equal((await sent).CodeDeliveryDetails.AttributeName, "email");
const reset = await code(email);
await new Promise((onSuccess, onFailure) => forgotten.confirmPassword(reset, "An0ther-one", { onSuccess, onFailure }));

const elsewhere = new CognitoUser({ Username: email, Pool: pool, Storage: memory() });
await authenticate(elsewhere, "An0ther-one", bySending);
await new Promise((onSuccess, onFailure) => back.globalSignOut({ onSuccess, onFailure }));
refused = await failure(call((done) => elsewhere.getUserAttributes(done)), "another session after a global sign-out");
assert.equal(refused.code, "NotAuthorizedException");

// A user whom an administrator made chooses a password at the first sign-in.
const made = new CognitoUser({ Username: stage.Invited, Pool: pool, Storage: memory() });
const challenge = await authenticate(made, stage.TemporaryPassword);
assert.equal(challenge.challenge, "NEW_PASSWORD_REQUIRED");
const chosen = await new Promise((onSuccess, onFailure) =>
  made.completeNewPasswordChallenge("Perman3nt!", {}, { onSuccess, onFailure }));
process.stdout.write(chosen.getIdToken().getJwtToken());

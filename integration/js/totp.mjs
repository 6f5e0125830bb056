// Amplify v6 in a browser, with an authenticator app that this script is.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { browse } from "./browser.mjs";
import { claims, code, failure, stage } from "./stage.mjs";

// authenticator gives codes of RFC 6238. A code is good once, so each is of a
// later time step: from the one before the present, which servers take.
function authenticator(secret) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  let bits = "";
  for (const letter of secret) bits += alphabet.indexOf(letter).toString(2).padStart(5, "0");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  let last = 0;
  return () => {
    const now = Math.floor(Date.now() / 30_000);
    last = Math.max(now - 1, last + 1);
    assert.ok(last <= now + 1, "the test asks for more codes than there are");
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(last));
    const mac = createHmac("sha1", key).update(counter).digest();
    const n = mac.readUInt32BE(mac[19] & 15) & 0x7fffffff;
    return String(n % 1_000_000).padStart(6, "0");
  };
}
const wrong = (right) => String((Number(right) + 1) % 1_000_000).padStart(6, "0");

await browse("totp-page.mjs", async ({ call }) => {
  const [username, password] = ["totp@example.com", "Passw0rd!"];
  const register = async () => {
    await call("signUp", { username, password });
    await call("confirmSignUp", { username, confirmationCode: await code(username) });
  };

  // A user who wants a second factor.
  await call("configure", stage.OptionalPool, stage.OptionalClient, stage.Endpoint);
  await register();
  assert.equal((await call("signIn", { username, password })).isSignedIn, true);
  assert.equal((await call("fetchMFAPreference")).enabled, undefined);
  const { secret, uri } = await call("setUp", "Rides", username);
  assert.match(secret, /^[A-Z2-7]{16,}$/);
  assert.equal(new URL(uri).searchParams.get("secret"), secret);
  const next = authenticator(secret);
  let right = next();
  let refused = await failure(call("verifyTOTPSetup", { code: wrong(right) }), "a wrong code");
  assert.equal(refused.name, "EnableSoftwareTokenMFAException");
  await call("verifyTOTPSetup", { code: right });
  await call("updateMFAPreference", { totp: "PREFERRED" });
  assert.deepEqual(await call("fetchMFAPreference"), { enabled: ["TOTP"], preferred: "TOTP" });
  await call("signOut");

  let asked = await call("signIn", { username, password });
  assert.deepEqual([asked.isSignedIn, asked.nextStep.signInStep], [false, "CONFIRM_SIGN_IN_WITH_TOTP_CODE"]);
  assert.equal(await call("tokens"), undefined, "tokens before the second factor");
  right = next();
  refused = await failure(call("confirmSignIn", { challengeResponse: wrong(right) }), "a wrong code");
  assert.equal(refused.name, "CodeMismatchException");
  asked = await call("confirmSignIn", { challengeResponse: right });
  assert.equal(asked.isSignedIn, true);
  assert.equal(claims((await call("tokens")).id).email, username);
  await call("signOut");

  asked = await call("signIn", { username, password });
  refused = await failure(call("confirmSignIn", { challengeResponse: right }), "a code a second time");
  assert.ok(["CodeMismatchException", "ExpiredCodeException"].includes(refused.name), refused.name);

  // A pool in which nobody does without. The first sign-in sets it up.
  await call("configure", stage.AlwaysPool, stage.AlwaysClient, stage.Endpoint);
  await register();
  asked = await call("signIn", { username, password });
  assert.equal(asked.nextStep.signInStep, "CONTINUE_SIGN_IN_WITH_TOTP_SETUP");
  const other = authenticator(asked.nextStep.totpSetupDetails.sharedSecret);
  asked = await call("confirmSignIn", { challengeResponse: other() });
  assert.equal(asked.isSignedIn, true);
  await call("signOut");
  asked = await call("signIn", { username, password });
  assert.equal(asked.nextStep.signInStep, "CONFIRM_SIGN_IN_WITH_TOTP_CODE");
  assert.equal((await call("confirmSignIn", { challengeResponse: other() })).isSignedIn, true);
});

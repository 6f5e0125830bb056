// openid-client, of which the middleware for servers is made: a regular web
// application and a machine, with every check that the library has turned on.
import assert from "node:assert/strict";
import * as client from "openid-client";
import { claims, failure, stage } from "./stage.mjs";
import { fields, visitor } from "./visitor.mjs";

const audience = "https://rides.example";
const redirect_uri = "http://localhost:5678/callback";

const discover = async (auth, options = {}) => {
  const config = await client.discovery(new URL(stage.Issuer), stage.ClientId, { client_secret: stage.ClientSecret }, auth, {
    execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks], ...options,
  });
  assert.equal(config.serverMetadata().issuer, stage.Issuer);
  return config;
};
const web = await discover(client.ClientSecretPost());
// The secret in the header is percent-encoded (RFC 6749 section 2.3.1).
const basic = await discover(client.ClientSecretBasic(), { algorithm: "oauth2" });

const { visit, logIn } = visitor();

// request is a request for a sign-in, with what must come back.
const request = async (more = {}) => {
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const [expectedState, expectedNonce] = [client.randomState(), client.randomNonce()];
  const url = client.buildAuthorizationUrl(web, {
    redirect_uri, scope: "openid profile email offline_access read write", audience, state: expectedState, nonce: expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: "S256", ...more,
  });
  return { url, checks: { pkceCodeVerifier, expectedState, expectedNonce } };
};
const refused = async (promise, status, error, description) => {
  const e = await failure(promise, error);
  assert.deepEqual([e.status, e.error, e.error_description], [status, error, description], e.stack);
};
const invalidCode = [403, "invalid_grant", "Invalid authorization code"];

// A sign-in, with the time of it.
const first = await request({ max_age: "60" });
const back = await logIn(first.url);
assert.equal(back.status, 302);
const tokens = await client.authorizationCodeGrant(web, back.to, { ...first.checks, maxAge: 60, idTokenExpected: true });
assert.equal(tokens.claims().email, "ann@example.com");
assert.equal(tokens.claims().email_verified, true);
assert.equal(tokens.claims().name, "Ann Rider");
assert.equal(tokens.scope, "openid profile email offline_access read", "the role does not give write");
assert.equal(tokens.token_type, "bearer");
assert.equal(tokens.expiresIn() > 3500 && tokens.expiresIn() <= 3600, true);
const access = claims(tokens.access_token);
assert.equal(access.client_id, stage.ClientId);
assert.deepEqual(access.permissions, ["read"]);
const { sub } = tokens.claims();
assert.equal((await client.fetchUserInfo(web, tokens.access_token, sub)).email, "ann@example.com");
assert.equal((await client.fetchProtectedResource(web, tokens.access_token, new URL(`${stage.ApiEndpoint}/private`), "GET")).status, 200);

// A code is good once, for who holds the verifier; a second use ends what the
// first gave.
await refused(client.authorizationCodeGrant(web, back.to, { ...first.checks, maxAge: 60 }), ...invalidCode);
await refused(client.refreshTokenGrant(web, tokens.refresh_token), 403, "invalid_grant", "Unknown or invalid refresh token.");
const stolen = await request();
const { to } = await visit(stolen.url); // the session is there
await refused(client.authorizationCodeGrant(web, to, { ...stolen.checks, pkceCodeVerifier: client.randomPKCECodeVerifier() }),
  403, "invalid_grant", "Failed to verify code verifier");
const mixed = await request();
const mixedBack = (await visit(mixed.url)).to;
const e = await failure(client.authorizationCodeGrant(web, mixedBack, { ...mixed.checks, expectedNonce: client.randomNonce() }), "another nonce");
assert.match(String(e.cause?.message ?? e.message), /nonce/);

// The answer by a form, and the secret in the header.
const posted = await request({ response_mode: "form_post" });
const form = await visit(posted.url);
assert.equal(form.status, 200);
const web2 = await client.authorizationCodeGrant(
  basic, new Request(redirect_uri, { method: "POST", body: new URLSearchParams(fields(form.body)) }), { ...posted.checks, idTokenExpected: true });

// Tokens in the answer itself, in the fragment and by a form: the library holds the
// ID token to the nonce, and what is beside it to the token's hashes.
const hybrid = await discover(client.ClientSecretPost());
client.useCodeIdTokenResponseType(hybrid);
const both = await request({ response_type: "code id_token" });
const beside = (await visit(both.url)).to;
assert.equal(beside.search, "");
const answer = new URLSearchParams(beside.hash.slice(1));
assert.equal((await client.authorizationCodeGrant(hybrid, beside, both.checks)).claims().sub, sub);
const injected = await request({ response_type: "code id_token" });
const swapped = (await visit(injected.url)).to;
const parts = new URLSearchParams(swapped.hash.slice(1));
parts.set("code", answer.get("code")); // one of another sign-in
swapped.hash = parts;
const unbound = await failure(client.authorizationCodeGrant(hybrid, swapped, injected.checks), "a code of another sign-in");
assert.match(String(unbound.cause?.message ?? unbound.message), /c_hash/);
const implicit = await discover(client.ClientSecretPost());
client.useIdTokenResponseType(implicit);
const direct = await request({ response_type: "id_token", response_mode: "form_post" });
const answered = () => new Request(redirect_uri, { method: "POST", body: new URLSearchParams(fields(given.body)) });
const given = await visit(direct.url);
assert.equal((await client.implicitAuthentication(implicit, answered(), direct.checks.expectedNonce, direct.checks)).sub, sub);
await failure(client.implicitAuthentication(implicit, answered(), client.randomNonce(), direct.checks), "an ID token of another nonce");
await failure(client.implicitAuthentication(implicit, answered(), direct.checks.expectedNonce, { expectedState: "another" }), "an ID token of another state");

// Refresh tokens rotate, and one that is used again ends all of its sign-in.
const second = await client.refreshTokenGrant(web, web2.refresh_token);
assert.notEqual(second.refresh_token, web2.refresh_token);
assert.equal(second.claims().sub, sub);
const third = await client.refreshTokenGrant(basic, second.refresh_token, { scope: "openid read" });
assert.equal(third.scope, "openid read");
await refused(client.refreshTokenGrant(web, web2.refresh_token), 403, "invalid_grant", "Unknown or invalid refresh token.");
await refused(client.refreshTokenGrant(web, third.refresh_token), 403, "invalid_grant", "Unknown or invalid refresh token.");

// Without an audience the token is opaque, and userinfo takes it.
const plain = await request({ audience: "" });
const opaque = await client.authorizationCodeGrant(web, (await visit(plain.url)).to, plain.checks);
assert.equal(opaque.access_token.split(".").length, 5);
assert.equal((await client.fetchUserInfo(web, opaque.access_token, sub)).name, "Ann Rider");
await client.tokenRevocation(web, opaque.refresh_token);
await refused(client.refreshTokenGrant(web, opaque.refresh_token), 403, "invalid_grant", "Unknown or invalid refresh token.");

// What a session allows without anybody being asked, until it is ended.
const silent = await request({ prompt: "none" });
const quiet = await client.authorizationCodeGrant(web, (await visit(silent.url)).to, silent.checks);
const out = await visit(client.buildEndSessionUrl(web, {
  id_token_hint: quiet.id_token, post_logout_redirect_uri: "http://localhost:5678/bye", state: "s",
}));
assert.equal(out.to?.href, "http://localhost:5678/bye?state=s");
const again = await request({ prompt: "none" });
const none = await failure(client.authorizationCodeGrant(web, (await visit(again.url)).to, again.checks), "nobody's session");
assert.deepEqual([none.error, none.error_description], ["login_required", "Login required"]);

// A machine has all that it was granted.
for (const config of [web, basic]) {
  const machine = await client.clientCredentialsGrant(config, { audience });
  assert.equal(machine.scope, "read write");
  assert.equal(claims(machine.access_token).sub, `${stage.ClientId}@clients`);
  assert.equal(machine.refresh_token, undefined);
  assert.equal((await client.fetchProtectedResource(config, machine.access_token, new URL(`${stage.ApiEndpoint}/private`), "GET")).status, 200);
}
await refused(client.clientCredentialsGrant(web, { audience: "https://nobody.example" }), 403, "access_denied", "Service not found: https://nobody.example");
const guessed = await client.discovery(new URL(stage.Issuer), stage.ClientId, "guessed", undefined, { execute: [client.allowInsecureRequests] });
await refused(client.clientCredentialsGrant(guessed, { audience }), 401, "access_denied", "Unauthorized");

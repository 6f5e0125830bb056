// auth0 for Node, as a server uses it: it puts https:// before the domain, and
// holds the ID tokens to that.
import assert from "node:assert/strict";
import { AuthenticationClient, UserInfoClient } from "auth0/legacy";
import { claims, failure, stage } from "./stage.mjs";
import { visitor } from "./visitor.mjs";

const audience = "https://rides.example";
const redirect_uri = "http://localhost:5678/callback";
const options = { domain: stage.Domain, clientId: stage.ClientId, clientSecret: stage.ClientSecret };
const { oauth } = new AuthenticationClient(options);
const { visit, logIn } = visitor();
const refused = async (promise, status, error, description) => {
  const e = await failure(promise, error);
  assert.deepEqual([e.statusCode, e.error, e.error_description], [status, error, description], e.stack);
};
const authorize = (more) => `${stage.Issuer}authorize?${new URLSearchParams({
  response_type: "code", client_id: stage.ClientId, redirect_uri, scope: "openid email offline_access read", audience, nonce: "a nonce", ...more,
})}`;

// A sign-in: the code, once, and the ID token with the nonce that was asked for.
const { to } = await logIn(authorize({ max_age: 3600 }));
const code = to.searchParams.get("code");
const { data: tokens } = await oauth.authorizationCodeGrant({ code, redirect_uri }, { idTokenValidateOptions: { nonce: "a nonce", maxAge: 3600 } });
assert.equal(tokens.scope, "openid email offline_access read");
assert.equal(claims(tokens.id_token).email, "ann@example.com");
assert.equal((await fetch(`${stage.ApiEndpoint}/private`, { headers: { authorization: `Bearer ${tokens.access_token}` } })).status, 200);
await refused(oauth.authorizationCodeGrant({ code, redirect_uri }), 403, "invalid_grant", "Invalid authorization code");
const other = (await visit(authorize({ nonce: "another" }))).to.searchParams.get("code");
const mixed = await failure(oauth.authorizationCodeGrant({ code: other, redirect_uri }, { idTokenValidateOptions: { nonce: "a nonce" } }), "another sign-in's nonce");
assert.match(mixed.message, /nonce/i);

// Who it was, from a token that the first use of the code did not give: the second
// use ended what that gave.
const { data: byPassword } = await oauth.passwordGrant({ username: "ann@example.com", password: "Passw0rd!", audience, scope: "openid email offline_access read" });
const who = await new UserInfoClient({ domain: stage.Domain }).getUserInfo(byPassword.access_token);
assert.equal(who.data.email, "ann@example.com");
assert.equal(claims(byPassword.access_token).gty, "password");
const { data: byRealm } = await oauth.passwordGrant({ username: "ann@example.com", password: "Passw0rd!", realm: "Username-Password-Authentication" });
assert.equal(byRealm.id_token, undefined);
await refused(oauth.passwordGrant({ username: "ann@example.com", password: "guessed" }), 403, "invalid_grant", "Wrong email or password.");

// The refresh token rotates; its second use ends the family.
const { data: renewed } = await oauth.refreshTokenGrant({ refresh_token: byPassword.refresh_token });
assert.notEqual(renewed.refresh_token, byPassword.refresh_token);
await refused(oauth.refreshTokenGrant({ refresh_token: byPassword.refresh_token }), 403, "invalid_grant", "Unknown or invalid refresh token.");
await refused(oauth.refreshTokenGrant({ refresh_token: renewed.refresh_token }), 403, "invalid_grant", "Unknown or invalid refresh token.");
await oauth.revokeRefreshToken({ token: renewed.refresh_token });

// A machine.
const { data: machine } = await oauth.clientCredentialsGrant({ audience });
assert.equal(machine.scope, "read write");
await refused(oauth.clientCredentialsGrant({ audience: "https://nobody.example" }), 403, "access_denied", "Service not found: https://nobody.example");
const { oauth: guessed } = new AuthenticationClient({ ...options, clientSecret: "guessed" });
await refused(guessed.clientCredentialsGrant({ audience }), 401, "access_denied", "Unauthorized");

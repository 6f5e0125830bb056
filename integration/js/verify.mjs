// aws-jwt-verify: AWS's own verifier. Its CognitoJwtVerifier builds the issuer
// from the pool's id and so can only mean AWS; JwtVerifier is told the issuer,
// and AWS's checks of Cognito's claims are added to it.
import assert from "node:assert/strict";
import { createHmac, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { Agent } from "node:http";
import { JwtVerifier } from "aws-jwt-verify";
import { validateCognitoJwtFields } from "aws-jwt-verify/cognito-verifier";
import {
  FailedAssertionError,
  JwtExpiredError,
  JwtInvalidSignatureAlgorithmError,
  JwtInvalidSignatureError,
  KidNotFoundInJwksError,
} from "aws-jwt-verify/error";
import { SimpleJwksCache } from "aws-jwt-verify/jwk";
import { SimpleFetcher } from "aws-jwt-verify/https";
import { claims, failure, stage } from "./stage.mjs";

// The library's own fetcher, but for its agent: it insists on https otherwise.
const plain = () =>
  new SimpleJwksCache({ fetcher: new SimpleFetcher({ defaultRequestOptions: { agent: new Agent() } }) });

// verifier takes tokens of a client for a use, "id" or "access".
const verifier = (tokenUse, clientId, more = {}) =>
  JwtVerifier.create({
    issuer: stage.Issuer,
    audience: null, // judged as Cognito has it, below
    jwksUri: `${stage.Issuer}/.well-known/jwks.json`,
    customJwtCheck: ({ payload }) => validateCognitoJwtFields(payload, { tokenUse, clientId, ...more }),
  }, { jwksCache: plain() });

const { ours, otherClient, otherPool } = JSON.parse(stage.Tokens);
const access = verifier("access", stage.WebClientId);
const id = verifier("id", stage.WebClientId);

assert.equal((await access.verify(ours.AccessToken)).username, claims(ours.IdToken)["cognito:username"]);
assert.equal((await id.verify(ours.IdToken)).email, "verify@example.com");
// The audience of an ID token is the client, by the standard's own claim.
const standard = JwtVerifier.create({ issuer: stage.Issuer, audience: stage.WebClientId, jwksUri: `${stage.Issuer}/.well-known/jwks.json` }, { jwksCache: plain() });
await standard.verify(ours.IdToken);

const refused = async (verifier, token, error, what) => {
  const e = await failure(verifier.verify(token), what);
  assert.ok(e instanceof error, `${what}: ${e.stack}`);
};

// One for the other.
await refused(access, ours.IdToken, FailedAssertionError, "an ID token as an access token");
await refused(id, ours.AccessToken, FailedAssertionError, "an access token as an ID token");
await refused(standard, ours.AccessToken, FailedAssertionError, "an access token, which has no aud");
// Another client of the pool, another pool, a group that the user is not in.
await refused(access, otherClient.AccessToken, FailedAssertionError, "a token of another client");
// The keys of a pool are asked for once in a while only, so each stranger's
// key has a verifier of its own.
await refused(verifier("access", stage.WebClientId), otherPool.AccessToken, KidNotFoundInJwksError, "a token of another pool");
await refused(verifier("access", stage.WebClientId, { groups: ["riders"] }), ours.AccessToken, FailedAssertionError, "a token without the group");

// Forgeries of a token that is accepted.
const [header, payload, signature] = ours.AccessToken.split(".");
const encode = (object) => Buffer.from(JSON.stringify(object)).toString("base64url");
const stranger = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const signed = (header, payload, key) =>
  `${header}.${payload}.${sign("sha256", Buffer.from(`${header}.${payload}`), key).toString("base64url")}`;
const { kid } = JSON.parse(Buffer.from(header, "base64url"));
const admin = encode({ ...claims(ours.AccessToken), "cognito:groups": ["admin"] });
await refused(access, signed(header, payload, stranger), JwtInvalidSignatureError, "a token signed by a stranger under our key's id");
await refused(access, `${header}.${admin}.${signature}`, JwtInvalidSignatureError, "a token with another claim");
await refused(verifier("access", stage.WebClientId), signed(encode({ alg: "RS256", kid: "stranger" }), payload, stranger), KidNotFoundInJwksError, "a token under a stranger's key id");
await refused(access, `${encode({ alg: "none", kid })}.${payload}.`, Error, "a token without a signature");
const jwks = await (await fetch(`${stage.Issuer}/.well-known/jwks.json`)).json();
const pem = createPublicKey({ key: jwks.keys.find((k) => k.kid === kid), format: "jwk" }).export({ type: "spki", format: "pem" });
const hs = encode({ alg: "HS256", kid });
const mac = createHmac("sha256", pem).update(`${hs}.${payload}`).digest("base64url");
await refused(access, `${hs}.${payload}.${mac}`, JwtInvalidSignatureAlgorithmError, "a token signed by the public key as a secret");

// The same tokens later.
const now = Date.now;
Date.now = () => now() + 3_601_000;
await refused(access, ours.AccessToken, JwtExpiredError, "an access token after an hour");
await refused(id, ours.IdToken, JwtExpiredError, "an ID token after an hour");

// The AWS SDK for JavaScript v3, configured by nothing but the environment of
// `doorwright env`.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import {
  AdminCreateUserCommand,
  AdminGetUserCommand,
  CognitoIdentityProviderClient,
  ConfirmSignUpCommand,
  DescribeUserPoolClientCommand,
  GetTokensFromRefreshTokenCommand,
  GetUserCommand,
  GlobalSignOutCommand,
  InitiateAuthCommand,
  NotAuthorizedException,
  RespondToAuthChallengeCommand,
  RevokeTokenCommand,
  SignUpCommand,
  UsernameExistsException,
  UserNotConfirmedException,
  UserNotFoundException,
  paginateListUsers,
} from "@aws-sdk/client-cognito-identity-provider";
import { claims, code, failure, stage } from "./stage.mjs";

const idp = new CognitoIdentityProviderClient();
const [ClientId, UserPoolId] = [stage.WebClientId, stage.UserPoolId];
const email = "sdk@example.com";

const up = await idp.send(new SignUpCommand({ ClientId, Username: email, Password: "Passw0rd!" }));
assert.equal(up.UserConfirmed, false);
assert.deepEqual(up.CodeDeliveryDetails, { Destination: "s***@e***", DeliveryMedium: "EMAIL", AttributeName: "email" });
assert.match(up.$metadata.requestId, /^[0-9a-f-]{36}$/);
let error = await failure(idp.send(new SignUpCommand({ ClientId, Username: "SDK@example.com", Password: "Passw0rd!" })), "a second sign-up");
assert.ok(error instanceof UsernameExistsException, error);
assert.equal(error.$metadata.httpStatusCode, 400);

const signIn = (Password, client = ClientId) =>
  idp.send(new InitiateAuthCommand({
    ClientId: client,
    AuthFlow: "USER_PASSWORD_AUTH",
    AuthParameters: { USERNAME: email, PASSWORD: Password },
  }));
error = await failure(signIn("Passw0rd!"), "a sign-in before the confirmation");
assert.ok(error instanceof UserNotConfirmedException, error);
await idp.send(new ConfirmSignUpCommand({ ClientId, Username: email, ConfirmationCode: await code(email) }));
error = await failure(signIn("Passw0rd?"), "a wrong password");
assert.ok(error instanceof NotAuthorizedException, error);
assert.equal(error.message, "Incorrect username or password.");
const { AuthenticationResult: tokens } = await signIn("Passw0rd!");
assert.deepEqual([tokens.TokenType, tokens.ExpiresIn], ["Bearer", 3600]);

const me = await idp.send(new GetUserCommand({ AccessToken: tokens.AccessToken }));
assert.equal(me.Username, up.UserSub);
const admins = await idp.send(new AdminGetUserCommand({ UserPoolId, Username: email }));
assert.equal(admins.UserStatus, "CONFIRMED");
assert.ok(Math.abs(admins.UserCreateDate - Date.now()) < 600_000, "the time is not one that the SDK understands");
error = await failure(idp.send(new AdminGetUserCommand({ UserPoolId, Username: "nobody@example.com" })), "an unknown user");
assert.ok(error instanceof UserNotFoundException, error);

const refreshed = await idp.send(new InitiateAuthCommand({
  ClientId, AuthFlow: "REFRESH_TOKEN_AUTH", AuthParameters: { REFRESH_TOKEN: tokens.RefreshToken },
}));
assert.equal(refreshed.AuthenticationResult.RefreshToken, undefined);
const newer = await idp.send(new GetTokensFromRefreshTokenCommand({ ClientId, RefreshToken: tokens.RefreshToken }));
assert.equal(claims(newer.AuthenticationResult.IdToken).sub, up.UserSub);
await idp.send(new RevokeTokenCommand({ ClientId, Token: tokens.RefreshToken }));
error = await failure(idp.send(new GetTokensFromRefreshTokenCommand({ ClientId, RefreshToken: tokens.RefreshToken })), "a revoked refresh token");
assert.ok(error instanceof NotAuthorizedException, error);

// A client with a secret needs its hash.
const secret = (await idp.send(new DescribeUserPoolClientCommand({ UserPoolId, ClientId: stage.ConfidentialClientId }))).UserPoolClient.ClientSecret;
error = await failure(signIn("Passw0rd!", stage.ConfidentialClientId), "a sign-in without the secret hash");
assert.ok(error instanceof NotAuthorizedException, error);
const hash = createHmac("sha256", secret).update(email + stage.ConfidentialClientId).digest("base64");
const confidential = await idp.send(new InitiateAuthCommand({
  ClientId: stage.ConfidentialClientId,
  AuthFlow: "USER_PASSWORD_AUTH",
  AuthParameters: { USERNAME: email, PASSWORD: "Passw0rd!", SECRET_HASH: hash },
}));
assert.equal(claims(confidential.AuthenticationResult.IdToken).aud, stage.ConfidentialClientId);

// A user whom an administrator made.
const { User: made } = await idp.send(new AdminCreateUserCommand({
  UserPoolId, Username: "made@example.com", TemporaryPassword: "Temp0rary!", MessageAction: "SUPPRESS",
}));
assert.equal(made.UserStatus, "FORCE_CHANGE_PASSWORD");
const first = await idp.send(new InitiateAuthCommand({
  ClientId, AuthFlow: "USER_PASSWORD_AUTH", AuthParameters: { USERNAME: "made@example.com", PASSWORD: "Temp0rary!" },
}));
assert.equal(first.ChallengeName, "NEW_PASSWORD_REQUIRED");
const done = await idp.send(new RespondToAuthChallengeCommand({
  ClientId, ChallengeName: first.ChallengeName, Session: first.Session,
  ChallengeResponses: { USERNAME: first.ChallengeParameters.USER_ID_FOR_SRP, NEW_PASSWORD: "Perman3nt!" },
}));

const names = [];
for await (const page of paginateListUsers({ client: idp, pageSize: 1 }, { UserPoolId, Filter: 'email ^= "m"' })) {
  names.push(...page.Users.map((u) => u.Username));
}
assert.deepEqual(names, [made.Username]);

const again = (await signIn("Passw0rd!")).AuthenticationResult;
await idp.send(new GlobalSignOutCommand({ AccessToken: again.AccessToken }));
error = await failure(idp.send(new GetUserCommand({ AccessToken: again.AccessToken })), "an access token after a global sign-out");
assert.equal(error.message, "Access Token has been revoked");
process.stdout.write(done.AuthenticationResult.IdToken);

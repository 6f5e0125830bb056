// What a web app does with Amplify v6. It leaves Amplify's own functions where
// amplify.mjs can call them.
import { Amplify } from "aws-amplify";
import * as auth from "aws-amplify/auth";
import "aws-amplify/auth/enable-oauth-listener";
import { cognitoUserPoolsTokenProvider } from "aws-amplify/auth/cognito";

window.page = {
  ...auth,
  configure: (userPoolId, userPoolClientId, userPoolEndpoint) =>
    Amplify.configure({ Auth: { Cognito: { userPoolId, userPoolClientId, userPoolEndpoint } } }),
  // withIdentities configures an identity pool too.
  withIdentities: (userPoolId, userPoolClientId, userPoolEndpoint, identityPoolId) =>
    Amplify.configure({
      Auth: { Cognito: { userPoolId, userPoolClientId, userPoolEndpoint, identityPoolId, identityPoolEndpoint: userPoolEndpoint, allowGuestAccess: true } },
    }),
  // session gives the identity and the credentials of the session.
  session: async (options) => {
    const { identityId, credentials } = await auth.fetchAuthSession(options);
    return { identityId, credentials: credentials && { ...credentials, expiration: credentials.expiration?.getTime() } };
  },
  // withDomain configures hosted pages too. Amplify puts https:// before the domain.
  withDomain: (userPoolId, userPoolClientId, userPoolEndpoint, domain, scopes) =>
    Amplify.configure({
      Auth: {
        Cognito: {
          userPoolId, userPoolClientId, userPoolEndpoint,
          loginWith: {
            oauth: {
              domain, scopes, responseType: "code",
              redirectSignIn: [`${location.origin}/`], redirectSignOut: [`${location.origin}/`],
            },
          },
        },
      },
    }),
  // tokens gives the session's tokens as texts.
  tokens: async (options) => {
    const { tokens } = await auth.fetchAuthSession(options);
    return tokens && { id: String(tokens.idToken), access: String(tokens.accessToken) };
  },
  kept: async () => (await cognitoUserPoolsTokenProvider.authTokenStore.loadTokens())?.refreshToken,
  // fetch calls an API as the app would.
  fetch: async (url, headers) => {
    const response = await fetch(url, { headers });
    return { status: response.status, body: await response.text() };
  },
};

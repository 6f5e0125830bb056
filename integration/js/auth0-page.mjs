// What a web app does with auth0-spa-js.
import { createAuth0Client } from "@auth0/auth0-spa-js";

let auth0;
window.page = {
  configure: async (options) => void (auth0 = await createAuth0Client(options)),
  // These leave the page, after they have answered.
  signIn: (options) => auth0.loginWithRedirect(options),
  signOut: (options) => auth0.logout(options),
  callback: () => auth0.handleRedirectCallback(),
  user: () => auth0.getUser(),
  claims: () => auth0.getIdTokenClaims(),
  token: (options) => auth0.getTokenSilently({ ...options, detailedResponse: true }),
  revoke: () => auth0.revokeRefreshToken(),
  // The popup must be opened by a click, or it is blocked.
  popup: () => new Promise((resolve, reject) => {
    const button = Object.assign(document.createElement("button"), { textContent: "Log in" });
    button.addEventListener("click", () => auth0.loginWithPopup().then(() => auth0.getUser()).then(resolve, reject));
    document.body.append(button);
  }),
  fetch: async (url, headers) => {
    const response = await fetch(url, { headers });
    return { status: response.status, body: await response.text() };
  },
};

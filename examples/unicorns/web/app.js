// A single-page app with auth0-spa-js, and nothing else.
import { createAuth0Client } from "/auth0-spa-js.js";

const element = (id) => document.getElementById(id);
const say = (text) => void (element("answer").textContent = text);

// on lets a button do one thing at a time, and shows what goes wrong.
function on(id, act) {
  element(id).addEventListener("click", async ({ target }) => {
    target.disabled = true;
    say("");
    try {
      await act();
    } catch (error) {
      say(error.message);
    }
    target.disabled = false;
  });
}

async function main() {
  const answer = await fetch("/auth_config.json");
  if (!answer.ok) throw new Error(await answer.text());
  const { api, domain, clientId, audience, scope } = await answer.json();
  // This finds out by a hidden frame whether the browser is still signed in.
  const auth0 = await createAuth0Client({
    domain, clientId, authorizationParams: { audience, scope, redirect_uri: `${location.origin}/callback` },
  });

  const show = async () => {
    const user = await auth0.getUser();
    element("in").hidden = !user;
    element("out").hidden = !!user;
    if (!user) return;
    element("user").textContent = user.email;
    element("scope").textContent = (await auth0.getTokenSilently({ detailedResponse: true })).scope;
  };
  const call = async (path) => {
    const response = await fetch(api + path, { headers: { authorization: `Bearer ${await auth0.getTokenSilently()}` } });
    say(`${response.status} ${await response.text()}`);
  };

  on("login", () => auth0.loginWithRedirect());
  on("logout", () => auth0.logout({ logoutParams: { returnTo: location.origin } }));
  on("one", () => call("/unicorn?name=Gaia"));
  on("all", () => call("/unicorns"));
  on("renew", async () => {
    await auth0.getTokenSilently({ cacheMode: "off" });
    await show();
  });

  if (location.pathname === "/callback" && /[?&]state=/.test(location.search)) {
    try {
      await auth0.handleRedirectCallback();
    } finally {
      history.replaceState(null, "", "/"); // the code is used up
    }
  }
  await show();
}

main().catch((error) => say(error.message));

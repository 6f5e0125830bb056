// What a web app does with auth0-react.
import { Auth0Provider, useAuth0, withAuthenticationRequired } from "@auth0/auth0-react";
import { createElement as h, useState } from "react";
import { createRoot } from "react-dom/client";

function Who() {
  const { user, getAccessTokenSilently, logout } = useAuth0();
  const [answer, setAnswer] = useState("");
  const call = async (path) => {
    const token = await getAccessTokenSilently({ cacheMode: "off" });
    const response = await fetch(`${window.api}${path}`, { headers: { authorization: `Bearer ${token}` } });
    setAnswer(`${path} answers ${response.status}`);
  };
  return h("main", null,
    h("h1", null, `Hello ${user.email}`),
    h("button", { onClick: () => call("/unicorn?name=Gaia") }, "One"),
    h("button", { onClick: () => call("/unicorns") }, "All"),
    h("button", { onClick: () => logout({ logoutParams: { returnTo: window.location.origin } }) }, "Log out"),
    h("output", null, answer));
}
const Guarded = withAuthenticationRequired(Who);

function Home() {
  const { isLoading, isAuthenticated, error, loginWithRedirect } = useAuth0();
  if (error) return h("p", { role: "alert" }, error.message);
  if (isLoading) return h("p", null, "…");
  return isAuthenticated ? h(Guarded) : h("button", { onClick: () => loginWithRedirect() }, "Log in");
}

window.page = {
  start: ({ api, ...options }) => {
    window.api = api;
    const root = document.body.appendChild(document.createElement("div"));
    createRoot(root).render(h(Auth0Provider, options, h(Home)));
  },
};

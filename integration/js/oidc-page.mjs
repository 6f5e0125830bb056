// What a web app does with oidc-client-ts.
import { UserManager, WebStorageStateStore } from "oidc-client-ts";

// In a frame, which renews silently, the page hands what came to the one around it.
if (window.parent !== window) new UserManager({ authority: "", client_id: "", redirect_uri: "" }).signinSilentCallback();

let manager;
const plain = (user) => user && {
  id: user.id_token, access: user.access_token, refresh: user.refresh_token, profile: user.profile, scopes: user.scopes,
};
window.page = {
  configure: (settings) => {
    manager = new UserManager({ ...settings, userStore: new WebStorageStateStore({ store: window.localStorage }) });
  },
  // These leave the page, after they have answered.
  signIn: async (args) => void (await manager.signinRedirect(args)),
  signOut: async (args) => void (await manager.signoutRedirect(args)),
  callback: async () => plain(await manager.signinCallback()),
  user: async () => plain(await manager.getUser()),
  refresh: async () => plain(await manager.signinSilent()),
  // As refresh, by a frame although there may be a user.
  silently: async () => {
    await manager.removeUser();
    return plain(await manager.signinSilent());
  },
  revoke: (types) => manager.revokeTokens(types),
  fetch: async (url, headers) => {
    const response = await fetch(url, { headers });
    return { status: response.status, body: await response.text() };
  },
};

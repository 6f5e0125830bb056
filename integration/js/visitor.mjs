// fields gives the hidden fields of a page's form.
export const fields = (page) =>
  Object.fromEntries([...page.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g)].map(([, name, value]) => [name, value]));

// A person at a tenant, without a browser: cookies are kept, and where the person
// would leave the tenant is as far as it goes.
export function visitor() {
  const jar = new Map();
  const visit = async (url, init = {}) => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, { ...init, redirect: "manual", headers: { ...init.headers, cookie } });
    for (const set of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(set);
      jar.set(name, value);
    }
    const to = response.headers.get("location");
    return { status: response.status, to: to && new URL(to, url), body: await response.text() };
  };
  const logIn = async (url) => {
    const { to } = await visit(url);
    const page = await visit(to);
    const body = new URLSearchParams({ ...fields(page.body), username: "ann@example.com", password: "Passw0rd!", action: "default" });
    return visit(to, { method: "POST", body, headers: { origin: to.origin } });
  };
  return { visit, logIn };
}

// express-openid-connect in an Express server, in a real browser: as its
// documentation has it first (an ID token by form_post), and with a code for an API.
import assert from "node:assert/strict";
import { once } from "node:events";
import express from "express";
import openid from "express-openid-connect";
import { withPage } from "./browser.mjs";
import { stage } from "./stage.mjs";
import { logIn } from "./universal.mjs";

const { auth, requiresAuth } = openid;
// Cookies know no port, so each server has names of its own.
const serve = async (name, baseURL, more) => {
  const app = express();
  app.use(auth({
    authRequired: false, idpLogout: true, baseURL, issuerBaseURL: stage.Issuer.replace(/\/$/, ""), clientID: stage.ClientId,
    secret: `a secret of the server ${name}, of at least 32 characters`,
    session: { name: `${name}-session` }, transactionCookie: { name: `${name}-transaction` }, ...more,
  }));
  app.get("/", (req, res) => res.send(req.oidc.isAuthenticated() ? "in" : "out"));
  app.get("/who", requiresAuth(), (req, res) => res.json(req.oidc.user));
  app.get("/api", requiresAuth(), async (req, res) => {
    const answer = await fetch(`${stage.ApiEndpoint}/private`, { headers: { authorization: `Bearer ${req.oidc.accessToken.access_token}` } });
    res.json({ status: answer.status, info: (await req.oidc.fetchUserInfo()).email });
  });
  const server = app.listen(new URL(baseURL).port, "localhost");
  await once(server, "listening");
  return server;
};
const servers = [
  await serve("page", stage.Page, {}),
  await serve("server", stage.Server, {
    clientSecret: stage.ClientSecret,
    authorizationParams: { response_type: "code", audience: "https://rides.example", scope: "openid email read" },
  }),
];

try {
  await withPage(async (page) => {
    const posts = [];
    page.on("request", (r) => r.method() === "POST" && posts.push(r));
    const text = async (url) => (await page.goto(url), page.textContent("body"));
    const tenant = new URL(stage.Issuer).origin;

    assert.equal(await text(stage.Page), "out");
    await page.goto(`${stage.Page}/who`);
    assert.ok(page.url().startsWith(`${tenant}/u/login?`), page.url());
    await logIn(page, "ann@example.com", "Passw0rd!");
    await page.waitForURL(`${stage.Page}/who`);
    const who = JSON.parse(await page.textContent("body"));
    assert.equal(who.email, "ann@example.com");
    assert.equal(who.name, "Ann Rider");
    const posted = posts.find((r) => r.url() === `${stage.Page}/callback`);
    assert.deepEqual([...new URLSearchParams(posted.postData()).keys()].sort(), ["id_token", "state"]);

    // The other server's person is the same: nobody is asked.
    const answer = JSON.parse(await text(`${stage.Server}/api`));
    assert.deepEqual(answer, { status: 200, info: "ann@example.com" });

    // Out there, and at the tenant.
    await page.goto(`${stage.Page}/logout`);
    await page.waitForURL(`${stage.Page}/`);
    assert.equal(await page.textContent("body"), "out");
    await page.goto(`${stage.Page}/who`);
    assert.ok(page.url().startsWith(`${tenant}/u/login?`), page.url());
  });

  // Where no script runs, the form has a button.
  await withPage(async (page) => {
    await page.goto(`${stage.Page}/who`);
    await logIn(page, "ann@example.com", "Passw0rd!");
    await page.getByRole("button", { name: "Continue" }).click();
    await page.waitForURL(`${stage.Page}/who`);
    assert.equal(JSON.parse(await page.textContent("body")).email, "ann@example.com");
  }, { javaScriptEnabled: false });
} finally {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
}

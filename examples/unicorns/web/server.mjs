// Serves the single-page app at http://localhost:3000, which the tenant knows as its
// callback:
//   npm run web
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { outputs } from "./doorwright.mjs";

const file = (name, type) => async () => [type, await readFile(new URL(name, import.meta.url))];
const sdk = "../node_modules/@auth0/auth0-spa-js/dist/auth0-spa-js.production.esm.js";
const page = file("index.html", "text/html");
const script = "text/javascript";
const files = {
  "/": page,
  "/callback": page, // where the login page sends the browser back to
  "/app.js": file("app.js", script),
  "/app.css": file("app.css", "text/css"),
  "/auth0-spa-js.js": file(sdk, script),
  "/auth_config.json": async () => {
    const { Issuer, ClientId, ApiEndpoint } = await outputs();
    // All scopes are asked for: a token has those of them that its user holds.
    const config = { domain: new URL(Issuer).origin, clientId: ClientId, audience: "https://unicorns.example", scope: "openid profile email read:unicorn list:unicorns", api: ApiEndpoint };
    return ["application/json", JSON.stringify(config)];
  },
};

await files["/auth0-spa-js.js"]().catch(() => {
  console.error("auth0-spa-js is not here yet: run `npm install`");
  process.exit(1);
});
const port = Number(process.env.PORT ?? 3000);
const server = createServer(async ({ url, headers }, response) => {
  const serve = headers.host === `localhost:${port}` && files[new URL(url, `http://localhost:${port}`).pathname];
  try {
    const [type, body] = serve ? await serve() : [];
    response.writeHead(serve ? 200 : 404, serve ? { "content-type": `${type}; charset=utf-8`, "cache-control": "no-store" } : {});
    response.end(body);
  } catch (error) {
    console.error(error.message);
    response.writeHead(500, { "content-type": "text/plain" });
    response.end("The stage did not answer: is `doorwright start` running, and doorwright on the PATH? See the terminal.");
  }
});
server.listen(port, "localhost", () => console.log(`The app is at http://localhost:${port}`));

// From a new user to a route that opens, by the console's pages alone: people, the live
// list, the token inspector and the matrix.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { accessible } from "./console-axe.mjs";
import { withPage } from "./browser.mjs";
import { stage } from "./stage.mjs";

const base = stage.Link.slice(0, stage.Link.indexOf("/open/"));
const email = "ada@example.com", password = "Passw0rd!";

// doorwright runs a command beside the stage, and gives what it prints, whatever its end.
function doorwright(...args) {
  try {
    return execFileSync(stage.Binary, args, { cwd: stage.Dir, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    return error.stdout + error.stderr;
  }
}

async function cognito(operation, body) {
  const res = await fetch(stage.Endpoint, {
    method: "POST", body: JSON.stringify({ ClientId: stage.UserPoolClientId, ...body }),
    headers: { "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": `AWSCognitoIdentityProviderService.${operation}` },
  });
  const answer = await res.json();
  assert.equal(res.status, 200, JSON.stringify(answer));
  return answer;
}

// signIn gives tokens, whose groups are those of now.
async function signIn() {
  const { AuthenticationResult } = await cognito("InitiateAuth", { AuthFlow: "USER_PASSWORD_AUTH", AuthParameters: { USERNAME: email, PASSWORD: password } });
  return AuthenticationResult;
}

// tenantToken gives an access token of the tenant's user, who asks for all.
const tenantToken = () => doorwright("token", "--user", "ann@example.com", "--tenant", "Auth0", "--api", "Things", "--scope", "read:things write:things").trim();

await withPage(async (page) => {
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  const inspect = async (token) => {
    await page.goto(base + "/token");
    await page.getByLabel("Token").fill(token);
    await page.getByRole("button", { name: "Inspect" }).click();
    await page.getByRole("heading", { name: /erified$|^Not / }).waitFor();
    assert.equal(page.url(), base + "/token", "the token is in the address");
    assert.equal(await page.getByLabel("Another token").inputValue(), "");
    const shown = await page.content();
    const signature = token.split(".")[2];
    if (signature.length > 8) assert.ok(!shown.includes(signature), "the token is in the page");
  };
  const route = (key) => page.locator(".opens > li", { has: page.locator("summary code", { hasText: key }) });
  const opens = async (key) => (await route(key).locator("summary .status").innerText()).replaceAll(/\s+/g, " ");

  await page.goto(stage.Link);
  await page.getByRole("link", { name: "Matrix", exact: true }).click();
  await page.getByText("Not made yet").waitFor();

  // A user signs up, and is confirmed by the console.
  await cognito("SignUp", { Username: email, Password: password });
  await page.getByRole("link", { name: "Users", exact: true }).click();
  await page.getByRole("link", { name: email }).click();
  const user = page.url();
  await page.getByText("UNCONFIRMED").first().waitFor();
  await page.getByRole("button", { name: "Confirm", exact: true }).click();
  await page.getByText("UNCONFIRMED").waitFor({ state: "detached" });

  // A 401 arrives live, and leads to its story.
  await page.getByRole("link", { name: "Overview" }).click();
  await page.locator('.live[data-state="live"]').waitFor();
  await fetch(stage.ApiEndpoint + "/private", { headers: { Authorization: "Bearer undefined" } });
  await page.locator(".feed .row").first().getByText("401 refused").waitFor();
  await page.locator(".feed .row").first().getByRole("link").click();
  await page.getByText("the word undefined in the token's place").first().waitFor();

  // The token of the new user: which routes it opens, and why the function refuses it.
  await inspect("Bearer " + (await signIn()).AccessToken);
  await page.getByText("Signed by user pool Users, and good now.").waitFor();
  assert.equal(await opens("GET /private"), "✓ opens");
  assert.equal(await opens("GET /admin"), "✕ 403");
  assert.equal(await opens("GET /things"), "✕ 401");
  await page.getByText(/Expires in (59|60) minutes/).waitFor();
  await route("GET /admin").locator("summary").first().click();
  await route("GET /admin").getByText("isAuthorized: false").first().waitFor();
  await accessible(page, "token");

  // The matrix, and the reasons of a cell.
  await page.getByRole("link", { name: "Matrix", exact: true }).click();
  await page.getByRole("button", { name: "Make the matrix" }).click();
  await page.getByText(/^made at/).waitFor();
  const cell = async (row, column) => {
    const heads = await page.locator(".matrix thead th").allInnerTexts();
    const at = heads.indexOf(column);
    assert.ok(at > 0, `no column ${column} among ${heads}`);
    return page.locator(".matrix tbody tr", { has: page.locator("th code", { hasText: row }) }).locator("td").nth(at - 1);
  };
  const says = async (row, column) => (await (await cell(row, column)).innerText()).replaceAll(/\s+/g, " ").trim();
  assert.equal(await says("GET /admin", "Users.group:riders"), "✕ 403");
  assert.equal(await says("GET /admin", "Users.group:admins"), "✓ allowed");
  assert.equal(await says("PUT /things", "Auth0.role:reader"), "✕ 403");
  assert.equal(await says("PUT /things", "Auth0.role:writer"), "✓ allowed");
  assert.equal(await says("GET /theirs", "aws:authenticated"), "✕ 403");
  assert.equal(await page.locator(".since").isVisible(), false);
  await accessible(page, "matrix");
  // By keyboard: the table is scrolled, and its heads stay.
  await page.setViewportSize({ width: 360, height: 740 });
  await page.getByRole("region", { name: "Routes and callers" }).focus();
  for (let i = 0; i < 8; i++) await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => document.querySelector(".grid").scrollLeft > 100);
  const left = await page.locator(".matrix tbody th").first().evaluate((th) => th.getBoundingClientRect().left - th.closest(".grid").getBoundingClientRect().left);
  assert.ok(Math.abs(left) < 3, `the route is ${left} pixels away`);
  await page.setViewportSize({ width: 1280, height: 860 });
  await (await cell("GET /theirs", "aws:authenticated")).getByRole("link").click();
  await page.getByRole("heading", { name: "What happened" }).waitFor();
  await page.getByText("Caller").waitFor();
  await accessible(page, "cell");
  await page.getByRole("link", { name: "Matrix" }).first().click();

  // A group of a user and a role of the tenant change: the open page says so, by itself.
  await page.locator('.since .live[data-state="live"]').waitFor({ state: "attached" });
  const other = await page.context().newPage();
  await other.goto(user);
  await other.getByLabel("Add to").selectOption("admins");
  await other.getByRole("button", { name: "Add", exact: true }).click();
  await other.getByRole("button", { name: "Remove from admins" }).waitFor();
  await page.getByText("AdminAddUserToGroup").waitFor();
  await other.goto(base + "/users");
  await other.getByRole("link", { name: "Auth0 tenant" }).click();
  await other.getByRole("link", { name: "Roles and their permissions" }).click();
  await other.getByLabel("Name").fill("guest");
  await other.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByText("/api/v2/roles").waitFor();
  await accessible(page, "matrix-changed");
  await page.getByRole("button", { name: "Make it again" }).click();
  await page.locator(".since").waitFor({ state: "hidden" });
  assert.equal(await says("GET /things", "Auth0.role:guest"), "✕ 403");

  // The inspector's answers change with the group, and with the role.
  await inspect((await signIn()).AccessToken);
  assert.equal(await opens("GET /admin"), "✓ opens");
  await inspect(tenantToken());
  await page.getByText("Signed by tenant Auth0, and good now.").waitFor();
  assert.equal(await opens("PUT /things"), "✕ 403");
  doorwright("users", "roles", "ann@example.com", "--tenant", "Auth0", "--add", "writer");
  await inspect(tenantToken());
  assert.equal(await opens("PUT /things"), "✓ opens");

  // A role's permissions change in the declaration: the page hears of it, and the matrix
  // made again is another.
  await page.goto(base + "/matrix");
  await page.locator('.since .live[data-state="live"]').waitFor({ state: "attached" });
  const file = join(stage.Dir, "doorwright.yaml");
  const declaration = await readFile(file, "utf8");
  await writeFile(file, declaration.replace('reader: {Things: ["read:things"]}', 'reader: {Things: ["read:things", "write:things"]}'));
  await page.getByText("The stage has started again since").waitFor();
  await page.getByRole("button", { name: "Make it again" }).click();
  await page.locator(".since").waitFor({ state: "hidden" });
  assert.equal(await says("PUT /things", "Auth0.role:reader"), "✓ allowed");
  assert.deepEqual(errors, [], "errors in the pages");
}, { viewport: { width: 1280, height: 860 } });

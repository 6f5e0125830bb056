// The console's pages of people: users are made, changed and deleted, and everybody
// can use each page.
import assert from "node:assert/strict";
import { accessible } from "./console-axe.mjs";
import { withPage } from "./browser.mjs";
import { stage } from "./stage.mjs";

const base = stage.Link.slice(0, stage.Link.indexOf("/open/"));
const pool = "AWSCognitoIdentityProviderService.";

// aws calls an operation as an app does.
async function aws(target, body) {
  const response = await fetch(stage.Endpoint, {
    method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target },
  });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text);
}

await withPage(async (page) => {
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(stage.Link);
  await page.getByRole("link", { name: "Users", exact: true }).click();
  await page.getByText("Nobody yet").waitFor();
  await accessible(page, "users-empty");
  await page.getByRole("link", { name: "New user" }).click();
  await page.getByLabel("Email").fill("bea@example.com");
  await page.getByLabel("Password").fill("weak");
  await page.getByLabel("riders").check();
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByRole("alert").waitFor();
  assert.equal(await page.getByLabel("Email").inputValue(), "bea@example.com");
  assert.equal(await page.getByLabel("Password").inputValue(), "");
  await accessible(page, "user-new");
  await page.getByLabel("Password").fill("Passw0rd!");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByRole("heading", { name: "bea@example.com" }).waitFor();
  await page.getByText("Created bea@example.com.").waitFor();
  await page.getByLabel("Add to").selectOption("admins");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("button", { name: "Remove from admins" }).waitFor();
  await page.getByLabel("New password").fill("weak");
  await page.getByRole("button", { name: "Set password" }).click();
  await page.getByRole("alert").waitFor();
  await accessible(page, "user-refused");
  await page.goto(page.url());
  await accessible(page, "user");

  // By keyboard: the button that deletes asks on a page, and Keep leads back.
  await page.getByRole("link", { name: "Delete…" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Delete bea@example.com?" }).waitFor();
  await accessible(page, "user-delete");
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByText("Deleted bea@example.com.").waitFor();

  // A long address fits a phone, in the title and in what says that it was made.
  const long = "somebody.with.quite.a.long.name@a.subdomain.of.another.example.com";
  await page.getByRole("link", { name: "New user" }).click();
  await page.getByLabel("Email").fill(long);
  await page.getByLabel("Password").fill("Passw0rd!");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByText(`Created ${long}.`).waitFor();
  await accessible(page, "user-long");
  await page.getByRole("link", { name: "Delete…" }).click();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByText(`Deleted ${long}.`).waitFor();
  await page.getByRole("link", { name: "Groups", exact: true }).click();
  await accessible(page, "groups");

  await page.getByRole("link", { name: "Users", exact: true }).first().click();
  await page.getByRole("link", { name: "Auth0 tenant" }).click();
  await page.getByText("ann@example.com").first().waitFor();
  await accessible(page, "users-tenant");
  await page.getByRole("link", { name: "ann@example.com" }).click();
  await accessible(page, "user-tenant");
  await page.getByRole("link", { name: "Tenant Auth0" }).click();
  await page.getByRole("link", { name: "Roles and their permissions" }).click();
  await accessible(page, "roles");

  // A message arrives by itself, and confirms with one click.
  await page.getByRole("link", { name: "Mailbox", exact: true }).click();
  await page.getByText("Nothing yet").waitFor();
  await page.locator('.live[data-state="live"]').waitFor();
  await aws(pool + "SignUp", { ClientId: stage.UserPoolClientId, Username: "cid@example.com", Password: "Passw0rd!" });
  await page.getByText("sign-up").waitFor();
  await aws(pool + "SignUp", { ClientId: stage.UserPoolClientId, Username: "dan@example.com", Password: "Passw0rd!" });
  await page.locator(".mail").nth(1).waitFor();
  assert.match(await page.locator(".mail .code").first().innerText(), /^\d{6}$/);
  await page.locator(".mail").first().locator("summary").click();
  await accessible(page, "mailbox");
  await page.getByRole("button", { name: "Confirm cid@example.com" }).click();
  await page.getByText("Confirmed.").waitFor();
  await page.getByRole("link", { name: "User cid@example.com" }).click();
  await page.getByText("CONFIRMED", { exact: true }).waitFor();
  await page.getByRole("link", { name: "Mailbox", exact: true }).click();
  await page.getByRole("button", { name: "Confirm cid@example.com" }).click();
  await page.getByRole("alert").waitFor();
  await accessible(page, "mailbox-refused");
  await page.getByRole("button", { name: "Delete the message to cid@example.com" }).click();
  await page.getByText("The message is deleted.").waitFor();
  assert.equal(await page.locator(".mail").count(), 1);

  // Identities, and the role that each would get.
  await aws("AWSCognitoIdentityService.GetId", { IdentityPoolId: stage.IdentityPoolId });
  const { AuthenticationResult } = await aws(pool + "InitiateAuth", {
    ClientId: stage.UserPoolClientId, AuthFlow: "USER_PASSWORD_AUTH", AuthParameters: { USERNAME: "cid@example.com", PASSWORD: "Passw0rd!" },
  });
  const provider = "cognito-idp.us-east-1.amazonaws.com/" + stage.UserPoolId;
  await aws("AWSCognitoIdentityService.GetId", { IdentityPoolId: stage.IdentityPoolId, Logins: { [provider]: AuthenticationResult.IdToken } });
  await page.getByRole("link", { name: "Identity pools", exact: true }).click();
  await page.getByText("user pool Users").waitFor();
  await accessible(page, "identities");
  await page.locator("tr", { hasText: "a guest" }).locator("summary").press("Enter");
  await page.locator("tr", { hasText: "a guest" }).getByRole("button").click();
  await page.getByText(/^Deleted us-east-1:/).waitFor();
  assert.equal(await page.getByText("a guest").count(), 0);

  // Who is signed in somewhere.
  await page.goto(base + "/users/pool/Users/user?name=cid%40example.com");
  await accessible(page, "user-signed-in");
  await page.getByRole("button", { name: "Sign out everywhere" }).click();
  await page.getByText("Signed out everywhere.").waitFor();
  assert.deepEqual(errors, [], "errors in the pages");
}, { viewport: { width: 1280, height: 860 } });

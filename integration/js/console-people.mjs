// The console's pages of people: users are made, changed and deleted, and everybody
// can use each page.
import assert from "node:assert/strict";
import { accessible } from "./console-axe.mjs";
import { withPage } from "./browser.mjs";
import { stage } from "./stage.mjs";

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
  assert.deepEqual(errors, [], "errors in the pages");
}, { viewport: { width: 1280, height: 860 } });

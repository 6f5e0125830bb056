// What a person does on a tenant's universal login page.
import { picture } from "./browser.mjs";

export async function logIn(page, email, password) {
  await page.getByLabel("Email address").fill(email);
  await page.getByLabel("Password").fill(password);
  await picture(page, "universal-login");
  await page.getByRole("button", { name: "Continue" }).click();
}

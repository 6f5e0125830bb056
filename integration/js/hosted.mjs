// What a person does on a pool's hosted pages.
import { picture } from "./browser.mjs";
import { code } from "./stage.mjs";

const form = "form:has(input[type=password]), form:has(input[name=code])";
export const submit = (page) => page.locator(`${form} >> input[type=submit]`).first().click();

// signUp goes from the sign-in page through a registration, by whose code the
// browser is signed in.
export async function signUp(page, username, password) {
  await picture(page, "login");
  await page.getByRole("link", { name: "Sign up" }).click();
  await page.locator("input[name=username]").fill(username);
  await page.locator("input[name=password]").fill(password);
  await page.locator("input[name=confirmPassword]").fill(password);
  await picture(page, "signup");
  await submit(page);
  await page.locator("input[name=code]").fill(await code(username));
  await picture(page, "confirm");
  await submit(page);
}

export async function signIn(page, username, password) {
  await page.locator("input[name=username]").fill(username);
  await page.locator("input[name=password]").fill(password);
  await submit(page);
}

// The token inspector and the matrix before there is anything good to show.
import assert from "node:assert/strict";
import { accessible } from "./console-axe.mjs";
import { withPage } from "./browser.mjs";
import { stage } from "./stage.mjs";

await withPage(async (page) => {
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(stage.Link);
  await page.getByRole("link", { name: "Matrix", exact: true }).click();
  await page.getByText("Not made yet").waitFor();
  await accessible(page, "matrix-empty");
  await page.getByRole("link", { name: "Token inspector" }).click();
  await accessible(page, "token-empty");
  for (const [name, says, token] of [
    ["garbage", "its header is not base64url", "a.b.c"],
    ["none", "its algorithm is none", "eyJhbGciOiJub25lIn0.eyJpc3MiOiJpIn0."],
    ["stranger", "is none that this stage knows", "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.eyJpc3MiOiJodHRwczovL2V2aWwuZXhhbXBsZSJ9.c2lnbmF0dXJl"],
  ]) {
    await page.getByRole("textbox").fill(token);
    await page.getByRole("button", { name: "Inspect" }).click();
    await page.getByRole("heading", { name: "Not verified" }).waitFor();
    await page.getByText(says).first().waitFor();
    if (name !== "garbage") await accessible(page, "token-" + name);
  }
  assert.deepEqual(errors, [], "errors in the pages");
}, { viewport: { width: 1280, height: 860 } });

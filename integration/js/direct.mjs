// A web app in a browser, with an identity pool's credentials: the table and the bucket
// without an API between, and signed APIs.
import assert from "node:assert/strict";
import { browse } from "./browser.mjs";
import { failure, stage } from "./stage.mjs";

const role = (name) => `arn:aws:sts::000000000000:assumed-role/dev-signed-Auth-${name}/CognitoIdentityCredentials`;
const table = `arn:aws:dynamodb:us-east-1:000000000000:table/${stage.TableName}`;
const refused = (who, action, resource) => `User: ${role(who)} is not authorized to perform: ${action} on resource: ${resource} because no `;

await browse("direct-page.mjs", async ({ call, seen }) => {
  const fails = async (promise, name, text) => {
    const error = await failure(promise, text);
    assert.equal(error.name, name, error.message);
    assert.ok(error.message.startsWith(text), error.message);
  };
  const me = await call("open", stage, stage.IDToken);
  await call("put", me, "my own");
  assert.deepEqual(await call("query", me), ["my own"]);
  const other = "us-east-1:11111111-2222-3333-4444-555555555555";
  await fails(call("put", other, "x"), "AccessDeniedException", refused("authenticated", "dynamodb:PutItem", table));
  await fails(call("query", other), "AccessDeniedException", refused("authenticated", "dynamodb:Query", table));
  await fails(call("scan"), "AccessDeniedException", refused("authenticated", "dynamodb:Scan", table));
  await call("upload", me, "hello");
  assert.equal(await call("download", me), "hello");
  const object = (user) => `"arn:aws:s3:::${stage.BucketName}/private/${user}/a.txt"`;
  await fails(call("upload", other, "x"), "AccessDenied", refused("authenticated", "s3:PutObject", object(other)));
  await fails(call("download", other), "AccessDenied", refused("authenticated", "s3:GetObject", object(other)));

  // A guest reaches nothing of it, whoever's it is.
  const guest = await call("open", stage);
  assert.notEqual(guest, me);
  for (const user of [guest, me]) {
    await fails(call("query", user), "AccessDeniedException", refused("unauthenticated", "dynamodb:Query", table));
    await fails(call("download", user), "AccessDenied", refused("unauthenticated", "s3:GetObject", object(user)));
  }

  await call("configure", stage);
  const stranger = await call("identity");
  for (const api of ["Api", "Rest"]) {
    assert.deepEqual(await call("ask", api, "/guests"), [200, stranger]);
    const [status, body] = await call("ask", api, "/who/x");
    assert.equal(status, 403, `${api}: ${body}`);
  }
  await call("signIn", { username: stage.User, password: "Passw0rd!" });
  assert.equal(await call("identity"), me);
  for (const api of ["Api", "Rest"]) {
    assert.deepEqual(await call("ask", api, "/who/x?b=2&a=1"), [200, me]);
    assert.deepEqual(await call("ask", api, "/who/x", { id: 1 }), [200, me]);
  }
  await call("signOut");
  assert.equal((await call("ask", "Api", "/who/x"))[0], 403);

  for (const url of [`200 ${stage.Endpoint}/`, `204 ${stage.ApiEndpoint}/who/x`]) {
    assert.ok(seen.preflights.has(url), `the preflights were: ${[...seen.preflights]}`);
  }
});

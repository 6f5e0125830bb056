// auth0 for Node's ManagementClient, as a script that manages a tenant uses it.
import assert from "node:assert/strict";
import { ManagementClient } from "auth0";
import { failure, stage } from "./stage.mjs";

const management = new ManagementClient({ domain: stage.Domain, clientId: stage.ClientId, clientSecret: stage.ClientSecret, maxRetries: 0 });
const refused = async (promise, status, message) => {
  const e = await failure(promise, message);
  assert.equal(e.statusCode, status, e.stack);
  assert.equal(e.body?.message ?? e.message, message);
};
const connection = "Username-Password-Authentication";

// Users, page after page.
for (let i = 0; i < 5; i++) {
  await management.users.create({ connection, email: `u${i}@example.com`, password: "Passw0rd!", app_metadata: { team: `${i % 2}` } });
}
const seen = [];
for await (const user of await management.users.list({ per_page: 2 })) seen.push(user.email);
assert.deepEqual(seen, ["ann@example.com", ...[0, 1, 2, 3, 4].map((i) => `u${i}@example.com`)]);
const found = [];
for await (const user of await management.users.list({ q: 'app_metadata.team:"1"', search_engine: "v3" })) found.push(user.email);
assert.deepEqual(found, ["u1@example.com", "u3@example.com"]);
const [ann] = await management.users.listUsersByEmail({ email: "ann@example.com" });
await management.users.update(ann.user_id, { user_metadata: { dark: true } });
assert.deepEqual((await management.users.get(ann.user_id)).user_metadata, { dark: true });
await refused(management.users.create({ connection, email: "ann@example.com", password: "Passw0rd!" }), 409, "The user already exists.");
await refused(management.users.get("auth0|nobody"), 404, "The user does not exist.");

// A role: made, given a permission and a user, listed, deleted.
const role = await management.roles.create({ name: "rider", description: "Rides" });
await management.roles.permissions.add(role.id, { permissions: [{ resource_server_identifier: "https://rides.example", permission_name: "read" }] });
await management.users.roles.assign(ann.user_id, { roles: [role.id] });
const names = async (list, name) => {
  const all = [];
  for await (const one of await list) all.push(one[name]);
  return all;
};
assert.deepEqual(await names(management.roles.list(), "name"), ["rider"]);
assert.deepEqual(await names(management.users.roles.list(ann.user_id), "name"), ["rider"]);
assert.deepEqual(await names(management.users.permissions.list(ann.user_id), "permission_name"), ["read"]);
assert.deepEqual(await names(management.roles.users.list(role.id), "email"), ["ann@example.com"]);
await management.users.roles.delete(ann.user_id, { roles: [role.id] });
assert.deepEqual(await names(management.users.permissions.list(ann.user_id), "permission_name"), []);
await management.roles.delete(role.id);

// Applications, APIs, grants, connections.
const api = await management.resourceServers.create({ identifier: "https://new.example/", scopes: [{ value: "ride" }] });
const machine = await management.clients.create({ name: "Machine", app_type: "non_interactive" });
const grant = await management.clientGrants.create({ client_id: machine.client_id, audience: api.identifier, scope: ["ride"] });
assert.ok((await names(management.clientGrants.list({ take: 1 }), "id")).includes(grant.id));
assert.deepEqual(await names(management.clients.list(), "name"), ["manager", "Machine"]);
assert.deepEqual(await names(management.resourceServers.list(), "identifier"), [`${stage.Issuer}api/v2/`, "https://rides.example", "https://new.example/"]);
assert.deepEqual(await names(management.connections.list(), "name"), [connection]);
await refused(management.clients.delete(stage.ClientId), 400, "tenants.Auth0.applications.manager is declared in doorwright.yaml; change it there.");
await management.clients.delete(machine.client_id);
await management.resourceServers.delete(api.id);
await management.users.delete((await management.users.listUsersByEmail({ email: "u0@example.com" }))[0].user_id);

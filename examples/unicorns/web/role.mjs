// Gives a user one role in place of all others, through the Management API:
//   npm run role -- rider@example.com unicorn-trainer
// The next token says so; those that are out stay as they are.
import { managementToken, outputs } from "./doorwright.mjs";

const [email, name] = process.argv.slice(2);
if (!email || !name) {
  console.error("usage: npm run role -- EMAIL ROLE");
  process.exit(2);
}

const api = `${(await outputs()).Issuer}api/v2/`;
const token = await managementToken();
async function ask(method, path, body) {
  const response = await fetch(api + path, {
    method, body: body && JSON.stringify(body), headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text && JSON.parse(text);
}

const [user] = await ask("GET", `users-by-email?email=${encodeURIComponent(email)}`);
const role = (await ask("GET", "roles?per_page=100")).find((r) => r.name === name);
if (!user || !role) {
  console.error(user ? `there is no role ${name}` : `there is no user ${email}`);
  process.exit(1);
}
const roles = `users/${encodeURIComponent(user.user_id)}/roles`;
const before = (await ask("GET", roles)).filter((r) => r.id !== role.id);
await ask("POST", roles, { roles: [role.id] });
if (before.length > 0) await ask("DELETE", roles, { roles: before.map((r) => r.id) });
console.log(`${email} is a ${name} now. Renew the token to see it.`);

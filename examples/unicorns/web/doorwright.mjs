// What the command line says of the running stage of this project.
import { execFile } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const cwd = dirname(dirname(fileURLToPath(import.meta.url)));

async function doorwright(command, ...args) {
  const { stdout } = await promisify(execFile)("doorwright", [command, ...args], { cwd });
  return stdout;
}

export const outputs = async () => JSON.parse(await doorwright("outputs", "--json"));

// managementToken is a token for the tenant's Management API, as the application
// manager gets it with its secret.
export const managementToken = async () => (await doorwright("token", "--application", "manager", "--api", "management")).trim();

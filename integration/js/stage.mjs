// What every script needs of the stage that it talks to.
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

// The stage's outputs, its AWS endpoint and its mailbox, from the command line.
export const stage = JSON.parse(process.argv[2]);

// code waits for the latest message to an address and gives the code in it.
// Messages that were read before are not read again.
const read = new Set();
export async function code(to) {
  for (let i = 0; i < 200; i++) {
    for (const name of (await readdir(stage.Mailbox)).sort().reverse()) {
      if (!name.endsWith(".json") || read.has(name)) continue;
      const message = JSON.parse(await readFile(join(stage.Mailbox, name), "utf8"));
      if (message.to !== to) continue;
      read.add(name);
      return message.code;
    }
    await setTimeout(50);
  }
  throw new Error(`no message to ${to} arrived`);
}

// claims reads a token's claims, unverified.
export function claims(token) {
  return JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
}

// failure gives the error with which a promise ends, and fails if it does not.
export async function failure(promise, what) {
  let value;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`${what} succeeded: ${JSON.stringify(value)}`);
}

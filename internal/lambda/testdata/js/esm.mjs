import { readFileSync } from "node:fs";
import settings from "./settings.json";

const loaded = await Promise.resolve(settings.greeting); // a top-level await

export const handler = async (event, context) => {
  console.log("hello from esm");
  return {
    event,
    loaded,
    beside: readFileSync(new URL("./settings.json", import.meta.url), "utf8").length > 0,
    name: context.functionName,
    arn: context.invokedFunctionArn,
    id: context.awsRequestId,
    remaining: context.getRemainingTimeInMillis(),
    env: process.env,
  };
};

class TeapotError extends Error {
  constructor(message) {
    super(message);
    this.name = "TeapotError";
  }
}

export const fails = async () => {
  throw new TeapotError("short and stout");
};
export const rejects = async () => {
  Promise.reject(new Error("nobody listens"));
  await new Promise((resolve) => setTimeout(resolve, 60000));
};
export const callback = (event, context, done) => {
  setTimeout(() => done(null, "called back"), 5);
};
export const callbackError = (event, context, done) => done("no");
export const unsettled = () => new Promise(() => {});
export const nothing = async () => {};
export const api = { v1: { handler: async () => "nested" } };
export const exits = async () => process.exit(3);

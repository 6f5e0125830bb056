// The Node.js end of Lambda's Runtime API: asks for an event, calls the
// handler, posts what it answers. Arguments: the bundle, the export's name, the
// source that the bundle was made from.
//
// Shapes of events, contexts and errors follow AWS's Node.js runtime
// ("Define Lambda function handler in Node.js", "Using the Lambda context
// object", "Lambda function errors in Node.js").
import { Agent, request } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [bundle, exportName, source] = process.argv.splice(2);
const { hostname: host, port, pathname: root } = new URL("http://" + process.env.AWS_LAMBDA_RUNTIME_API);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const ERROR_TYPE = "Lambda-Runtime-Function-Error-Type";

// A package that is CommonJS may ask for a module by a name that is only known
// when it runs. Within an ES module bundle that needs a require.
globalThis.require = createRequire(source);

function call(method, path, body, headers = {}) {
  return new Promise((resolve, reject) => {
    if (body !== undefined) {
      body = Buffer.from(body);
      headers["Content-Type"] ??= "application/json";
      headers["Content-Length"] = body.length;
    }
    const options = { host, port, agent, method, path: `${root}/2018-06-01/runtime${path}`, headers };
    const req = request(options, (res) => {
      const chunks = [];
      res.on("data", (chunk) => chunks.push(chunk));
      res.on("end", () => resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(chunks) }));
      res.on("error", reject);
    });
    req.on("error", reject);
    req.end(body);
  });
}

function isError(value) {
  return value instanceof Error || Object.prototype.toString.call(value) === "[object Error]";
}

function describe(error) {
  if (isError(error)) {
    return {
      errorType: String(error.name || error.constructor?.name || "Error"),
      errorMessage: String(error.message),
      trace: String(error.stack ?? "").split("\n"),
    };
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

function logError(id, title, shape) {
  const { trace, ...rest } = shape;
  const line = JSON.stringify({ ...rest, stack: trace });
  process.stderr.write(`${new Date().toISOString()}\t${id}\tERROR\t${title} \t${line}\n`);
}

async function postError(id, shape) {
  await call("POST", `/invocation/${id}/error`, JSON.stringify(shape), { [ERROR_TYPE]: shape.errorType });
}

class Fault extends Error {
  constructor(name, message) {
    super(message);
    this.name = name;
  }
}

async function load() {
  let module;
  try {
    module = await import(pathToFileURL(bundle).href);
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw Object.assign(error, { name: "Runtime.UserCodeSyntaxError" });
    }
    if (error?.code === "ERR_MODULE_NOT_FOUND" || error?.code === "MODULE_NOT_FOUND") {
      throw Object.assign(error, { name: "Runtime.ImportModuleError" });
    }
    throw error;
  }
  const find = (from) => exportName.split(".").reduce((value, name) => value?.[name], from);
  const handler = find(module) ?? find(module.default);
  const name = process.env._HANDLER;
  if (handler === undefined) {
    throw new Fault("Runtime.HandlerNotFound", `${name} is undefined or not exported`);
  }
  if (typeof handler !== "function") {
    throw new Fault("Runtime.HandlerNotFound", `${name} is not a function`);
  }
  return exportName === "onExecutePostLogin" ? action(handler) : handler;
}

// action runs an Action of Auth0's as it stands there: it is called with the event
// and an api, and what it asks of the api is the answer. A method that there is not
// is written down too, and whoever reads the answer refuses it. Secrets are the
// function's environment.
// https://auth0.com/docs/customize/actions/explore-triggers/signup-and-login-triggers/login-trigger
function action(handler) {
  return async (event) => {
    const commands = [];
    const api = (path) =>
      new Proxy(() => {}, {
        get: (_, name) => (typeof name === "symbol" || name === "then" ? undefined : api(path ? `${path}.${name}` : name)),
        apply: (_, __, args) => {
          commands.push({ [path]: args.map((arg) => (arg === undefined ? null : arg)) });
          return api("");
        },
      });
    const own = Object.entries(process.env).filter(([name]) => !/^(AWS_|LAMBDA_|_)/.test(name));
    await handler({ ...event, secrets: Object.fromEntries(own) }, api(""));
    return commands;
  };
}

let handler; // once it is loaded
let current; // the invocation that is running

// The event loop is empty although the handler has not settled: what it was
// waiting for can no longer happen, or it is a callback handler that is done.
process.on("beforeExit", () => current?.idle());

async function fatal(kind, code, error) {
  const shape = describe(error);
  if (kind) {
    shape.errorType = kind;
    shape.errorMessage = String(error);
  }
  const { id } = current ?? {};
  logError(id ?? "undefined", kind ? "Unhandled Promise Rejection" : "Uncaught Exception", shape);
  try {
    if (id) {
      await postError(id, shape);
    } else if (!handler) {
      await call("POST", "/init/error", JSON.stringify(shape), { [ERROR_TYPE]: shape.errorType });
    }
  } finally {
    process.exit(code);
  }
}
process.on("unhandledRejection", (reason) => fatal("Runtime.UnhandledPromiseRejection", 128, reason));
process.on("uncaughtException", (error) => fatal("", 129, error));

function context(headers, settle) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  const parse = (name) => (headers[name] ? JSON.parse(headers[name]) : undefined);
  const ctx = {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parse("lambda-runtime-client-context"),
    identity: parse("lambda-runtime-cognito-identity"),
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    succeed: (result) => settle(null, result),
    fail: (error) => settle(error ?? "handled"),
    done: (error, result) => settle(error, result),
  };
  return ctx;
}

// invoke calls the handler and resolves to its answer, whichever of the ways
// it has to give one it takes.
function invoke(handler, event, headers) {
  return new Promise((resolve, reject) => {
    let waiting; // what a callback gave, until the event loop is empty
    const settle = (error, result) => {
      if (error !== undefined && error !== null) reject(error);
      else resolve(result);
    };
    const ctx = context(headers, settle);
    const callback = (error, result) => {
      if (waiting) return;
      waiting = () => settle(error, result);
      if (!ctx.callbackWaitsForEmptyEventLoop) setImmediate(waiting);
    };
    current = { id: ctx.awsRequestId, idle: () => (waiting ?? (() => resolve(null)))() };
    const returned = handler(event, ctx, callback);
    if (typeof returned?.then === "function") returned.then(resolve, reject);
  });
}

try {
  handler = await load();
} catch (error) {
  const shape = describe(error);
  logError("undefined", "Uncaught Exception", shape);
  await call("POST", "/init/error", JSON.stringify(shape), { [ERROR_TYPE]: shape.errorType });
  process.exit(1);
}

for (;;) {
  const next = await call("GET", "/invocation/next");
  if (next.status !== 200) {
    process.exit(1);
  }
  const id = next.headers["lambda-runtime-aws-request-id"];
  process.env._X_AMZN_TRACE_ID = next.headers["lambda-runtime-trace-id"];
  try {
    const result = await invoke(handler, JSON.parse(next.body.toString()), next.headers);
    const body = JSON.stringify(result === undefined ? null : result);
    current = undefined;
    await call("POST", `/invocation/${id}/response`, body ?? "null");
  } catch (error) {
    current = undefined;
    const shape = describe(error);
    logError(id, "Invoke Error", shape);
    await postError(id, shape);
  }
}

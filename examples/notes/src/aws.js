// Signed requests (Signature Version 4) with nothing but Node, so that the example needs
// no packages. An app of yours takes @aws-sdk/client-dynamodb, @aws-sdk/client-s3 and
// @aws-sdk/s3-request-presigner, which read the same environment.
import { createHash, createHmac } from "node:crypto";

const env = process.env;
const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const hmac = (key, text) => createHmac("sha256", key).update(text).digest();
const escape = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
const stamp = () => new Date().toISOString().replace(/[-:]|\.\d+/g, "");

function sign(service, time, method, path, query, headers, payload) {
  const scope = [time.slice(0, 8), env.AWS_REGION, service, "aws4_request"];
  const names = Object.keys(headers).sort();
  const request = [method, path, query, ...names.map((n) => `${n}:${headers[n]}`), "", names.join(";"), payload].join("\n");
  const text = ["AWS4-HMAC-SHA256", time, scope.join("/"), sha256(request)].join("\n");
  return hmac(scope.reduce(hmac, `AWS4${env.AWS_SECRET_ACCESS_KEY}`), text).toString("hex");
}

// presign gives the URL of an object, good for some seconds.
export function presign(method, bucket, key, seconds) {
  const time = stamp();
  const local = env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL;
  const base = new URL(local ? `${local}/${bucket}/` : `https://${bucket}.s3.${env.AWS_REGION}.amazonaws.com/`);
  const path = base.pathname + key.split("/").map(escape).join("/");
  const query = Object.entries({
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": `${env.AWS_ACCESS_KEY_ID}/${time.slice(0, 8)}/${env.AWS_REGION}/s3/aws4_request`,
    "X-Amz-Date": time,
    "X-Amz-Expires": String(seconds),
    "X-Amz-Security-Token": env.AWS_SESSION_TOKEN,
    "X-Amz-SignedHeaders": "host",
  }).map(([name, value]) => `${name}=${escape(value)}`).join("&");
  return `${base.origin}${path}?${query}&X-Amz-Signature=${sign("s3", time, method, path, query, { host: base.host }, "UNSIGNED-PAYLOAD")}`;
}

// dynamodb runs an operation, and throws what it is refused with.
export async function dynamodb(operation, input) {
  const time = stamp();
  const url = new URL(env.AWS_ENDPOINT_URL_DYNAMODB ?? env.AWS_ENDPOINT_URL ?? `https://dynamodb.${env.AWS_REGION}.amazonaws.com`);
  const body = JSON.stringify(input);
  const headers = {
    "content-type": "application/x-amz-json-1.0",
    host: url.host,
    "x-amz-date": time,
    "x-amz-security-token": env.AWS_SESSION_TOKEN,
    "x-amz-target": `DynamoDB_20120810.${operation}`,
  };
  const signature = sign("dynamodb", time, "POST", "/", "", headers, sha256(body));
  const response = await fetch(url, {
    method: "POST",
    body,
    headers: {
      ...headers,
      authorization: `AWS4-HMAC-SHA256 Credential=${env.AWS_ACCESS_KEY_ID}/${time.slice(0, 8)}/${env.AWS_REGION}/dynamodb/aws4_request, SignedHeaders=${Object.keys(headers).sort().join(";")}, Signature=${signature}`,
    },
  });
  const output = await response.json();
  if (!response.ok) {
    throw new Error(`${operation}: ${output.__type}: ${output.message ?? output.Message}`);
  }
  return output;
}

// Signers that nobody here wrote, against a server that says what it thinks of
// each signature.
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { Readable } from "node:stream";
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { fromCognitoIdentityPool } from "@aws-sdk/credential-providers";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { SignatureV4 } from "@smithy/signature-v4";
import aws4 from "aws4";
import { AwsClient } from "aws4fetch";

// Stage is of a running stage, whose API has IAM authorization: its credentials come from
// its identity pool, and it answers with the caller's identity. Without one the server
// verifies what is signed with the keys that are given.
const { Endpoint, Targets, Stage, Key, SessionKey, Secret, Token } = JSON.parse(process.argv[2]);
const { host, hostname, port } = new URL(Endpoint);

// What the SDK calls a hash constructor.
class Sha256 {
  constructor(secret) {
    this.hash = secret ? createHmac("sha256", secret) : createHash("sha256");
  }
  update(data) {
    this.hash.update(data);
  }
  async digest() {
    return new Uint8Array(this.hash.digest());
  }
}

async function send(by, url, init) {
  const response = await fetch(url, init);
  const text = await response.text();
  judge(by, init.method, url, response, text);
}

function judge(by, method, url, response, text) {
  assert.equal(response.status, 200, `${by}: ${method} ${url}: ${text}`);
  if (Stage) assert.equal(text, caller.identityId, `${by}: ${method} ${url}`);
}

// The SDK's requests have their query in an object.
function request(method, target, body, service) {
  const [path, search = ""] = target.split("?");
  const query = {};
  for (const pair of search.split("&").filter(Boolean)) {
    const [name, value] = pair.split("=").map(decodeURIComponent);
    query[name] = query[name] === undefined ? value : [query[name], value].flat();
  }
  const headers = { host, ...(body && { "content-type": "application/json" }) };
  if (service === "s3") headers["x-amz-content-sha256"] = "UNSIGNED-PAYLOAD";
  return { method, protocol: "http:", hostname, port, path, query, headers, body };
}

function link({ path, query }) {
  const escape = (s) => encodeURIComponent(s).replace(/[!'()*]/g, (c) => "%" + c.charCodeAt(0).toString(16).toUpperCase());
  const pairs = Object.entries(query).flatMap(([name, values]) => [values].flat().map((v) => `${escape(name)}=${escape(v)}`));
  return Endpoint + path + (pairs.length ? "?" + pairs.join("&") : "");
}

const bodyless = (method) => method === "GET";

// caller is who an identity pool says the user is, with credentials.
const caller = Stage && await fromCognitoIdentityPool({
  identityPoolId: Stage.IdentityPoolId, logins: { [Stage.Provider]: Stage.IDToken },
  clientConfig: { region: "us-east-1", endpoint: Stage.Endpoint },
})();

for (const credentials of Stage ? [caller] : [
  { accessKeyId: Key, secretAccessKey: Secret },
  { accessKeyId: SessionKey, secretAccessKey: Secret, sessionToken: Token },
]) {
  for (const service of Stage ? ["execute-api"] : ["execute-api", "s3"]) {
    const signer = new SignatureV4({ credentials, region: "us-east-1", service, sha256: Sha256, uriEscapePath: service !== "s3", applyChecksum: true });
    const fetcher = new AwsClient({ ...credentials, service, region: "us-east-1", retries: 0 });
    for (const target of Targets) {
      for (const method of ["GET", "POST"]) {
        const body = bodyless(method) ? undefined : "{}";
        const signed = await signer.sign(request(method, target, body, service));
        delete signed.headers.host;
        await send("signature-v4", link(signed), { method, headers: signed.headers, body });
        const presigned = await signer.presign(request(method, target, body, service), { expiresIn: 60 });
        delete presigned.headers.host;
        await send("signature-v4, presigned", link(presigned), { method, headers: presigned.headers, body });

        // For S3 aws4 and aws4fetch sign one of a repeated parameter's values only.
        const once = service === "s3" ? target.replace("&a=0", "") : target;
        for (const signQuery of [false, true]) {
          const options = { host, path: once, method, service, region: "us-east-1", signQuery, body, headers: {} };
          if (signQuery) options.path += (target.includes("?") ? "&" : "?") + "X-Amz-Expires=60";
          if (body) options.headers["Content-Type"] = "application/json";
          aws4.sign(options, credentials);
          const { Host, "Content-Length": length, ...headers } = options.headers;
          await send("aws4", Endpoint + options.path, { method, headers, body });
        }

        for (const signQuery of [false, true]) {
          // Presigning, aws4fetch signs a space as %20 and sends it as a plus
          // sign, which is another character in a query.
          const url = new URL(Endpoint + (signQuery ? once.replace("&s=%20", "") : once));
          if (signQuery) url.searchParams.set("X-Amz-Expires", "60");
          const response = await fetcher.fetch(url, { method, body, aws: { signQuery, allHeaders: true } });
          judge("aws4fetch", method, url, response, await response.text());
        }
      }
    }
  }
  if (Stage) continue;
  const s3 = new S3Client({ credentials, endpoint: Endpoint, region: "us-east-1", forcePathStyle: true, maxAttempts: 1 });
  for (const Key of ["a b/ü", "x//y", "-._~!'()*+,=@&?#%41"]) {
    const name = { Bucket: "uploads", Key };
    await s3.send(new PutObjectCommand({ ...name, Body: "hello", Metadata: { a: "b  c" } }));
    await s3.send(new PutObjectCommand({ ...name, Body: Readable.from([Buffer.alloc(100_000, "a"), Buffer.from("b")]), ContentLength: 100_001 }));
    await (await s3.send(new GetObjectCommand(name))).Body.transformToString();
    await send("presigned GET", await getSignedUrl(s3, new GetObjectCommand(name), { expiresIn: 60 }), { method: "GET" });
    await send("presigned PUT", await getSignedUrl(s3, new PutObjectCommand({ ...name, Metadata: { a: "b" } }), { expiresIn: 60 }), { method: "PUT", body: "hello" });
  }
}

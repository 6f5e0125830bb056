// The AWS SDK for JavaScript v3 on a bucket: checksums, parts, links and the form
// of a browser's upload.
import assert from "node:assert/strict";
import { GetObjectCommand, ListObjectsV2Command, NoSuchKey, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { createPresignedPost } from "@aws-sdk/s3-presigned-post";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { stage } from "./stage.mjs";

const Bucket = stage.BucketName;
const s3 = new S3Client({ forcePathStyle: true });

for (const ChecksumAlgorithm of ["CRC32", "CRC32C", "SHA1", "SHA256"]) {
  await s3.send(new PutObjectCommand({ Bucket, Key: "small", Body: "hello", ChecksumAlgorithm, Metadata: { color: "blue" } }));
  const got = await s3.send(new GetObjectCommand({ Bucket, Key: "small", ChecksumMode: "ENABLED" }));
  assert.equal(await got.Body.transformToString(), "hello");
  assert.deepEqual(got.Metadata, { color: "blue" });
}

const large = Buffer.alloc(12 << 20, "abcdefg");
await new Upload({ client: s3, params: { Bucket, Key: "large", Body: large } }).done();
const back = await s3.send(new GetObjectCommand({ Bucket, Key: "large" }));
assert.ok(Buffer.from(await back.Body.transformToByteArray()).equals(large));

const list = await s3.send(new ListObjectsV2Command({ Bucket }));
assert.deepEqual(list.Contents.map((o) => o.Key), ["large", "small"]);
await assert.rejects(s3.send(new GetObjectCommand({ Bucket, Key: "none" })), NoSuchKey);

const up = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: "linked" }), { expiresIn: 60 });
assert.equal((await fetch(up, { method: "PUT", body: "by a link" })).status, 200);
const down = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: "linked" }), { expiresIn: 60 });
assert.equal(await (await fetch(down)).text(), "by a link");
assert.equal((await fetch(down.replace("linked", "small"))).status, 403);

const { url, fields } = await createPresignedPost(s3, { Bucket, Key: "form/${filename}", Conditions: [["content-length-range", 1, 10]], Expires: 60 });
const send = (text) => {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", new Blob([text]), "f.txt");
  return fetch(url, { method: "POST", body: form });
};
assert.equal((await send("hello")).status, 204);
assert.equal((await send("more than ten bytes")).status, 400);
const posted = await s3.send(new GetObjectCommand({ Bucket, Key: "form/f.txt" }));
assert.equal(await posted.Body.transformToString(), "hello");

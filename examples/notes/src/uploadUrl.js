import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const s3 = new S3Client({});

// Gives two URLs for a file of the caller's own: one that uploads it (PUT), and one that
// downloads it (GET). Whoever has them needs no token, for five minutes.
export async function main(event) {
  const name = nameIn(event);
  if (typeof name !== "string" || !/^[\w.-]{1,100}$/.test(name)) {
    return { statusCode: 400, body: "name: up to 100 letters, digits, and _ . -" };
  }
  const key = `uploads/${event.requestContext.authorizer.jwt.claims.sub}/${name}`;
  const object = { Bucket: process.env.BUCKET, Key: key };
  return {
    statusCode: 200,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      key,
      upload: await getSignedUrl(s3, new PutObjectCommand(object), { expiresIn: 300 }),
      download: await getSignedUrl(s3, new GetObjectCommand(object), { expiresIn: 300 }),
    }),
  };
}

// nameIn reads {"name": "..."}. A body that is not said to be text or JSON comes in base64.
function nameIn(event) {
  try {
    return JSON.parse(Buffer.from(event.body ?? "", event.isBase64Encoded ? "base64" : "utf8")).name;
  } catch {
    return undefined;
  }
}

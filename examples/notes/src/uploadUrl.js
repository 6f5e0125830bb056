import { presign } from "./aws.js";

// Gives two URLs for a file of the caller's own: one that uploads it (PUT), and one that
// downloads it (GET). Whoever has them needs no token, for five minutes.
export async function main(event) {
  const { name } = JSON.parse(event.body ?? "{}");
  if (typeof name !== "string" || !/^[\w.-]{1,100}$/.test(name)) {
    return { statusCode: 400, body: "name: up to 100 letters, digits, and _ . -" };
  }
  const key = `uploads/${event.requestContext.authorizer.jwt.claims.sub}/${name}`;
  return {
    statusCode: 200,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      key,
      upload: presign("PUT", process.env.BUCKET, key, 300),
      download: presign("GET", process.env.BUCKET, key, 300),
    }),
  };
}

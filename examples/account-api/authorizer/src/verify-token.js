"use strict"

module.exports = async function verifyToken(
  token,
  decodeJwt,
  getSigningKey,
  verifyJwt,
  issuer,
  audience
) {
  // Step 1: which key has signed it?
  const decoded = decodeJwt(token, { complete: true })
  if (!decoded || !decoded.header || !decoded.header.kid) {
    throw new Error("Invalid JWT")
  }

  // Step 2: fetch that key.
  const { publicKey, rsaPublicKey } = await getSigningKey(decoded.header.kid)
  const signingKey = publicKey || rsaPublicKey

  // Step 3: verify signature and claims. The algorithm is the API's choice, not
  // the token's.
  return verifyJwt(token, signingKey, {
    issuer,
    audience,
    algorithms: ["RS256"],
  })
}

"use strict"

const util = require("util")
const jwt = require("jsonwebtoken")
const jwksRSA = require("jwks-rsa")

const getToken = require("./get-token")
const verifyToken = require("./verify-token")

const { JWKS_URI, TOKEN_ISSUER, AUDIENCE } = process.env

const jwksClient = jwksRSA({
  cache: true,
  rateLimit: true,
  jwksUri: JWKS_URI,
})

const getSigningKey = util.promisify(jwksClient.getSigningKey)
const verifyJwt = util.promisify(jwt.verify)

module.exports.verifyBearer = async (event) => {
  try {
    const token = getToken(event)
    const verifiedData = await verifyToken(
      token,
      jwt.decode,
      getSigningKey,
      verifyJwt,
      TOKEN_ISSUER,
      AUDIENCE
    )

    return {
      principalId: verifiedData.sub,
      policyDocument: {
        Version: "2012-10-17",
        Statement: [
          {
            Action: "execute-api:Invoke",
            Effect: "Allow",
            Resource: event.methodArn,
          },
        ],
      },
      context: {
        scope: verifiedData.scope,
      },
    }
  } catch (err) {
    // Only this message, to the letter, makes API Gateway answer 401.
    console.log("Authorizer Error: ", err)
    throw new Error("Unauthorized")
  }
}

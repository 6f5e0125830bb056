"use strict"

const REQUIRED_SCOPE = "get:profile"

module.exports.getProfile = async (event) => {
  try {
    const { authorizer = {} } = event.requestContext
    const { scope = "" } = authorizer

    const hasScope = scope.split(" ").includes(REQUIRED_SCOPE)
    if (!hasScope) {
      const err = new Error("Forbidden")
      err.code = 403
      err.info = `scope "${REQUIRED_SCOPE}" is required`
      throw err
    }

    const profileData = {
      name: "Daniël",
    }

    return {
      statusCode: 200,
      body: JSON.stringify(profileData),
    }
  } catch (err) {
    const statusCode = err.code || 500

    return {
      statusCode,
      body: JSON.stringify({
        message: String(err),
        info: err.info,
      }),
    }
  }
}

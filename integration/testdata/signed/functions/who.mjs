// They say which identity has signed the request.
const headers = { "access-control-allow-origin": "*" };
export const http = async (event) => ({ statusCode: 200, body: event.requestContext.authorizer.iam.cognitoIdentity.identityId });
export const rest = async (event) => ({ statusCode: 200, headers, body: event.requestContext.identity.cognitoIdentityId });

// What a web app does that reaches tables, buckets and signed APIs itself, with the AWS
// SDK and with Amplify v6.
import { DynamoDBClient, PutItemCommand, QueryCommand, ScanCommand } from "@aws-sdk/client-dynamodb";
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
// What the package has for browsers: esbuild passes over its field of that name.
import { fromCognitoIdentityPool } from "@aws-sdk/credential-providers/dist-es/index.browser.js";
import { Amplify } from "aws-amplify";
import { get, post } from "aws-amplify/api";
import { fetchAuthSession, signIn, signOut } from "aws-amplify/auth";

let tables, files, stage;

window.page = {
  // open makes the clients of whoever the token is of: of a guest, without one.
  open: async (of, token) => {
    stage = of;
    const endpoint = stage.Endpoint, region = "us-east-1";
    const provider = fromCognitoIdentityPool({
      identityPoolId: stage.IdentityPoolId, clientConfig: { region, endpoint }, ...(token && { logins: { [stage.Provider]: token } }),
    });
    const credentials = await provider();
    tables = new DynamoDBClient({ region, endpoint, credentials, maxAttempts: 1 });
    files = new S3Client({ region, endpoint, credentials, forcePathStyle: true, maxAttempts: 1 });
    return credentials.identityId;
  },
  put: async (userId, text) => {
    await tables.send(new PutItemCommand({ TableName: stage.TableName, Item: { userId: { S: userId }, noteId: { S: "1" }, text: { S: text } } }));
  },
  query: async (userId) => {
    const found = await tables.send(new QueryCommand({ TableName: stage.TableName, KeyConditionExpression: "userId = :u", ExpressionAttributeValues: { ":u": { S: userId } } }));
    return found.Items.map((item) => item.text.S);
  },
  scan: async () => (await tables.send(new ScanCommand({ TableName: stage.TableName }))).Count,
  upload: async (userId, text) => (await files.send(new PutObjectCommand({ Bucket: stage.BucketName, Key: `private/${userId}/a.txt`, Body: text }))).ETag,
  download: async (userId) => (await files.send(new GetObjectCommand({ Bucket: stage.BucketName, Key: `private/${userId}/a.txt` }))).Body.transformToString(),

  configure: (of) =>
    Amplify.configure({
      Auth: {
        Cognito: {
          userPoolId: of.UserPoolId, userPoolClientId: of.UserPoolClientId, userPoolEndpoint: of.Endpoint,
          identityPoolId: of.IdentityPoolId, identityPoolEndpoint: of.Endpoint, allowGuestAccess: true,
        },
      },
      API: { REST: { Api: { endpoint: of.ApiEndpoint, region: "us-east-1" }, Rest: { endpoint: of.RestEndpoint, region: "us-east-1" } } },
    }),
  signIn, signOut,
  identity: async () => (await fetchAuthSession()).identityId,
  // ask calls an API as Amplify does: signed with the session's credentials.
  ask: async (apiName, path, body) => {
    const { response } = body ? post({ apiName, path, options: { body } }) : get({ apiName, path });
    try {
      const { statusCode, body } = await response;
      return [statusCode, await body.text()];
    } catch (error) {
      return [error.response?.statusCode, error.response?.body ?? String(error)];
    }
  },
};

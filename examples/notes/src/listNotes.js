import { dynamodb } from "./aws.js";

// Lists the notes that the app keeps for the caller.
export async function main(event) {
  const found = await dynamodb("Query", {
    TableName: process.env.TABLE,
    KeyConditionExpression: "userId = :user",
    ExpressionAttributeValues: { ":user": { S: event.requestContext.authorizer.jwt.claims.sub } },
  });
  return {
    statusCode: 200,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(found.Items.map((item) => ({ noteId: item.noteId.S, text: item.text?.S }))),
  };
}

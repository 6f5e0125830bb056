import { DynamoDBClient, QueryCommand } from "@aws-sdk/client-dynamodb";

const tables = new DynamoDBClient({});

// Lists the notes that the app keeps for the caller.
export async function main(event) {
  const found = await tables.send(new QueryCommand({
    TableName: process.env.TABLE,
    KeyConditionExpression: "userId = :user",
    ExpressionAttributeValues: { ":user": { S: event.requestContext.authorizer.jwt.claims.sub } },
  }));
  return {
    statusCode: 200,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(found.Items.map((item) => ({ noteId: item.noteId.S, text: item.text?.S }))),
  };
}

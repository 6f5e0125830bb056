import { APIGatewayProxyHandlerV2 } from "aws-lambda"; // types only, not installed

enum Greeting {
  Hello = "Hello",
}

export const handler: APIGatewayProxyHandlerV2 = async (event: any) => {
  return { statusCode: 200, body: `${Greeting.Hello} ${event.requestContext.authorizer.jwt.claims.sub}!` };
};

export const fails = async (event: { name: string }): Promise<never> => {
  throw new TypeError(`no ${event.name}`);
};

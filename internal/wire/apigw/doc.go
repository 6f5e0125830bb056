// Package apigw holds the codecs of API Gateway's Lambda proxy integrations:
// the events that functions get and the replies that they give, in the payload
// formats 2.0 and 1.0 of HTTP APIs.
//
// It decides nothing: which values stand in an event is the gateway's matter,
// and what a reply means to a client is what AWS documents for its format.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
package apigw

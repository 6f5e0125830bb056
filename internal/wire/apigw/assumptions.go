package apigw

import "github.com/doorwright/doorwright/internal/aws"

// Assumptions are the choices made where the formats are not documented and
// were not observed.
var Assumptions = []aws.Assumption{
	{
		Area:     "HTTP API, function replies",
		Question: "Which statusCodes are accepted?",
		Choice:   "Integers from 200 to 599. Others are 500, as are strings of digits.",
		Why:      "0, fractions and wrong types are known to be 500; the rest is the strict reading.",
	},
	{
		Area:     "HTTP API, function replies",
		Question: "What if a header's value, the body, or a cookie is not a string, or base64 cannot be decoded?",
		Choice:   "500.",
		Why:      "Strict. Null stands for absence, as aws-lambda-go's own types send it.",
	},
	{
		Area:     "HTTP API, function replies",
		Question: "What of a reply in format 1.0 with unknown keys, or without statusCode?",
		Choice:   "500.",
		Why:      "REST APIs refuse unknown keys; strict.",
	},
	{
		Area:     "HTTP API, function replies",
		Question: "What of multiValueHeaders and of unknown keys in format 2.0, and of the reply null?",
		Choice:   "Ignored, ignored, and 200 with the body null.",
		Why:      "aws-lambda-go sends multiValueHeaders always; null is JSON like any other.",
	},
	{
		Area:     "HTTP API, events",
		Question: "What is requestContext.authorizer of an open route in format 1.0?",
		Choice:   `{"claims":null,"scopes":null}`,
		Why:      "So the developer guide's sample event has it.",
	},
}

package authorizer

import "github.com/doorwright/doorwright/internal/aws"

// iamAssumptions are those of the IAM authorizer.
var iamAssumptions = []aws.Assumption{
	{
		Area:     "IAM authorization",
		Question: "In which order is a signature looked at?",
		Choice:   "Header or query, date and clock, signed headers, algorithm, credential and scope, key and session token, signature; then the policies.",
		Why:      "The order recorded of another service. Who has no good signature learns nothing of the policies.",
	},
	{
		Area:     "IAM authorization",
		Question: "Is a body that is left out of the signature (UNSIGNED-PAYLOAD) taken?",
		Choice:   "No: the signature covers the hash of the body, also of a presigned request.",
		Why:      "Strict. SDKs do that for S3 alone.",
	},
	{
		Area:     "IAM authorization",
		Question: "Which x-amzn-ErrorType has an unknown key or session token at a REST API?",
		Choice:   "UnrecognizedClientException, as type INVALID_SIGNATURE of gateway responses.",
		Why:      "The text was observed, the type is that of other services.",
	},
	{
		Area:     "IAM authorization",
		Question: "Does a REST API say what should have been signed, if a signature does not match?",
		Choice:   "Always, to the caller; the log has nothing of it.",
		Why:      "Observed; when a service leaves it out is not documented.",
	},
	{
		Area:     "IAM authorization",
		Question: "What answers an unsigned request to a route with IAM authorization, where a resource policy allows everybody?",
		Choice:   "403 Missing Authentication Token.",
		Why:      "Strict: the route asks for a signature.",
	},
	{
		Area:     "IAM authorization",
		Question: "Is the path in the ARN the encoded or the decoded one, and does a slash at its end count?",
		Choice:   "As for Lambda authorizers. A Deny of any reading counts, an Allow of the ARN alone.",
		Why:      "Not documented.",
	},
	{
		Area:     "IAM authorization",
		Question: "What is principalOrgId of an account in no organization?",
		Choice:   "The text aws:PrincipalOrgID in format 2.0, null in the others.",
		Why:      "The first was observed.",
	},
}

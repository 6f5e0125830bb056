package authorizer

import "github.com/doorwright/doorwright/internal/aws"

// functionAssumptions are those of Lambda authorizers.
var functionAssumptions = []aws.Assumption{
	{
		Area:     "Lambda authorizers",
		Question: `Is a function that fails with "Unauthorized" a 401 in an HTTP API too?`,
		Choice:   "Yes; with any other message 500.",
		Why:      "Documented for REST APIs. Either way the caller is refused.",
	},
	{
		Area:     "Lambda authorizers",
		Question: "What of an identity source that is there more than once?",
		Choice:   "401, and the function is not asked.",
		Why:      "Strict: whoever reads the request later might take another of the values.",
	},
	{
		Area:     "Lambda authorizers",
		Question: "Is a missing identity source a 401 with a TTL of 0 too?",
		Choice:   "Yes, but for REQUEST authorizers of REST APIs, which are then asked all the same.",
		Why:      "The exception is documented for REST APIs alone.",
	},
	{
		Area:     "Lambda authorizers",
		Question: "What of a response with unknown keys, keys that are there twice, without principalId, or above 64 KB?",
		Choice:   "It is malformed: 500.",
		Why:      "Strict: of two verdicts none is believed.",
	},
	{
		Area:     "Lambda authorizers",
		Question: "What of a policy with an element, operator or form of resource that IAM's grammar has not, or a Principal?",
		Choice:   "It is malformed: 500.",
		Why:      "Strict: what is skipped might have been a Deny.",
	},
	{
		Area:     "Lambda authorizers",
		Question: "Are Condition, NotAction and NotResource honoured, and with which keys?",
		Choice:   "Yes; aws:CurrentTime, aws:EpochTime, aws:SourceIp, aws:UserAgent, aws:Referer, and aws:SecureTransport, which is true as it is on AWS.",
		Why:      "AWS's blueprints write conditions; these are the keys of requests that are not signed.",
	},
	{
		Area:     "Lambda authorizers",
		Question: "What of a policy variable that has no value in a request?",
		Choice:   "What it stands in matches nothing: no resource and no value, so that a negated operator is met and a Deny of NotResource denies. An Allow of NotResource allows nothing.",
		Why:      "Documented, but for the last, which is strict.",
	},
	{
		Area:     "Lambda authorizers",
		Question: "What of objects, arrays and null in the context?",
		Choice:   "In format 2.0 they are passed on; in format 1.0 and in REST APIs they are malformed: 500. The key claims is malformed anywhere.",
		Why:      "Objects are documented for 2.0, and known to be refused by REST APIs; claims is documented as reserved.",
	},
	{
		Area:     "Lambda authorizers",
		Question: "Are failures kept, and from when does the TTL count?",
		Choice:   "No: only answers are, a Deny as well as an Allow, from when they came.",
		Why:      "The developer guide speaks of policies that are cached.",
	},
	{
		Area:     "Lambda authorizers",
		Question: "What is the default TTL of an HTTP API's authorizer?",
		Choice:   "300 seconds.",
		Why:      "Documented for REST APIs, and what the console has.",
	},
	{
		Area:     "Lambda authorizers",
		Question: "Is the path in a method's ARN decoded?",
		Choice:   "In HTTP APIs yes, in REST APIs no; a Deny counts for either, and for the path without a slash at its end.",
		Why:      "As in their events. A Deny that another spelling of the path escapes would be none.",
	},
	{
		Area:     "Lambda authorizers",
		Question: "What is identitySource without identity sources, and identity.apiKey of an HTTP API?",
		Choice:   "null in format 2.0 and empty in 1.0; left out.",
		Why:      "HTTP APIs have no API keys.",
	},
	{
		Area:     "Lambda authorizers",
		Question: "What does a function in format 1.0 see in requestContext.authorizer?",
		Choice:   "principalId, if there is one, and beside it the context, whose values keep their types. Without a context, lambda is null in format 2.0.",
		Why:      "The forms are those of REST APIs and of format 2.0.",
	},
	{
		Area:     "Lambda authorizers",
		Question: "Does identityValidationExpression have to match the whole token, and in which language?",
		Choice:   "Yes; Go's (RE2). What only Java has is refused.",
		Why:      "Strict.",
	},
	{
		Area:     "Lambda authorizers",
		Question: "How long may the function of a REST API's authorizer take?",
		Choice:   "29 seconds, or its own time-out.",
		Why:      "So may the integration.",
	},
	{
		Area:     "REST API, user pool authorizer",
		Question: `May the token have "Bearer " in front of it?`,
		Choice:   "Yes, spelled so.",
		Why:      "It commonly works.",
	},
	{
		Area:     "REST API, user pool authorizer",
		Question: "What answers an access token without one of the method's scopes?",
		Choice:   `401 {"message":"Unauthorized"}`,
		Why:      "So the documentation implies.",
	},
	{
		Area:     "REST API, user pool authorizer",
		Question: "How do claims come that are arrays, such as cognito:groups?",
		Choice:   "Joined by commas.",
		Why:      "Reports differ; most have it so.",
	},
}

package gateway

import "github.com/doorwright/doorwright/internal/aws"

// restAssumptions are the choices made where the behaviour of REST APIs is not
// documented and was not observed.
var restAssumptions = []aws.Assumption{
	{
		Area:     "REST API, routing",
		Question: "What answers a path that does not begin with the stage?",
		Choice:   `403 {"message":"Forbidden"} with ForbiddenException. The stage is compared as it was sent, not decoded.`,
		Why:      "Captures disagree; so was one of them.",
	},
	{
		Area:     "REST API, routing",
		Question: "Which resource does a request fall through to, if the most specific one does not serve its method?",
		Choice:   "The most specific {name+} that serves it; never a {name} beside it.",
		Why:      "The first was observed; nothing was seen of the second.",
	},
	{
		Area:     "REST API, routing",
		Question: "Which resource takes a path that later readers may read in several ways?",
		Choice:   "As for HTTP APIs: none, unless all readings choose the same one. The answer is 403 Missing Authentication Token.",
		Why:      "Strict: no request reaches what its route's authorizer has not guarded.",
	},
	{
		Area:     "REST API, routing",
		Question: "What answers an Authorization header that is no signature, where no resource matches?",
		Choice:   "403 IncompleteSignatureException with the texts of Signature Version 4, which name a hash of the whole value. A signature that is not good is answered as on a route with IAM authorization, a good one as none.",
		Why:      "The texts were observed; what exactly is hashed was not. Older texts showed the whole value there.",
	},
	{
		Area:     "REST API, routing",
		Question: "What does X-HTTP-Method-Override do?",
		Choice:   "It replaces the method before anything else looks at it: route, authorizer, event and log have the new one.",
		Why:      "The known issues say that it overrides; so no two parts can disagree.",
	},
	{
		Area:     "REST API, events",
		Question: "In which order are a request's headers, and how are names spelled that a client has sent ahead of the answer before?",
		Choice:   "By name; of requests in a pipeline, and of heads above 16 KB, as Go spells them. All others are spelled as they were sent.",
		Why:      "Readers of JSON objects do not see an order, and no known client sends ahead.",
	},
	{
		Area:     "REST API, function replies",
		Question: "What of a header's value that is null or an object, of a body that is not a string, of a status outside of 200 to 599, and of header names or values that HTTP has not?",
		Choice:   "502, as for any reply that is malformed. Numbers and booleans are taken as text.",
		Why:      "Strict.",
	},
	{
		Area:     "REST API, function replies",
		Question: "What if a reply has several content types?",
		Choice:   "The first one is sent.",
		Why:      "Two would be read as either.",
	},
	{
		Area:     "REST API, limits",
		Question: "What answers a function that is throttled?",
		Choice:   `500 {"message": "Internal server error"}`,
		Why:      "As for one that may not be invoked: it did not run.",
	},
	{
		Area:     "REST API, limits",
		Question: "What answers a request line and headers above 10,240 bytes, a body above 10 MB, and an event above Lambda's 6 MB?",
		Choice:   `431 {"message":"Request Header Fields Too Large"}; 413 {"message":"Request Too Long"} for the others.`,
		Why:      "RFC 6585, section 5; AWS's own .NET test tool has the text of the second.",
	},
	{
		Area:     "REST API, limits",
		Question: "What answers a | in the query that is not encoded?",
		Choice:   `400 {"message":"Bad Request"}`,
		Why:      "The known issues say that it must be encoded, and not what happens.",
	},
	{
		Area:     "REST API, gateway responses",
		Question: "Does a template apply to access denials, whose own body spells Message with a capital?",
		Choice:   "Yes, as to any other type.",
		Why:      "It is documented as a template like the others.",
	},
	{
		Area:     "REST API, gateway responses",
		Question: "What is the body where DEFAULT_5XX has headers only, and the Lambda proxy has failed?",
		Choice:   "As without it, with the space.",
		Why:      "Nothing was said of the body.",
	},
	{
		Area:     "REST API, gateway responses",
		Question: "Can the answer to a request that has missed the stage be changed, or that to one that is too large?",
		Choice:   "No.",
		Why:      "A configuration belongs to a stage; the second is documented.",
	},
	{
		Area:     "REST API, gateway responses",
		Question: "Which header is sent for a variable without a value, or with one that no header can hold?",
		Choice:   "None.",
		Why:      "Strict.",
	},
	{
		Area:     "REST API, CORS",
		Question: "What does `cors` of a REST API stand for?",
		Choice:   "An OPTIONS method with a mock integration on each resource without one, answering 204 as the CDK's; and Access-Control-Allow-Origin, the first origin, on the API's own errors.",
		Why:      "REST APIs have no CORS of their own; these are what people build.",
	},
	{
		Area:     "REST API, request validators",
		Question: "When is a required parameter there, and how is the answer spaced?",
		Choice:   "When it is there and not blank; header names in any case. The body has no space after the colon.",
		Why:      "The developer guide says \"included in the incoming request and not blank\"; gateway responses are made by a template without the space.",
	},
	{
		Area:     "REST API, binary media types",
		Question: "What if a request has no Content-Type or Accept?",
		Choice:   "It matches */* alone.",
		Why:      "What is said is compared to the letter, which was observed.",
	},
	{
		Area:     "REST API, resource policies",
		Question: "Whose text has the 403 if neither a Lambda authorizer nor the resource policy says anything of a request, and is a gateway response for it?",
		Choice:   "The authorizer's; ACCESS_DENIED, as for any other denial. After a user pool's authorizer the text names the caller anonymous.",
		Why:      "Only the texts of requests without an authorizer were observed.",
	},
	{
		Area:     "REST API, resource policies",
		Question: "Which statements can there be?",
		Choice:   `For the principal "*", with the condition keys of requests that are not signed, without variables. All others are refused as the declaration is read, also ARNs that name an account, a region or an API.`,
		Why:      "Strict: a Deny that can never match is none. The short form execute-api:/STAGE/METHOD/PATH is of the API that has the policy.",
	},
	{
		Area:     "REST API, resource policies",
		Question: "What are aws:SourceIp and aws:SecureTransport here, and is the policy asked for a preflight?",
		Choice:   "The address of the connection, whatever X-Forwarded-For says; true, as it is on AWS; yes, as for any method without an authorizer.",
		Why:      "An OPTIONS method is a method.",
	},
	{
		Area:     "REST API, usage plans",
		Question: "In which order are API key, rates, quota and validator asked?",
		Choice:   "The key; the rate of its plan, which a rate of the plan for the route replaces; its quota; the rate of the route; the validator. What is refused by a rate does not count for the quota.",
		Why:      "The developer guide has the order of the rates, and nothing of the others.",
	},
	{
		Area:     "REST API, usage plans",
		Question: "What if x-api-key is there more than once?",
		Choice:   `403 {"message":"Forbidden"}`,
		Why:      "Strict: whoever reads the request later might take the other one.",
	},
	{
		Area:     "REST API, usage plans",
		Question: "When does a quota's period begin, and what is kept of a start?",
		Choice:   "At 00:00 UTC of a day, of a Sunday, of the first of a month. Each start counts anew.",
		Why:      "Only that a period is of the calendar is documented; limits are \"best-effort\" on AWS as well.",
	},
	{
		Area:     "REST API, usage plans",
		Question: "Are the limits of an account counted (10,000 a second)?",
		Choice:   "No.",
		Why:      "Nothing of one machine comes near.",
	},
}

package gateway

import (
	"slices"

	"github.com/doorwright/doorwright/internal/aws"
)

// Assumptions are the choices made where the behaviour of HTTP and REST APIs is
// not documented and was not observed.
var Assumptions = slices.Concat(httpAssumptions, restAssumptions)

var httpAssumptions = []aws.Assumption{
	{
		Area:     "HTTP API, routing",
		Question: "Which of several routes wins that match a path equally well by the developer guide's rules?",
		Choice:   "The one with more literal segments, then with more segments ahead of a greedy variable, then with its literals further left; among routes with one path, an exact method before ANY.",
		Why:      "The first two are the order of AWS's own .NET test tool; the guide says that ANY takes the methods without a route of their own.",
	},
	{
		Area:     "HTTP API, routing",
		Question: "Does /x/ match the route /x, and / the route /{proxy+}?",
		Choice:   "No.",
		Why:      "Reports of migrations say that /x/ does not match. REST APIs do not match / either; a route for / works in both cases.",
	},
	{
		Area:     "HTTP API, routing",
		Question: "Which route takes a path that later readers may read in several ways (%2F, %5C, ;, //, a slash at the end, double encoding)?",
		Choice:   "None (404), unless all readings choose the same route.",
		Why:      "Strict: no request reaches what its route's authorizer has not guarded.",
	},
	{
		Area:     "HTTP API, routing",
		Question: "What becomes of dot segments and control characters in a path?",
		Choice:   "404, encoded or not.",
		Why:      "Strict: an upstream that resolves them would serve another path than was authorized.",
	},
	{
		Area:     "HTTP API, events",
		Question: "What are rawPath and the path parameters for %3F?",
		Choice:   "rawPath is cut at a decoded question mark; path parameters keep it.",
		Why:      "The cut was reported; nothing was of path parameters.",
	},
	{
		Area:     "HTTP API, events",
		Question: "What is a body of a text type that is not UTF-8, and a query that cannot be decoded?",
		Choice:   "The body comes as base64; the query's part as it was sent.",
		Why:      "Nothing is lost.",
	},
	{
		Area:     "HTTP API, events",
		Question: "Is a client's X-Amzn-Trace-Id kept, and which of X-Forwarded-*?",
		Choice:   "The trace id and the entries of X-Forwarded-For are kept, and the peer is appended to the latter. X-Forwarded-Port and -Proto are the gateway's own.",
		Why:      "As Elastic Load Balancing and X-Ray document it.",
	},
	{
		Area:     "Access logs",
		Question: "How is a value written that would end the line, or the text in JSON that it stands in?",
		Choice:   "Escaped as in JSON, in every format, and bounded. What is not there is -.",
		Why:      "Strict: no client writes lines of its own.",
	},
	{
		Area:     "Access logs",
		Question: "Which variables can be named for claims such as cognito:username, and what is $context.authorizer.claims?",
		Choice:   "Names behind authorizer. have letters, digits and _; anything else, and claims alone, is refused.",
		Why:      "The underscore is the only special character that the developer guide allows in a REST API; claims alone returns null.",
	},
	{
		Area:     "Access logs",
		Question: "When do authorize.*, authenticate.*, integration.error and, in an HTTP API, error.responseType have which value?",
		Choice:   "authorize.* and authenticate.* have none. error.responseType is a gateway response's type where the cause is the same: UNAUTHORIZED, ACCESS_DENIED, REQUEST_TOO_LARGE. authorizer.error is what the challenge of a JWT authorizer says.",
		Why:      "The variables are listed, and no example of them was found.",
	},
	{
		Area:     "Access logs",
		Question: "Are requests outside of a stage logged, and what is dataProcessed?",
		Choice:   "They are not: no stage is there that would log. dataProcessed counts the bodies of the request and of the answer.",
		Why:      "Log settings are a stage's; of dataProcessed nothing more is said than that it is in bytes.",
	},
	{
		Area:     "HTTP API, responses",
		Question: "What becomes of a reply with an invalid header name or value?",
		Choice:   "500.",
		Why:      "Strict: nothing of a reply may end up outside of its header line.",
	},
	{
		Area:     "HTTP API, responses",
		Question: "Do a function's content-length, date, apigw-requestid and hop-by-hop headers reach the client?",
		Choice:   "No; the gateway writes its own. www-authenticate does.",
		Why:      "They frame the answer. No report says that HTTP APIs rename www-authenticate, as REST APIs do.",
	},
	{
		Area:     "HTTP API, responses",
		Question: "Has the 403 for a missing scope a content-type?",
		Choice:   "application/json.",
		Why:      "As every other error of the gateway; only the 401 of JWT authorizers is documented to have none.",
	},
	{
		Area:     "HTTP API, limits",
		Question: "What answers a request line and headers above 10,240 bytes?",
		Choice:   `431 {"message":"Request Header Fields Too Large"}`,
		Why:      "RFC 6585, section 5.",
	},
	{
		Area:     "HTTP API, limits",
		Question: "What answers a body above 10 MB, and an event above Lambda's 6 MB?",
		Choice:   `413 {"message":"Request Entity Too Large"} for both.`,
		Why:      "AWS's own .NET test tool has this text for the first.",
	},
	{
		Area:     "HTTP API, CORS",
		Question: "What exactly answers a preflight, and one from an origin that is not allowed?",
		Choice:   "204 with the configured lists joined by commas; 204 without any CORS header.",
		Why:      "204 is widely reported; without a header every browser refuses.",
	},
	{
		Area:     "HTTP API, CORS",
		Question: "Is an OPTIONS request that a route matches a preflight?",
		Choice:   "If it has Origin and Access-Control-Request-Method, and the route has no authorizer. A guarded route's authorizer decides first.",
		Why:      "The developer guide says so of $default with an authorizer, and reports of ANY; the Fetch standard says what a preflight is.",
	},
	{
		Area:     "HTTP API, HTTP integrations",
		Question: "What answers when an upstream is down, or is too slow?",
		Choice:   `503 {"message":"Service Unavailable"}`,
		Why:      "As for functions.",
	},
	{
		Area:     "HTTP API, HTTP integrations",
		Question: "Which Content-Type is added to a request without a payload?",
		Choice:   "None.",
		Why:      "The developer guide says that one is added, and not which.",
	},
	{
		Area:     "HTTP API, HTTP integrations",
		Question: "What becomes of a WebSocket upgrade?",
		Choice:   "The upstream is not asked for it; one that switches protocols all the same makes a 500.",
		Why:      "Strict: HTTP APIs have no tunnels.",
	},
}

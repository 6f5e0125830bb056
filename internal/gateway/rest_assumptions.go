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
		Choice:   "403 IncompleteSignatureException with the texts of Signature Version 4, which name a hash: of the part without an equal sign, or of the whole value.",
		Why:      "The texts were observed; what exactly is hashed was not. A whole signature is answered as none.",
	},
	{
		Area:     "REST API, routing",
		Question: "What does X-HTTP-Method-Override do?",
		Choice:   "It replaces the method before anything else looks at it: route, authorizer, event and log have the new one.",
		Why:      "The known issues say that it overrides; so no two parts can disagree.",
	},
	{
		Area:     "REST API, events",
		Question: "In which order are a request's headers?",
		Choice:   "By name.",
		Why:      "Readers of JSON objects do not see an order.",
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
}

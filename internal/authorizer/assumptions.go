package authorizer

import (
	"slices"

	"github.com/doorwright/doorwright/internal/aws"
)

// Assumptions are the choices made where the behaviour of authorizers is
// not documented and was not observed.
var Assumptions = slices.Concat([]aws.Assumption{
	{
		Area:     "HTTP API, JWT authorizer",
		Question: "What are the texts of error_description for a wrong issuer, a token that is not valid yet, a bad signature, an unknown kid, a wrong alg, missing claims and a malformed token?",
		Choice:   "Texts in the style of those that are known; see challenge.go.",
		Why:      "Status, body and the header's grammar are known. The texts for a wrong audience (documented), an expired token, a wrong number of segments, and an issuer that cannot be reached (observed) are AWS's own.",
	},
	{
		Area:     "HTTP API, JWT authorizer",
		Question: "What does scope hold in www-authenticate?",
		Choice:   "The scopes that the route asks for, joined by spaces; empty if it asks for none.",
		Why:      "One capture of 2020 shows a route's scope there, and the developer guide's sample an empty one.",
	},
	{
		Area:     "HTTP API, JWT authorizer",
		Question: "Has the 403 for a missing scope a www-authenticate?",
		Choice:   `Bearer scope="…" error="insufficient_scope" error_description="insufficient scope"`,
		Why:      "The grammar of the 401 with RFC 6750's error code.",
	},
	{
		Area:     "HTTP API, JWT authorizer",
		Question: `May "Bearer " be spelled otherwise?`,
		Choice:   "No; a token behind another spelling of it is refused with the text that was observed in 2019.",
		Why:      "Strict.",
	},
	{
		Area:     "HTTP API, JWT authorizer",
		Question: "What if the identity source is there more than once?",
		Choice:   "401, as for a token with a wrong number of segments.",
		Why:      "Strict: whoever reads the request later might take the other one. Joined by a comma the values are no token.",
	},
	{
		Area:     "HTTP API, JWT authorizer",
		Question: "Is a clock skew allowed, and exp required?",
		Choice:   "No skew; exp is required.",
		Why:      "Strict.",
	},
	{
		Area:     "HTTP API, JWT authorizer",
		Question: "Are PS256, PS384 and PS512 accepted?",
		Choice:   "No: RS256 unless configured otherwise.",
		Why:      `Strict: the developer guide says "only RSA-based algorithms".`,
	},
	{
		Area:     "HTTP API, JWT authorizer",
		Question: "How do claims come that are objects, or numbers that are not integers?",
		Choice:   "Objects as Go prints maps; integers written with an exponent as digits, other numbers as Go prints them.",
		Why:      "Arrays are known to come as Go prints them.",
	},
	{
		Area:     "HTTP API, JWT authorizer",
		Question: "Is a scope claim that is an array read?",
		Choice:   "No; scp may be one.",
		Why:      "RFC 8693 makes scope a string.",
	},
}, functionAssumptions, iamAssumptions)

package bucket

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/sigv4"
)

// What S3 says of a signature that cannot be read. Package sigv4 has the words
// of the services whose exchanges were recorded, which are others; whether
// there is a mistake, it alone says.

func malformedHeader(what string) error {
	return refuse(codeAuthHeaderMalformed, "The authorization header is malformed; "+what)
}

const malformedCredential = `the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`

// malformedAuthorization finds the words for a request whose Authorization
// header was refused.
func malformedAuthorization(h http.Header, e *sigv4.Error) error {
	scheme, rest, ok := strings.Cut(h.Get("Authorization"), " ")
	if !ok {
		return invalidArgument("Authorization header is invalid -- one and only one ' ' (space) required.", "Authorization", h.Get("Authorization"))
	}
	if scheme != "AWS4-HMAC-SHA256" {
		return invalidArgument("Unsupported Authorization Type", "Authorization", h.Get("Authorization"))
	}
	fields := strings.Split(rest, ",")
	if len(fields) != 3 {
		return malformedHeader("the authorization header requires three components: Credential, SignedHeaders, and Signature.")
	}
	said := map[string]string{}
	for _, field := range fields {
		field = strings.TrimSpace(field)
		name, value, ok := strings.Cut(field, "=")
		if !ok {
			return malformedHeader(`the authorization component "` + field + `" is malformed.`)
		}
		said[name] = value
	}
	for _, name := range []string{"Credential", "SignedHeaders", "Signature"} {
		if said[name] == "" {
			return malformedHeader("missing " + name + ".")
		}
	}
	if strings.Count(said["Credential"], "/") != 4 {
		return malformedHeader(malformedCredential)
	}
	if !isBasicTime(h.Get("X-Amz-Date")) && h.Get("Date") == "" {
		return refuse(codeAccessDenied, "AWS authentication requires a valid Date or x-amz-date header")
	}
	return malformedHeader(e.Message)
}

// malformedQuery does the same for a presigned query.
func malformedQuery(q query, e *sigv4.Error) error {
	say := func(what string) error { return refuse(codeAuthQueryParameters, what) }
	for _, name := range []string{"Algorithm", "Credential", "Signature", "Date", "SignedHeaders", "Expires"} {
		if q.get("X-Amz-"+name) == "" {
			return say("Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.")
		}
	}
	switch {
	case q.get("X-Amz-Algorithm") != "AWS4-HMAC-SHA256":
		return say(`X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"`)
	case strings.Count(q.get("X-Amz-Credential"), "/") != 4:
		return say("Error parsing the X-Amz-Credential parameter; " + malformedCredential)
	case !isBasicTime(q.get("X-Amz-Date")):
		return say(`X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`)
	}
	return say(e.Message)
}

// isBasicTime says whether a text has the form 20060102T150405Z.
func isBasicTime(s string) bool {
	t, err := time.Parse(basicTime, s)
	return err == nil && t.Format(basicTime) == s
}

// notSigned names the headers that must be signed and are not.
func notSigned(r *http.Request, q query) string {
	list := q.get("X-Amz-SignedHeaders")
	if _, rest, ok := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders="); ok {
		list, _, _ = strings.Cut(rest, ",")
	}
	signed := strings.Split(strings.TrimSpace(list), ";")
	var names []string
	if !slices.Contains(signed, "host") {
		names = append(names, "host")
	}
	for name := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-amz-") && lower != "x-amz-cf-id" && !slices.Contains(signed, lower) {
			names = append(names, lower)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

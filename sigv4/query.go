package sigv4

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The parameters of a presigned query
// (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html).
const (
	queryAlgorithm     = "X-Amz-Algorithm"
	queryCredential    = "X-Amz-Credential"
	queryDate          = "X-Amz-Date"
	queryExpires       = "X-Amz-Expires"
	queryToken         = "X-Amz-Security-Token"
	querySignedHeaders = "X-Amz-SignedHeaders"
	querySignature     = "X-Amz-Signature"
)

// MaxExpires is how long a presigned query can be good: "The minimum value you
// can set is 1, and the maximum is 604800 (seven days)"
// (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html).
const MaxExpires = 7 * 24 * time.Hour

// isPresigned says whether a query means to carry a signature. What goes by the
// name of X-Amz-Algorithm alone has been recorded from DynamoDB; S3 is also
// asked what is missing by a query that lacks just that.
func (v *Verifier) isPresigned(all []parameter) bool {
	return slices.ContainsFunc(all, func(p parameter) bool {
		return p.name == queryAlgorithm || v.S3 && (p.name == queryCredential || p.name == querySignature)
	})
}

// presigned are the parameters of a presigned query that speak of the
// signature, "" for what is not there.
type presigned struct {
	parameters
	date, expires, token, contentHash string
}

// readQuery takes a presigned query apart. Each of its parameters stands there
// once. SDKs move headers into the queries that they presign for S3, which are
// signed there as well; elsewhere a parameter that nobody knows is refused.
func (v *Verifier) readQuery(all []parameter) (*presigned, error) {
	q := &presigned{}
	fields := map[string]*string{
		queryAlgorithm: &q.algorithm, queryCredential: &q.credential, queryDate: &q.date, queryExpires: &q.expires,
		queryToken: &q.token, querySignedHeaders: &q.signedHeaders, querySignature: &q.signature,
	}
	seen := map[string]bool{}
	for _, p := range all {
		lower := strings.ToLower(p.name)
		if !strings.HasPrefix(lower, "x-amz-") {
			continue
		}
		if seen[lower] {
			return nil, malformed("The query has more than one '%s' parameter.", p.name)
		}
		seen[lower] = true
		if lower == "x-amz-content-sha256" { // SDKs spell it as the header was spelled
			q.contentHash = p.value
			continue
		}
		if field := fields[p.name]; field != nil {
			*field = p.value
			continue
		}
		_, misspelled := fields[http.CanonicalHeaderKey(lower)]
		if misspelled || lower == "x-amz-signedheaders" || !v.S3 {
			return nil, malformed("The query has an unknown parameter '%s'.", p.name)
		}
	}
	return q, nil
}

// requireAll names all parameters that are missing at once. The order has been
// recorded from DynamoDB. X-Amz-Expires is required by S3 alone: what SDKs presign
// for STS has none.
func (q *presigned) requireAll(expires bool) error {
	var b strings.Builder
	for _, required := range []parameter{
		{queryAlgorithm, q.algorithm}, {queryCredential, q.credential}, {querySignature, q.signature},
		{querySignedHeaders, q.signedHeaders}, {queryDate, q.date}, {queryExpires, q.expires},
	} {
		if required.value == "" && (expires || required.name != queryExpires) {
			fmt.Fprintf(&b, "AWS query-string parameters must include '%s'. ", required.name)
		}
	}
	if b.Len() == 0 {
		return nil
	}
	return malformed("%sRe-examine the query-string parameters.", &b)
}

// lifetime reads X-Amz-Expires. The texts are S3's. Without it, a query is good for
// as long as a header.
func (q *presigned) lifetime(window time.Duration) (time.Duration, error) {
	if q.expires == "" {
		return window, nil
	}
	digits := strings.TrimPrefix(q.expires, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, malformed("X-Amz-Expires should be a number")
	}
	seconds, err := strconv.ParseInt(q.expires, 10, 64)
	switch {
	case err != nil && q.expires != digits, seconds < 0:
		return 0, malformed("X-Amz-Expires must be non-negative")
	case err != nil, seconds > int64(MaxExpires/time.Second):
		return 0, malformed("X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds")
	case seconds == 0:
		return 0, malformed("X-Amz-Expires must be at least 1 second")
	}
	return time.Duration(seconds) * time.Second, nil
}

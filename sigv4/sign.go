package sigv4

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Sign signs a request to a service, as AWS's SDKs do: it sets X-Amz-Date,
// X-Amz-Security-Token if the credentials have a token, and Authorization. It
// does not touch the request's Body; body is what will be sent. Nothing that is
// signed may be changed afterwards.
func Sign(r *http.Request, body []byte, c Credentials, service, region string, t time.Time) {
	Signer{Service: service, Region: region}.Sign(r, body, c, t)
}

// Signer signs requests to one service in one region.
type Signer struct {
	// Service is the service's signing name, such as "execute-api".
	Service string
	// Region is the region, such as "us-east-1".
	Region string
	// Path is how the path is canonicalised. The default is right for every
	// service but S3.
	Path PathRule
	// ContentHash makes Sign send the body's hash as X-Amz-Content-Sha256.
	ContentHash bool
}

// Sign signs a request. All headers that it has are signed, but for those that
// are changed on the way.
func (s Signer) Sign(r *http.Request, body []byte, c Credentials, t time.Time) {
	t = t.UTC()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header.Del(headerAuthorization)
	r.Header.Set(headerDate, t.Format(iso8601))
	if c.SessionToken != "" {
		r.Header.Set(headerToken, c.SessionToken)
	} else {
		r.Header.Del(headerToken)
	}
	payloadHash := hexHash(body)
	if s.ContentHash {
		r.Header.Set(headerContentHash, payloadHash)
	}
	auth := Authorization{
		Algorithm:     algorithm,
		AccessKeyID:   c.AccessKeyID,
		Scope:         Scope{Date: t.Format(day), Region: s.Region, Service: s.Service, Terminator: terminator},
		SignedHeaders: signable(r),
	}
	canonical, err := canonicalRequest(r, auth.SignedHeaders, payloadHash, s.Path)
	if err != nil {
		// Over the bounds, or a query that cannot be read. The server would
		// refuse it however it is signed, and is the one to say why.
		canonical = err.Error()
	}
	auth.Signature = signature(c.SecretAccessKey, auth.Scope, stringToSign(t, auth.Scope, canonical))
	r.Header.Set(headerAuthorization, auth.String())
}

// hopHeaders are changed or added between the signer and the service.
var hopHeaders = []string{
	"accept-encoding", "authorization", "connection", "content-length", "expect", "host", "keep-alive", "te", "trailer",
	"transfer-encoding", "upgrade", "user-agent", "x-amz-cf-id", "x-amzn-trace-id",
}

// signable gives the names of the headers to sign.
func signable(r *http.Request) []string {
	names := []string{"host"}
	if r.ContentLength > 0 { // Otherwise it depends on the method whether one is sent.
		names = append(names, "content-length")
	}
	for name := range r.Header {
		name = strings.ToLower(name)
		if !slices.Contains(hopHeaders, name) && !strings.HasPrefix(name, "proxy-") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

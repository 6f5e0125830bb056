package sigv4

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
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
	// S3 signs as S3 wants it: with KeepPath and ContentHash. A marker that the
	// request has in X-Amz-Content-Sha256 already, such as [UnsignedPayload],
	// stays. A presigned query does not cover the body.
	S3 bool
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
	if marker := r.Header.Get(headerContentHash); s.S3 && payloadKinds[marker] != 0 {
		payloadHash = marker
	} else if s.S3 || s.ContentHash {
		r.Header.Set(headerContentHash, payloadHash)
	}
	auth := Authorization{
		Algorithm:     algorithm,
		AccessKeyID:   c.AccessKeyID,
		Scope:         s.scope(t),
		SignedHeaders: signable(r),
	}
	auth.Signature = s.signature(r, HeaderForm, auth, payloadHash, c, t)
	r.Header.Set(headerAuthorization, auth.String())
}

// Presign gives the URL of a request with a signature in its query, good from t
// on for at most [MaxExpires], and no longer than the credentials. The headers
// that the request has are signed too, and must be sent with it. The request is
// not changed.
func (s Signer) Presign(r *http.Request, body []byte, c Credentials, t time.Time, expires time.Duration) (*url.URL, error) {
	if expires < time.Second || expires > MaxExpires || expires%time.Second != 0 {
		return nil, fmt.Errorf("sigv4: presigning a request: it can be good for whole seconds up to %s, not for %s", MaxExpires, expires)
	}
	t = t.UTC()
	scope := s.scope(t)
	r = r.Clone(r.Context())
	r.RequestURI = ""
	r.Header.Del(headerAuthorization)
	auth := Authorization{Algorithm: algorithm, AccessKeyID: c.AccessKeyID, Scope: scope, SignedHeaders: signable(r)}
	added := []parameter{
		{queryAlgorithm, algorithm},
		{queryCredential, c.AccessKeyID + "/" + scope.String()},
		{queryDate, t.Format(iso8601)},
		{queryExpires, strconv.FormatInt(int64(expires/time.Second), 10)},
	}
	if c.SessionToken != "" {
		added = append(added, parameter{queryToken, c.SessionToken})
	}
	added = append(added, parameter{querySignedHeaders, strings.Join(auth.SignedHeaders, ";")})
	for _, p := range added {
		addParameter(r.URL, p)
	}
	payloadHash := hexHash(body)
	if s.S3 {
		payloadHash = UnsignedPayload
	}
	addParameter(r.URL, parameter{querySignature, s.signature(r, QueryForm, auth, payloadHash, c, t).String()})
	return r.URL, nil
}

func addParameter(u *url.URL, p parameter) {
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += p.name + "=" + encode(p.value, false)
}

func (s Signer) scope(t time.Time) Scope {
	return Scope{Date: t.Format(day), Region: s.Region, Service: s.Service, Terminator: terminator}
}

func (s Signer) signature(r *http.Request, form Form, auth Authorization, payloadHash string, c Credentials, t time.Time) Signature {
	rule := s.Path
	if s.S3 {
		rule = KeepPath
	}
	canonical, err := canonicalRequest(r, form, auth.SignedHeaders, payloadHash, rule)
	if err != nil {
		// Over the bounds, or a query that cannot be read. The server would
		// refuse it however it is signed, and is the one to say why.
		canonical = err.Error()
	}
	return newSigningKey(c.SecretAccessKey, auth.Scope).sign(stringToSign(t, auth.Scope, canonical))
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

package bucket

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/sigv4"
)

// Account knows the keys of the stage's account and decides who may do what.
// *iam.Account is one.
type Account interface {
	// SecretOf is [sigv4.Verifier]'s Lookup.
	SecretOf(ctx context.Context, accessKeyID, sessionToken string) (string, error)
	// Principal says whose a key is whose signature was verified.
	Principal(accessKeyID, sessionToken string) (iam.Principal, error)
	Decide(iam.Principal, iam.Request, *iam.Policy) iam.Decision
}

// caller is who sends a request.
type caller struct {
	iam.Principal
	// form is where the signature is; "" for nobody's.
	form     sigv4.Form
	signedAt time.Time
}

func (c *caller) anonymous() bool { return c.form == "" }

// allow asks the account whether the caller may do an action on a resource.
func (c *call) allow(action, resource string) error { return c.allowWith(action, resource, nil) }

// allowWith is allow with condition keys of its own, in lower case.
func (c *call) allowWith(action, resource string, own map[string][]string) error {
	if c.caller.anonymous() { // no bucket is public
		return accessDenied("the request is not signed")
	}
	d := c.s.cfg.Account.Decide(c.caller.Principal, iam.Request{Action: action, Resource: resource, Context: func(key string) ([]string, bool) {
		if values, ok := own[key]; ok {
			return values, true
		}
		return c.condition(key)
	}}, nil)
	c.event.Decisions = iam.Keep(c.event.Decisions, d)
	if d.Allowed {
		return nil
	}
	e := refuse(codeAccessDenied, d.MessageOn(`"`+resource+`"`))
	c.event.Reason = d.Explanation()
	return e
}

// accessDenied is a refusal whose reason is for the log alone.
func accessDenied(reason string) *refusal {
	return refuse(codeAccessDenied, "Access Denied").because(&reasonError{reason})
}

type reasonError struct{ text string }

func (e *reasonError) Error() string { return e.text }

// headerKeys are the condition keys that are headers.
//
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html#amazons3-policy-keys
var headerKeys = [...]string{
	"x-amz-acl", "x-amz-content-sha256", "x-amz-copy-source", "x-amz-metadata-directive", "x-amz-server-side-encryption",
	"x-amz-storage-class", "x-amz-website-redirect-location", "if-match", "if-none-match",
}

// condition gives the condition keys of the request itself, by names in lower
// case.
func (c *call) condition(key string) ([]string, bool) {
	if name, ok := strings.CutPrefix(key, "s3:"); ok {
		return c.conditionOfS3(name)
	}
	one := func(value string) ([]string, bool) { return []string{value}, value != "" }
	switch key {
	case "aws:requestedregion":
		return one(c.s.cfg.Region)
	case "aws:resourceaccount":
		return one(c.s.cfg.AccountID)
	}
	return iam.OfHTTP(c.r)(key)
}

func (c *call) conditionOfS3(name string) ([]string, bool) {
	one := func(value string) ([]string, bool) { return []string{value}, true }
	switch name {
	case "prefix", "delimiter", "max-keys":
		// They are of lists; one without the parameter has no key.
		if c.op.action == "s3:ListBucket" && c.query.has(name) {
			return one(c.query.get(name))
		}
		return nil, false
	case "authtype":
		return one(string(c.caller.form))
	case "signatureversion":
		return one("AWS4-HMAC-SHA256")
	case "signatureage":
		return one(strconv.FormatInt(max(0, c.now.Sub(c.caller.signedAt).Milliseconds()), 10))
	case "resourceaccount":
		return one(c.s.cfg.AccountID)
	}
	if tag, ok := strings.CutPrefix(name, "requestobjecttag"); ok {
		return c.requestTags(tag)
	}
	if tag, ok := strings.CutPrefix(name, "existingobjecttag/"); ok {
		return c.existingTag(tag)
	}
	if slices.Contains(headerKeys[:], name) {
		values := c.r.Header.Values(name)
		return values[:min(len(values), 1)], len(values) > 0 // the one that is used
	}
	return nil, false
}

// tagsOf gives the tags that the request means to give an object: those that the
// operation has read, or the header of one that will read it.
func (c *call) tagsOf() []tag {
	if c.tags == nil && c.op.tagged(c.r.Header) {
		tags, _ := parseTags(c.r.Header.Get("X-Amz-Tagging")) // who reads it refuses it
		return tags
	}
	return c.tags
}

// tagged says whether an operation reads the tags of an object from a header.
func (o *operation) tagged(h http.Header) bool {
	switch o.name {
	case "PutObject", "CreateMultipartUpload", "PostObject":
		return true
	}
	return o.name == "CopyObject" && h.Get("X-Amz-Tagging-Directive") == "REPLACE"
}

// requestTags gives s3:RequestObjectTag/KEY and s3:RequestObjectTagKeys.
func (c *call) requestTags(name string) ([]string, bool) {
	tags := c.tagsOf()
	key, one := strings.CutPrefix(name, "/")
	var values []string
	for _, t := range tags {
		switch {
		case one && strings.EqualFold(t.Key, key):
			values = append(values, t.Value)
		case name == "keys":
			values = append(values, t.Key)
		}
	}
	return values, len(values) > 0
}

// existingTag gives s3:ExistingObjectTag/KEY of the object that the request is
// about.
func (c *call) existingTag(key string) ([]string, bool) {
	if c.key == "" {
		return nil, false
	}
	o, err := c.s.look(c.r.Context(), c.address.bucket, c.key)
	if err != nil || o == nil {
		return nil, false
	}
	for _, t := range o.tags {
		if strings.EqualFold(t.Key, key) {
			return []string{t.Value}, true
		}
	}
	return nil, false
}

// hoist takes the headers that SDKs move into the queries that they presign back
// to where every operation looks for them. Checksums stay there: S3 passes them
// over in a query, and the JavaScript SDK presigns every upload with the
// checksum of no bytes.
func (c *call) hoist() error {
	with := *c.r
	with.Header = c.r.Header.Clone()
	for name, values := range c.query {
		lower := strings.ToLower(name)
		if !strings.HasPrefix(lower, "x-amz-") || signatureParameters[lower] || isChecksumParameter(lower) {
			continue
		}
		if there := with.Header.Values(lower); len(there) > 0 && !slices.Equal(there, values) {
			return refuse(codeInvalidRequest, "The header "+lower+" is in the query with another value.")
		}
		with.Header[http.CanonicalHeaderKey(lower)] = values
	}
	c.r = &with
	return nil
}

// isChecksumParameter says whether a header is about the checksum of a body.
func isChecksumParameter(lower string) bool {
	algorithm, ok := strings.CutPrefix(lower, "x-amz-checksum-")
	return lower == "x-amz-sdk-checksum-algorithm" || ok && slices.Contains(algorithms[:], strings.ToUpper(algorithm))
}

var signatureParameters = map[string]bool{
	"x-amz-algorithm": true, "x-amz-credential": true, "x-amz-date": true, "x-amz-expires": true, "x-amz-signedheaders": true,
	"x-amz-signature": true, "x-amz-security-token": true, "x-amz-content-sha256": true,
}

package bucket

import (
	"context"
	"database/sql"
	"net/http"
	"strings"
	"time"
)

// checkWriteConditions refuses conditions of a write that S3 does not have
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
func (c *call) checkWriteConditions() error {
	match, none := c.r.Header.Get("If-Match"), c.r.Header.Get("If-None-Match")
	switch {
	case none != "" && none != "*":
		return notImplemented("If-None-Match")
	case none != "" && match != "":
		return notImplemented("If-Match")
	case match == "*" && c.r.Method == put:
		return notImplemented("If-Match")
	}
	return nil
}

// holdWriteConditions holds the conditions of a write against what the key
// holds, in the transaction that writes.
func (c *call) holdWriteConditions(ctx context.Context, tx *sql.Tx, bucket, key string) error {
	match, none := c.r.Header.Get("If-Match"), c.r.Header.Get("If-None-Match")
	if match == "" && none == "" || c.op.proved {
		return nil
	}
	old, err := findObject(ctx, tx, bucket, key)
	switch {
	case err != nil:
		return err
	case none == "*" && old != nil:
		return preconditionFailed("If-None-Match")
	case match != "" && old == nil:
		return noSuchKey(key)
	case match != "" && match != "*" && unquoteETag(match) != old.etag:
		return preconditionFailed("If-Match")
	}
	return nil
}

// conditions are those of a read, under the names that they have in a request
// or, of a copy's source, in another.
type conditions struct {
	match, noneMatch, modifiedSince, unmodifiedSince string
	prefix                                           string
}

const copySourcePrefix = "X-Amz-Copy-Source-"

func readConditions(h http.Header, prefix string) conditions {
	return conditions{h.Get(prefix + "If-Match"), h.Get(prefix + "If-None-Match"), h.Get(prefix + "If-Modified-Since"), h.Get(prefix + "If-Unmodified-Since"), prefix}
}

// hold evaluates conditions in the order of RFC 9110, section 13.2.2, which is
// also S3's: an ETag that matches makes up for a date that does not. It gives
// 304 as notModified.
func (q conditions) hold(o *object, now time.Time) error {
	if q.match != "" {
		if !etagListed(q.match, o.etag) {
			return preconditionFailed(q.name("If-Match"))
		}
	} else if t, ok := conditionTime(q.unmodifiedSince, now); ok && o.modified.After(t) {
		return preconditionFailed(q.name("If-Unmodified-Since"))
	}
	if q.noneMatch != "" {
		if etagListed(q.noneMatch, o.etag) {
			return q.unmodified("If-None-Match")
		}
	} else if t, ok := conditionTime(q.modifiedSince, now); ok && !o.modified.After(t) {
		return q.unmodified("If-Modified-Since")
	}
	return nil
}

func (q conditions) name(header string) string { return strings.ToLower(q.prefix) + header }

// errNotModified is a 304, which is no error on the wire.
var errNotModified = refuse("NotModified", "Not Modified")

// unmodified is what a read answers with 304 and a copy with 412.
func (q conditions) unmodified(header string) error {
	if q.prefix != "" {
		return preconditionFailed(q.name(header))
	}
	return errNotModified
}

// conditionTime reads a date. One that cannot be read, or that is yet to come,
// is no condition.
func conditionTime(s string, now time.Time) (time.Time, bool) {
	if s == "" {
		return time.Time{}, false
	}
	t, err := http.ParseTime(s)
	if err != nil {
		if t, err = time.Parse(time.RFC3339, s); err != nil {
			return time.Time{}, false
		}
	}
	return t, !t.After(now)
}

// etagListed says whether a list of ETags, or a star, has one.
func etagListed(list, etag string) bool {
	for one := range strings.SplitSeq(list, ",") {
		one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
		if one == "*" || unquoteETag(one) == etag {
			return true
		}
	}
	return false
}

package bucket

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
)

// call is one request under way.
type call struct {
	s  *Service
	w  http.ResponseWriter
	r  *http.Request
	op *operation
	address
	of         *bucket
	id, hostID string
	now        time.Time
	caller     caller
	// body is the request's body as the client meant it: unframed and, where the
	// signature covers it, verified at its end.
	body body
	// tags are those that the request gives the object, where an operation has read
	// them; nil before.
	tags []tag
	// begun says that the answer's head is written.
	begun bool
	event Event
}

// ServeHTTP answers requests to buckets, in the host or in the path.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{s: s, w: w, r: r, now: s.cfg.Now(), id: aws.RandomText("0123456789ABCDEFGHJKMNPQRSTVWXYZ", 16)}
	var host [56]byte
	rand.Read(host[:])
	c.hostID = base64.StdEncoding.EncodeToString(host[:])
	h := w.Header()
	h.Set("X-Amz-Request-Id", c.id)
	h.Set("X-Amz-Id-2", c.hostID)
	h.Set("Server", "AmazonS3")
	aws.SetDate(w, c.now)
	c.event = Event{Outcome: aws.Begin(r, "?", c.now), Status: http.StatusOK}
	c.event.RequestID = c.id
	err := s.serve(r.Context(), c)
	cutOff := err != nil && c.begun
	if err != nil {
		s.fail(c, err)
	}
	c.event.End(s.cfg.Now())
	s.cfg.Log(c.event)
	if cutOff {
		panic(http.ErrAbortHandler)
	}
}

func (s *Service) serve(ctx context.Context, c *call) (err error) {
	if c.address, err = addressOf(c.r); err != nil {
		return err
	}
	c.event.Bucket, c.event.Key = c.address.bucket, c.key
	c.of = s.bucket(c.address.bucket)
	if c.r.Method == http.MethodOptions {
		c.event.Operation = "OPTIONS"
		return c.preflight()
	}
	c.allowOrigin()
	if c.op, err = operationOf(c.r, c.address); err != nil {
		return err
	}
	c.event.Operation = c.op.name
	if err := checkKey(c.key); err != nil {
		return err
	}
	if !c.op.proved {
		if err := c.authenticate(ctx); err != nil {
			return err
		}
	}
	if !c.op.body {
		if err := c.body.settle(); err != nil {
			return err
		}
	}
	if c.op.proved { // by what is in the body
		return c.op.serve(s, ctx, c)
	}
	if err := c.admit(); err != nil {
		return err
	}
	return c.op.serve(s, ctx, c)
}

// admit does what every operation asks for before it begins.
func (c *call) admit() error {
	if c.of == nil && c.op.level != service && c.op.name != "CreateBucket" {
		return noSuchBucket(c.address.bucket)
	}
	if owner := c.r.Header.Get("X-Amz-Expected-Bucket-Owner"); owner != "" && owner != c.s.cfg.AccountID {
		return accessDenied("x-amz-expected-bucket-owner is another account")
	}
	for _, name := range unsupportedConditions {
		if c.r.Header.Get(name) != "" {
			return notImplemented(strings.ToLower(name))
		}
	}
	if c.op.serve == nil {
		if err := c.allow("s3:"+c.op.name, c.resource()); err != nil {
			return err
		}
		c.event.NotEmulated = true
		return refuse(codeNotImplemented, "A header you provided implies functionality that is not implemented", "Header", c.op.sub)
	}
	if v := c.query.get("versionId"); c.query.has("versionId") && v != "null" {
		return invalidArgument("Invalid version id specified", "versionId", v)
	}
	if c.op.action == "" {
		return nil
	}
	return c.allow(c.op.action, c.resource())
}

// unsupportedConditions are of directory buckets. Passed over, something would
// be deleted that the client wanted to keep.
var unsupportedConditions = [...]string{"X-Amz-If-Match-Initiated-Time", "X-Amz-If-Match-Last-Modified-Time", "X-Amz-If-Match-Size"}

// fail answers with an error. HEAD has no body. An answer that has begun is cut
// off by the caller: its client must not take it for whole.
func (s *Service) fail(c *call, err error) {
	e := onWire(err)
	c.event.Status, c.event.Code = e.Status, e.Code
	if c.event.Cause == nil { // not a signature, of which the client's words say less
		c.event.Cause = err
	}
	c.event.Reason = e.Message
	if e.Err != nil {
		c.event.Reason += ": " + s.cfg.Explain(e.Err).Error()
	}
	if c.begun {
		return
	}
	h := c.w.Header()
	for _, name := range []string{"Etag", "Last-Modified", "Content-Range", "Content-Disposition", "Cache-Control", "Content-Encoding", "Content-Language", "Expires"} {
		h.Del(name)
	}
	for name, values := range e.header {
		h[name] = values
	}
	if e.Status >= 400 && c.r.Body != nil && c.r.ContentLength != 0 {
		// What is left of the body is not worth reading.
		h.Set("Connection", "close")
	}
	if c.r.Method == http.MethodHead {
		c.w.WriteHeader(e.Status)
		return
	}
	_ = c.writeBody(e.Status, "application/xml", errorDocument(e, c.id, c.hostID)) // the client went away
}

// arn gives the ARN of the call's bucket or object.
func (c *call) arn(bucket, key string) string {
	resource := bucket
	if key != "" {
		resource += "/" + key
	}
	return aws.ARN{Service: "s3", Resource: resource}.String()
}

func (c *call) resource() string {
	if c.op.level == service {
		return c.arn("*", "")
	}
	return c.arn(c.address.bucket, c.key)
}

// ownerID is the account's canonical id: 64 hexadecimal digits.
func (s *Service) ownerID() string {
	sum := sha256.Sum256([]byte("owner of the buckets of " + s.cfg.AccountID))
	return hex.EncodeToString(sum[:])
}

// pace is how long a client may take for the next piece of a body, either way.
// A server's time-outs are of whole requests, in which 5 GiB do not fit.
const pace = 60 * time.Second

// pacedReader pushes the connection's deadline ahead of a body that arrives.
type pacedReader struct {
	io.Reader
	control *http.ResponseController
	since   int
}

const paceStep = 1 << 20

func (c *call) pacedBody() io.Reader {
	p := &pacedReader{Reader: c.r.Body, control: http.NewResponseController(c.w)}
	p.push()
	return p
}

func (p *pacedReader) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if p.since += n; p.since > paceStep {
		p.since = 0
		p.push()
	}
	return n, err
}

// push moves both deadlines: while a body arrives, its answer waits. A
// connection without deadlines, as in tests, has none to move.
func (p *pacedReader) push() {
	at := time.Now().Add(pace)
	_ = p.control.SetReadDeadline(at)
	_ = p.control.SetWriteDeadline(at.Add(pace))
}

// etagQuoted gives an ETag as headers and documents have it.
func etagQuoted(etag string) string { return `"` + etag + `"` }

// unquoteETag takes the quotes off, which clients leave out as they like.
func unquoteETag(s string) string {
	s = strings.TrimSpace(s)
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}

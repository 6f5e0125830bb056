package bucket

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/doorwright/doorwright/sigv4"
)

// Limits of a form's fields: "the form data … up to 20 KB (excluding file
// data)" (https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html).
const (
	maxFormFields = 20 << 10
	maxFormField  = 100
)

// form is a browser's upload: fields, and the file behind them.
type form struct {
	fields   map[string][]string // by name in lower case
	file     *multipart.Part
	filename string
	parts    *multipart.Reader
}

func (f *form) get(name string) string {
	if values := f.fields[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

func malformedForm(err error) error {
	return refuse(codeMalformedPOST, "The body of your POST request is not well-formed multipart/form-data.").because(err)
}

// readForm reads a form up to its file. What follows the file is not read, as S3
// says, but has to be there.
func (c *call) readForm() (*form, error) {
	mediaType, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if mediaType != "multipart/form-data" {
		return nil, preconditionFailed("Bucket POST must be of the enclosure-type multipart/form-data")
	}
	if err != nil || params["boundary"] == "" {
		return nil, malformedForm(err)
	}
	f := &form{fields: map[string][]string{}, parts: multipart.NewReader(c.pacedBody(), params["boundary"])}
	left := maxFormFields
	for n := 0; ; n++ {
		p, err := f.parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil, invalidArgument("POST requires exactly one file upload per request.", "file", "0")
		}
		if err != nil || n > maxFormField {
			return nil, malformedForm(err)
		}
		name := strings.ToLower(p.FormName())
		if name == "" {
			return nil, malformedForm(errors.New("a field without a name"))
		}
		if name == "file" {
			f.file, f.filename = p, p.FileName()
			return f, nil
		}
		value, err := io.ReadAll(io.LimitReader(p, int64(left)+1))
		if err != nil {
			return nil, malformedForm(err)
		}
		if left -= len(name) + len(value); left < 0 {
			return nil, refuse("MaxPostPreDataLengthExceeded", "Your POST request fields preceding the upload file were too large.")
		}
		f.fields[name] = append(f.fields[name], string(value))
	}
}

// postObject is the upload of a form, signed by its policy.
func (s *Service) postObject(ctx context.Context, c *call) error {
	f, err := c.readForm()
	if err != nil {
		return err
	}
	if f.get("awsaccesskeyid") != "" {
		return refuse(codeInvalidRequest, "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.")
	}
	if len(f.fields["policy"]) == 0 {
		return accessDenied("the form has no policy")
	}
	if len(f.fields["key"]) == 0 {
		return invalidArgument("Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields.", "key", "")
	}
	key := strings.ReplaceAll(f.get("key"), "${filename}", f.filename)
	f.fields["key"] = []string{key}
	f.fields["bucket"] = []string{c.address.bucket}
	said := claimed{signature: f.get("x-amz-signature"), token: f.get("x-amz-security-token")}
	said.accessKeyID, _, _ = strings.Cut(f.get("x-amz-credential"), "/")
	id, policy, err := s.verifier().VerifyPolicy(ctx, f.fields)
	if err != nil {
		c.event.Cause = err
		return s.onSignature(err, said)
	}
	if err := c.admitAs(id); err != nil {
		return err
	}
	if err := c.admit(); err != nil {
		return err
	}
	if err := c.becomePut(f, key); err != nil {
		return err
	}
	return s.putForm(ctx, c, f, policy)
}

// becomePut has the call be what a PUT of the form's fields would be.
func (c *call) becomePut(f *form, key string) error {
	if key == "" {
		return invalidArgument("User key must have a length greater than 0.", "key", "")
	}
	if err := checkKey(key); err != nil {
		return err
	}
	c.key, c.event.Key = key, key
	with := *c.r
	with.Header = http.Header{}
	for _, name := range []string{"User-Agent", "Referer", "X-Amz-Expected-Bucket-Owner"} {
		with.Header[name] = c.r.Header.Values(name)
	}
	for name, values := range f.fields {
		switch {
		case name == "acl":
			with.Header["X-Amz-Acl"] = values
		case name == "content-type", name == "cache-control", name == "content-disposition", name == "content-encoding", name == "expires", name == "content-language",
			strings.HasPrefix(name, "x-amz-") && !signatureParameters[name]:
			with.Header[http.CanonicalHeaderKey(name)] = values
		case name == "tagging":
			tags, err := formTags(values[0])
			if err != nil {
				return err
			}
			with.Header.Set("X-Amz-Tagging", tags)
		}
	}
	c.r = &with
	return c.allow("s3:PutObject", c.resource())
}

// formTags reads the document of a form's tags, and gives them as a header has
// them.
func formTags(text string) (string, error) {
	var in tagging
	if err := readXML(strings.NewReader(text), "Tagging", &in); err != nil {
		return "", err
	}
	tags, err := in.tags()
	if err != nil {
		return "", err
	}
	q := url.Values{}
	for _, t := range tags {
		q.Set(t.Key, t.Value)
	}
	return q.Encode(), nil
}

// errTooLarge ends the reading of a file that is longer than it may be.
var errTooLarge = errors.New("the file is too long")

// limited refuses to read past a length.
type limited struct {
	from io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.from.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, errTooLarge
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = refuse(codeIncompleteBody, "The request body terminated unexpectedly").because(err)
	}
	return n, err
}

func (s *Service) putForm(ctx context.Context, c *call, f *form, policy sigv4.Policy) error {
	meta, tags, err := c.describe()
	if err != nil {
		return err
	}
	want, err := expectedChecksum(c.r.Header)
	if err != nil {
		return err
	}
	named, err := uploadChecksum(c.r.Header)
	if err != nil {
		return err
	}
	algorithm := cmp.Or(want.algorithm, named.Algorithm, crc64nvmeSum)
	most := min(policy.MaxLength, maxPut)
	w, err := s.keep(ctx, &limited{f.file, most}, algorithm)
	switch {
	case errors.Is(err, errTooLarge):
		return tooLarge(most+1, most)
	case err != nil:
		return err
	}
	o := c.made(w, meta, tags)
	switch {
	case w.size < policy.MinLength:
		err = refuse(codeEntityTooSmall, "Your proposed upload is smaller than the minimum allowed size",
			"ProposedSize", strconv.FormatInt(w.size, 10), "MinSizeAllowed", strconv.FormatInt(policy.MinLength, 10))
	case want.algorithm != "" && want.value != w.sum.Value:
		err = refuse(codeBadDigest, "The "+want.algorithm+" you specified did not match the calculated checksum.")
	default:
		err = f.end()
	}
	if err != nil {
		s.shelf.drop(w.blob)
		return err
	}
	if err := s.commit(ctx, c, o, nil); err != nil {
		return err
	}
	return c.answerForm(f, o)
}

// end reads what follows the file, which may be another field but no other file.
func (f *form) end() error {
	for range maxFormField {
		p, err := f.parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return malformedForm(err)
		}
		if strings.EqualFold(p.FormName(), "file") {
			return invalidArgument("POST requires exactly one file upload per request.", "file", "2")
		}
		if n, err := io.Copy(io.Discard, io.LimitReader(p, maxFormFields+1)); err != nil || n > maxFormFields {
			return malformedForm(err)
		}
	}
	return malformedForm(errors.New("too many fields"))
}

// answerForm sends the browser on, or says where the object is.
func (c *call) answerForm(f *form, o *object) error {
	h := c.w.Header()
	h.Set("Etag", etagQuoted(o.etag))
	o.sum.write(h)
	location := c.locationOf(o.key)
	h.Set("Location", location)
	to := f.get("success_action_redirect")
	if to == "" {
		to = f.get("redirect")
	}
	if u, err := url.Parse(to); to != "" && err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" {
		q := u.Query()
		q.Set("bucket", o.bucket)
		q.Set("key", o.key)
		q.Set("etag", etagQuoted(o.etag))
		u.RawQuery = q.Encode()
		h.Set("Location", u.String())
		c.event.Status = http.StatusSeeOther
		return c.writeEmpty(http.StatusSeeOther)
	}
	switch f.get("success_action_status") {
	case "200":
		return c.writeEmpty(http.StatusOK)
	case "201":
		d := &document{open: []string{"PostResponse"}}
		d.b.WriteString(xmlDeclaration + "<PostResponse>")
		d.text("Location", location)
		d.text("Bucket", o.bucket)
		d.text("Key", o.key)
		d.text("ETag", etagQuoted(o.etag))
		c.event.Status = http.StatusCreated
		return c.writeXML(http.StatusCreated, d)
	}
	c.event.Status = http.StatusNoContent
	return c.writeEmpty(http.StatusNoContent)
}

// locationOf gives an object's address by the host that the client used.
func (c *call) locationOf(key string) string {
	escaped := (&url.URL{Path: "/" + key}).EscapedPath()
	scheme := "http"
	if c.r.TLS != nil {
		scheme = "https"
	}
	if _, virtual := cutSuffixFold(hostOnly(c.r.Host), HostSuffix); !virtual {
		escaped = "/" + c.address.bucket + escaped
	}
	return fmt.Sprintf("%s://%s%s", scheme, c.r.Host, escaped)
}

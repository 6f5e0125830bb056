package bucket

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// existing gives the object that the call is about. Whether there is none is
// for those to know who may list the bucket.
func (c *call) existing(ctx context.Context) (*object, error) {
	o, err := c.s.look(ctx, c.address.bucket, c.key)
	if err != nil {
		return nil, err
	}
	if o == nil {
		return nil, c.missing()
	}
	return o, nil
}

// missing answers for an object that there is not: "If you have the
// s3:ListBucket permission on the bucket, Amazon S3 returns an HTTP status code
// 404 error. If you don't, … 403"
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html).
func (c *call) missing() error {
	if err := c.allow("s3:ListBucket", c.arn(c.address.bucket, "")); err != nil {
		return err
	}
	return noSuchKey(c.key)
}

// getObject serves GetObject and HeadObject.
func (s *Service) getObject(ctx context.Context, c *call) error {
	number, err := c.wantedPart()
	if err != nil {
		return err
	}
	leave := s.shelf.enter()
	defer leave()
	o, err := c.existing(ctx)
	if err != nil {
		return err
	}
	h := c.w.Header()
	if err := readConditions(c.r.Header, "").hold(o, c.now); err != nil {
		if err != errNotModified {
			return err
		}
		h.Set("Etag", etagQuoted(o.etag))
		h.Set("Last-Modified", o.modified.Format(http.TimeFormat))
		if o.meta.CacheControl != "" {
			h.Set("Cache-Control", o.meta.CacheControl)
		}
		c.event.Status = http.StatusNotModified
		return c.writeEmpty(http.StatusNotModified)
	}
	span, err := c.span(o, number)
	if err != nil {
		return err
	}
	o.meta.write(h)
	if err := c.override(h); err != nil {
		return err
	}
	contain(h)
	h.Set("Etag", etagQuoted(o.etag))
	h.Set("Last-Modified", o.modified.Format(http.TimeFormat))
	h.Set("Accept-Ranges", "bytes")
	h.Set("Content-Length", strconv.FormatInt(span.length, 10))
	if n := len(o.tags); n > 0 {
		h.Set("X-Amz-Tagging-Count", strconv.Itoa(n))
	}
	if span.parts > 0 {
		h.Set("X-Amz-Mp-Parts-Count", strconv.Itoa(span.parts))
	}
	if strings.EqualFold(c.r.Header.Get("X-Amz-Checksum-Mode"), "ENABLED") {
		span.sum.write(h)
	}
	status := http.StatusOK
	if span.partial {
		status = http.StatusPartialContent
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", span.start, span.start+span.length-1, o.size))
	}
	c.event.Status = status
	return c.send(status, o, span)
}

// contain keeps an object that a browser opens as a page from being one of the
// endpoint's: it gets an origin of its own. S3 sends no such header, and no
// client but a browser's window looks at it. Chromium shows no PDF in a sandbox,
// and nothing in one runs.
//
// https://www.w3.org/TR/CSP3/#directive-sandbox
func contain(h http.Header) {
	if h.Get("Content-Type") != "application/pdf" {
		h.Set("Content-Security-Policy", "sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts")
	}
}

// send writes the head and, but for HEAD, the bytes.
func (c *call) send(status int, o *object, span span) error {
	if c.r.Method == http.MethodHead {
		c.begun = true
		c.w.WriteHeader(status)
		return nil
	}
	from := c.s.shelf.reader(o.segments, span.start, span.length)
	defer from.Close()
	// The first bytes are read before the head is written: an object that cannot
	// be read is a 500.
	buffer := make([]byte, 128<<10)
	n, err := io.ReadFull(from, buffer)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF || int64(n) < min(span.length, int64(len(buffer))) {
		return fmt.Errorf("reading object %q of bucket %s: %w", o.key, o.bucket, err)
	}
	c.begun = true
	c.w.WriteHeader(status)
	control := http.NewResponseController(c.w)
	for left := span.length; ; {
		_ = control.SetWriteDeadline(time.Now().Add(pace))
		if _, err := c.w.Write(buffer[:n]); err != nil {
			return err
		}
		if left -= int64(n); left == 0 {
			return nil
		}
		if n, err = from.Read(buffer); err != nil {
			return fmt.Errorf("reading object %q of bucket %s: %w", o.key, o.bucket, err)
		}
	}
}

// span is what of an object goes out.
type span struct {
	start, length int64
	partial       bool
	// parts is set for a request by part number: how many there are.
	parts int
	// sum is the checksum of just these bytes, if there is one.
	sum checksum
}

// wantedPart reads partNumber: 0 if there is none.
func (c *call) wantedPart() (int, error) {
	if !c.query.has("partNumber") {
		return 0, nil
	}
	if c.r.Header.Get("Range") != "" {
		return 0, refuse(codeInvalidRequest, "Cannot specify both Range header and partNumber query parameter")
	}
	return c.partNumber()
}

// span reads Range, unless a part is asked for.
func (c *call) span(o *object, number int) (span, error) {
	whole := span{length: o.size, sum: o.sum}
	ranged := c.r.Header.Get("Range")
	if number > 0 {
		return partSpan(o, number)
	}
	if ranged == "" {
		return whole, nil
	}
	if match := c.r.Header.Get("If-Range"); match != "" && !ifRange(match, o) {
		return whole, nil
	}
	start, length, ok, err := parseRange(ranged, o.size)
	switch {
	case err != nil:
		e := refuse(codeInvalidRange, "The requested range is not satisfiable", "RangeRequested", ranged, "ActualObjectSize", strconv.FormatInt(o.size, 10)).because(err)
		e.header = http.Header{"Content-Range": {"bytes */" + strconv.FormatInt(o.size, 10)}}
		return span{}, e
	case !ok:
		return whole, nil
	}
	return span{start: start, length: length, partial: true}, nil
}

// ifRange says whether a range is of the object that the client has a part of
// (RFC 9110, section 13.1.5).
func ifRange(match string, o *object) bool {
	if t, err := http.ParseTime(match); err == nil {
		return t.Equal(o.modified)
	}
	return match == etagQuoted(o.etag)
}

// partSpan gives the bytes of one part.
func partSpan(o *object, n int) (span, error) {
	if o.parts == 0 {
		if n != 1 {
			return span{}, partNotThere(n, 1)
		}
		return span{length: o.size, sum: o.sum, partial: o.size > 0}, nil
	}
	if n > len(o.segments) {
		return span{}, partNotThere(n, len(o.segments))
	}
	p := span{length: o.segments[n-1].size, partial: true, parts: o.parts}
	for _, s := range o.segments[:n-1] {
		p.start += s.size
	}
	if o.sum.Type == composite {
		p.sum = checksum{o.sum.Algorithm, composite, o.segments[n-1].sum.Value}
	}
	return p, nil
}

func partNotThere(n, parts int) error {
	return refuse(codeInvalidPartNumber, "The requested partnumber is not satisfiable", "PartNumberRequested", strconv.Itoa(n), "ActualPartCount", strconv.Itoa(parts))
}

// parseRange reads a Range header (RFC 9110, section 14.1.2). One that cannot be
// read, or that asks for several ranges, is passed over, as S3 does; one that is
// behind the object's end is an error.
func parseRange(s string, size int64) (start, length int64, ok bool, err error) {
	spec, found := strings.CutPrefix(s, "bytes=")
	first, last, dash := strings.Cut(spec, "-")
	if !found || !dash || strings.Contains(spec, ",") {
		return 0, 0, false, nil
	}
	number := func(s string) (int64, bool) {
		if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' }) {
			return 0, false
		}
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			n = 1<<63 - 1 // out of range: larger than any object
		}
		return n, true
	}
	unsatisfiable := fmt.Errorf("range %.100q of %d bytes", s, size)
	if first == "" {
		n, valid := number(last)
		switch {
		case !valid:
			return 0, 0, false, nil
		case n == 0 || size == 0:
			return 0, 0, false, unsatisfiable
		}
		n = min(n, size)
		return size - n, n, true, nil
	}
	start, valid := number(first)
	end := size - 1
	if valid && last != "" {
		if end, valid = number(last); valid && end < start {
			valid = false
		}
	}
	switch {
	case !valid:
		return 0, 0, false, nil
	case start >= size:
		return 0, 0, false, unsatisfiable
	}
	return start, min(end, size-1) - start + 1, true, nil
}

// objectAttributes are what GetObjectAttributes can be asked for.
var objectAttributes = [...]string{"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"}

// getObjectAttributes takes s3:GetObject beside its own action
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html).
func (s *Service) getObjectAttributes(ctx context.Context, c *call) error {
	if err := c.allow("s3:GetObject", c.resource()); err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, list := range c.r.Header.Values("X-Amz-Object-Attributes") {
		for name := range strings.SplitSeq(list, ",") {
			if name = strings.TrimSpace(name); name == "" {
				continue
			}
			if !slices.Contains(objectAttributes[:], name) {
				return invalidArgument("Invalid attribute name specified.", "x-amz-object-attributes", name)
			}
			wanted[name] = true
		}
	}
	if len(wanted) == 0 {
		return refuse(codeInvalidRequest, "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty")
	}
	maxParts, err := headerNumber(c.r.Header, "X-Amz-Max-Parts", 1000)
	if err != nil {
		return err
	}
	marker, err := headerNumber(c.r.Header, "X-Amz-Part-Number-Marker", 0)
	if err != nil {
		return err
	}
	o, err := c.existing(ctx)
	if err != nil {
		return err
	}
	d := newDocument("GetObjectAttributesResponse")
	if wanted["ETag"] {
		d.text("ETag", o.etag)
	}
	if wanted["Checksum"] && o.sum.Value != "" {
		d.begin("Checksum")
		d.text("Checksum"+o.sum.Algorithm, o.sum.Value)
		d.text("ChecksumType", o.sum.Type)
		d.end()
	}
	if wanted["ObjectParts"] && o.parts > 0 {
		d.objectParts(o, marker, min(maxParts, 1000))
	}
	if wanted["StorageClass"] {
		d.text("StorageClass", o.meta.class())
	}
	if wanted["ObjectSize"] {
		d.number("ObjectSize", o.size)
	}
	c.w.Header().Set("Last-Modified", o.modified.Format(http.TimeFormat))
	return c.writeXML(http.StatusOK, d)
}

// objectParts writes the parts of an object. Those whose parts have checksums of
// their own are listed one by one, of others there is the count.
func (d *document) objectParts(o *object, marker, limit int) {
	d.begin("ObjectParts")
	d.number("TotalPartsCount", int64(o.parts))
	if o.sum.Type == composite {
		from := min(marker, len(o.segments))
		to := min(from+limit, len(o.segments))
		d.number("PartNumberMarker", int64(marker))
		d.number("NextPartNumberMarker", int64(to))
		d.number("MaxParts", int64(limit))
		d.truth("IsTruncated", to < len(o.segments))
		for i, seg := range o.segments[from:to] {
			d.begin("Part")
			d.number("PartNumber", int64(from+i+1))
			d.number("Size", seg.size)
			d.text("Checksum"+seg.sum.Algorithm, seg.sum.Value)
			d.end()
		}
	}
	d.end()
}

func headerNumber(h http.Header, name string, absent int) (int, error) {
	value := h.Get(name)
	if value == "" {
		return absent, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return 0, invalidArgument("Provided "+strings.ToLower(name)+" not an integer or within integer range", strings.ToLower(name), value)
	}
	return n, nil
}

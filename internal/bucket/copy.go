package bucket

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// source is what X-Amz-Copy-Source names.
type source struct{ bucket, key string }

// readSource reads it: [/]BUCKET/KEY, percent-encoded.
func readSource(h http.Header) (source, error) {
	raw := h.Get(headerCopySource)
	text, version, versioned := strings.Cut(raw, "?versionId=")
	text, err := unescape(text)
	if err != nil || !utf8.ValidString(text) {
		return source{}, invalidArgument("Invalid copy source encoding", headerCopySourceLower, raw)
	}
	bucket, key, ok := strings.Cut(strings.TrimPrefix(text, "/"), "/")
	if !ok || bucket == "" {
		return source{}, invalidArgument("Copy Source must mention the source bucket and key: sourcebucket/sourcekey", headerCopySourceLower, raw)
	}
	if key == "" || len(key) > maxKey {
		return source{}, invalidArgument("Invalid copy source object key", headerCopySourceLower, raw)
	}
	if versioned && version != "null" {
		return source{}, invalidArgument("Invalid version id specified", "versionId", version)
	}
	return source{bucket, key}, nil
}

const headerCopySourceLower = "x-amz-copy-source"

// open gives the object to copy, for a caller who may read it. The caller has
// entered the shelf.
func (c *call) open(ctx context.Context, from source) (*object, error) {
	if c.s.bucket(from.bucket) == nil {
		return nil, noSuchBucket(from.bucket)
	}
	if owner := c.r.Header.Get("X-Amz-Source-Expected-Bucket-Owner"); owner != "" && owner != c.s.cfg.AccountID {
		return nil, accessDenied("x-amz-source-expected-bucket-owner is another account")
	}
	// What is asked is about the source: its tags, not the new object's.
	of := *c
	of.address.bucket, of.key = from.bucket, from.key
	if err := of.allow("s3:GetObject", c.arn(from.bucket, from.key)); err != nil {
		return nil, err
	}
	o, err := of.existing(ctx)
	if err != nil {
		return nil, err
	}
	if err := readConditions(c.r.Header, copySourcePrefix).hold(o, c.now); err != nil {
		return nil, err
	}
	return o, nil
}

// directive reads a header that says COPY, the default, or REPLACE.
func (c *call) directive(name string) (replace bool, err error) {
	switch value := c.r.Header.Get(name); value {
	case "", "COPY":
		return false, nil
	case "REPLACE":
		return true, nil
	default:
		return false, invalidArgument("Unknown "+strings.TrimSuffix(strings.TrimPrefix(strings.ToLower(name), "x-amz-"), "-directive")+" directive.", strings.ToLower(name), value)
	}
}

// copied gives what the new object is described by: the source's words or the
// request's, never a mixture.
func (c *call) copied(o *object, from source) (metadata, []tag, error) {
	meta, err := readMetadata(c.r.Header)
	if err != nil {
		return metadata{}, nil, err
	}
	replaceMeta, err := c.directive("X-Amz-Metadata-Directive")
	if err != nil {
		return metadata{}, nil, err
	}
	replaceTags, err := c.directive("X-Amz-Tagging-Directive")
	if err != nil {
		return metadata{}, nil, err
	}
	if !replaceMeta {
		class, encryption, redirect := meta.StorageClass, meta.Encryption, meta.Redirect
		if from == (source{c.address.bucket, c.key}) && !replaceTags && class == o.meta.StorageClass && encryption == o.meta.Encryption && redirect == o.meta.Redirect {
			return metadata{}, nil, refuse(codeInvalidRequest, "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.")
		}
		meta = o.meta
		meta.StorageClass, meta.Encryption, meta.Redirect = class, encryption, redirect // these are never copied
	}
	tags := o.tags
	if replaceTags {
		if tags, err = parseTags(c.r.Header.Get("X-Amz-Tagging")); err != nil {
			return metadata{}, nil, err
		}
	} else if len(tags) > 0 {
		of := *c
		of.address.bucket, of.key = from.bucket, from.key
		if err := of.allow("s3:GetObjectTagging", c.arn(from.bucket, from.key)); err != nil {
			return metadata{}, nil, err
		}
	}
	if len(tags) > 0 {
		c.tags = tags
		if err := c.allow("s3:PutObjectTagging", c.resource()); err != nil {
			return metadata{}, nil, err
		}
	}
	return meta, tags, nil
}

func (s *Service) copyObject(ctx context.Context, c *call) error {
	from, err := readSource(c.r.Header)
	if err != nil {
		return err
	}
	algorithm := strings.ToUpper(c.r.Header.Get("X-Amz-Checksum-Algorithm"))
	if algorithm != "" {
		if _, err := uploadChecksum(http.Header{"X-Amz-Checksum-Algorithm": {algorithm}}); err != nil {
			return err
		}
	}
	if err := c.checkWriteConditions(); err != nil {
		return err
	}
	leave := s.shelf.enter()
	defer leave()
	old, err := c.open(ctx, from)
	if err != nil {
		return err
	}
	if old.size > maxPut {
		return refuse(codeInvalidRequest, "The specified copy source is larger than the maximum allowable size for a copy source: "+strconv.Itoa(maxPut))
	}
	meta, tags, err := c.copied(old, from)
	if err != nil {
		return err
	}
	if algorithm == "" {
		if algorithm = old.sum.Algorithm; algorithm == "" {
			algorithm = crc64nvmeSum
		}
	}
	w, err := s.duplicate(ctx, old, 0, old.size, algorithm)
	if err != nil {
		return err
	}
	o := c.made(w, meta, tags)
	if err := s.commit(ctx, c, o, nil); err != nil {
		return err
	}
	d := newDocument("CopyObjectResult")
	d.text("ETag", etagQuoted(o.etag))
	d.time("LastModified", o.modified)
	d.text("ChecksumType", o.sum.Type)
	d.text("Checksum"+o.sum.Algorithm, o.sum.Value)
	return c.writeXML(http.StatusOK, d)
}

// duplicate copies bytes of an object into a file of their own.
func (s *Service) duplicate(ctx context.Context, o *object, start, length int64, algorithm string) (written, error) {
	from := s.shelf.reader(o.segments, start, length)
	defer from.Close()
	return s.keep(ctx, from, algorithm)
}

func (s *Service) uploadPartCopy(ctx context.Context, c *call) error {
	n, err := c.partNumber()
	if err != nil {
		return err
	}
	from, err := readSource(c.r.Header)
	if err != nil {
		return err
	}
	u, err := c.upload(ctx)
	if err != nil {
		return err
	}
	leave := s.shelf.enter()
	defer leave()
	old, err := c.open(ctx, from)
	if err != nil {
		return err
	}
	start, length, err := copyRange(c.r.Header.Get("X-Amz-Copy-Source-Range"), old.size)
	if err != nil {
		return err
	}
	algorithm := u.sum.Algorithm
	if algorithm == "" {
		algorithm = crc64nvmeSum
	}
	w, err := s.duplicate(ctx, old, start, length, algorithm)
	if err != nil {
		return err
	}
	if err := s.addPart(ctx, c, n, w); err != nil {
		return err
	}
	d := newDocument("CopyPartResult")
	d.text("ETag", etagQuoted(w.etag()))
	d.time("LastModified", s.now())
	if u.sum.Algorithm != "" {
		d.text("Checksum"+w.sum.Algorithm, w.sum.Value)
	}
	return c.writeXML(http.StatusOK, d)
}

// copyRange reads the range of a part that is copied: bytes=FIRST-LAST, both
// there, within the source.
func copyRange(s string, size int64) (start, length int64, err error) {
	if s == "" {
		if size > maxPut {
			return 0, 0, tooLarge(size, maxPut)
		}
		return 0, size, nil
	}
	invalid := invalidArgument("The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy", "x-amz-copy-source-range", s)
	spec, ok := strings.CutPrefix(s, "bytes=")
	first, last, dash := strings.Cut(spec, "-")
	from, err1 := strconv.ParseUint(first, 10, 62)
	to, err2 := strconv.ParseUint(last, 10, 62)
	if !ok || !dash || err1 != nil || err2 != nil || from > to {
		return 0, 0, invalid
	}
	if int64(to) >= size {
		return 0, 0, invalidArgument("Range specified is not valid for source object of size: "+strconv.FormatInt(size, 10), "x-amz-copy-source-range", s)
	}
	if length = int64(to-from) + 1; length > maxPut {
		return 0, 0, tooLarge(length, maxPut)
	}
	return int64(from), length, nil
}

package bucket

import (
	"context"
	"crypto/md5"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"io"
	"net/http"
	"strings"
	"time"
)

// maxPut is the most bytes of one request
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
const maxPut = 5 << 30

// written is what became of bytes that were kept.
type written struct {
	segment
	md5 []byte
}

// etag gives the ETag of bytes that came in one request.
func (w written) etag() string { return hex.EncodeToString(w.md5) }

// keep writes what from gives to a file, with its MD5 and checksum. algorithm
// "" keeps no checksum.
func (s *Service) keep(ctx context.Context, from io.Reader, algorithm string) (written, error) {
	sum := md5.New()
	hashes := []io.Writer{sum}
	var own hash.Hash
	if algorithm != "" {
		own = newHash(algorithm)
		hashes = append(hashes, own)
	}
	blob, size, err := s.shelf.write(ctx, io.TeeReader(from, io.MultiWriter(hashes...)))
	if err != nil {
		return written{}, err
	}
	w := written{segment: segment{blob: blob, size: size}, md5: sum.Sum(nil)}
	if own != nil {
		w.sum = checksum{algorithm, fullObject, encodeSum(own)}
	}
	return w, nil
}

// receive keeps the request's body and holds it against all that the client
// says of it. After an error nothing is left.
func (s *Service) receive(ctx context.Context, c *call, fallback string) (w written, err error) {
	wantMD5, err := contentMD5(c.r.Header)
	if err != nil {
		return written{}, err
	}
	want, err := expectedChecksum(c.r.Header)
	if err != nil {
		return written{}, err
	}
	if c.body.length < 0 {
		return written{}, refuse(codeMissingContentLength, "You must provide the Content-Length HTTP header.")
	}
	if c.body.length > maxPut {
		return written{}, tooLarge(c.body.length, maxPut)
	}
	algorithm := want.algorithm
	if algorithm == "" {
		algorithm = fallback
	}
	w, err = s.keep(ctx, &c.body, algorithm)
	if err != nil {
		return written{}, err
	}
	defer func() {
		if err != nil {
			s.shelf.drop(w.blob)
			w = written{}
		}
	}()
	if w.size != c.body.length {
		return w, refuse(codeIncompleteBody, "You did not provide the number of bytes specified by the Content-Length HTTP header")
	}
	if got := base64.StdEncoding.EncodeToString(w.md5); wantMD5 != "" && got != wantMD5 {
		return w, refuse(codeBadDigest, "The Content-MD5 you specified did not match what we received.", "ExpectedDigest", wantMD5, "CalculatedDigest", got)
	}
	if want.trailer {
		if want.value = c.body.trailer(checksumHeader(want.algorithm)); !isSum(want.algorithm, want.value) {
			return w, refuse(codeInvalidRequest, "Value for x-amz-checksum-"+strings.ToLower(want.algorithm)+" trailing header is invalid.")
		}
	}
	if want.algorithm != "" && want.value != w.sum.Value {
		return w, refuse(codeBadDigest, "The "+want.algorithm+" you specified did not match the calculated checksum.")
	}
	return w, nil
}

func (s *Service) putObject(ctx context.Context, c *call) error {
	meta, tags, err := c.describe()
	if err != nil {
		return err
	}
	if err := c.checkWriteConditions(); err != nil {
		return err
	}
	w, err := s.receive(ctx, c, crc64nvmeSum)
	if err != nil {
		return err
	}
	o := c.made(w, meta, tags)
	if err := s.commit(ctx, c, o, nil); err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Etag", etagQuoted(o.etag))
	o.sum.write(h)
	if meta.Encryption != "" {
		h.Set("X-Amz-Server-Side-Encryption", meta.Encryption)
	}
	return c.writeEmpty(http.StatusOK)
}

// made is the object that the call makes of bytes that were written.
func (c *call) made(w written, meta metadata, tags []tag) *object {
	return &object{
		bucket: c.address.bucket, key: c.key, size: w.size, etag: w.etag(), modified: c.s.now(),
		sum: w.sum, meta: meta, tags: tags, segments: []segment{w.segment},
	}
}

// now is the time to which objects are dated: S3 counts in seconds.
func (s *Service) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Second) }

// write sets a checksum's headers.
func (sum checksum) write(h http.Header) {
	if sum.Value != "" {
		h.Set(checksumHeader(sum.Algorithm), sum.Value)
		h.Set("X-Amz-Checksum-Type", sum.Type)
	}
}

// describe reads what a request says of the object that it makes. Tags take a
// permission of their own.
func (c *call) describe() (metadata, []tag, error) {
	meta, err := readMetadata(c.r.Header)
	if err != nil {
		return metadata{}, nil, err
	}
	header := c.r.Header.Get("X-Amz-Tagging")
	if header == "" {
		return meta, nil, nil
	}
	tags, err := parseTags(header)
	if err != nil {
		return metadata{}, nil, err
	}
	if err := c.allow("s3:PutObjectTagging", c.resource()); err != nil {
		return metadata{}, nil, err
	}
	return meta, tags, nil
}

// commit makes an object what its key holds, if the conditions of the request
// hold at that moment, and runs also in the same transaction. The bytes that
// are then nothing any more are deleted: the old object's, or after an error
// the new one's.
func (s *Service) commit(ctx context.Context, c *call, o *object, also func(tx *sql.Tx) ([]string, error)) error {
	var gone []string
	err := s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		gone = nil
		if also != nil {
			extra, err := also(tx)
			if err != nil {
				return err
			}
			gone = append(gone, extra...)
		}
		if err := c.holdWriteConditions(ctx, tx, o.bucket, o.key); err != nil {
			return err
		}
		old, err := replace(ctx, tx, o)
		gone = append(gone, old...)
		return err
	})
	if err != nil {
		if also == nil { // else the bytes are still an upload's
			for _, seg := range o.segments {
				s.shelf.drop(seg.blob)
			}
		}
		return err
	}
	s.shelf.drop(gone...)
	return nil
}

package bucket

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
)

// maxListed is the most entries of a list.
const maxListed = 1000

// listing is what a list asks for, and what it found.
type listing struct {
	bucket, prefix, delimiter string
	// after is what the list begins behind: a key, or a common prefix.
	after string
	limit int
	url   bool // encoding-type=url

	entries   []entry
	truncated bool
}

// entry is an object, or a prefix that keys have in common up to the delimiter.
type entry struct {
	object *object
	prefix string
}

// last gives what the next page begins behind.
func (l *listing) last() string {
	if len(l.entries) == 0 {
		return l.after
	}
	e := l.entries[len(l.entries)-1]
	if e.object != nil {
		return e.object.key
	}
	return e.prefix
}

// readListing reads the parameters that both versions have.
func (c *call) readListing() (*listing, error) {
	limit, err := c.query.number("max-keys", 0, 1<<31-1, maxListed)
	if err != nil {
		return nil, err
	}
	l := &listing{bucket: c.address.bucket, prefix: c.query.get("prefix"), delimiter: c.query.get("delimiter"), limit: min(limit, maxListed)}
	if l.url, err = c.urlEncoded(); err != nil {
		return nil, err
	}
	return l, nil
}

func (c *call) urlEncoded() (bool, error) {
	switch e := c.query.get("encoding-type"); e {
	case "":
		return false, nil
	case "url":
		return true, nil
	default:
		return false, invalidArgument("Invalid Encoding Method specified in Request", "encoding-type", e)
	}
}

// scan runs a list: from index entry to index entry, past all keys of a common
// prefix at once. A page costs what it shows, however many keys there are.
func (s *Service) scan(ctx context.Context, l *listing) error {
	if l.limit == 0 {
		return nil
	}
	return s.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		l.entries, l.truncated = nil, false
		from := max(l.prefix, l.after)
		if l.after != "" && l.after >= l.prefix {
			from = l.after + "\x00" // the least key behind it
			if l.delimiter != "" && l.isCommon(l.after) {
				from = successor(l.after)
			}
		}
		for from != "" || l.prefix == "" && l.after == "" {
			next, err := s.scanFrom(ctx, tx, l, from)
			if err != nil || next == "" {
				return err
			}
			from = next
		}
		return nil
	})
}

// isCommon says whether a text is a common prefix of the list.
func (l *listing) isCommon(s string) bool {
	rest, ok := strings.CutPrefix(s, l.prefix)
	return ok && strings.Index(rest, l.delimiter) == len(rest)-len(l.delimiter) && len(rest) >= len(l.delimiter)
}

// scanFrom adds entries from a key on, up to a common prefix, behind which it
// tells where to go on; "" says that the list has ended.
func (s *Service) scanFrom(ctx context.Context, tx *sql.Tx, l *listing, from string) (next string, err error) {
	statement := `SELECT ` + objectColumns + ` FROM bucket_object WHERE bucket = ? AND key >= ?`
	args := []any{l.bucket, []byte(from)}
	if end := successor(l.prefix); end != "" {
		statement += ` AND key < ?`
		args = append(args, []byte(end))
	}
	rows, err := tx.QueryContext(ctx, statement+` ORDER BY key LIMIT ?`, append(args, l.limit-len(l.entries)+1)...)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	for rows.Next() {
		o, err := scanObject(rows.Scan)
		if err != nil {
			return "", err
		}
		if len(l.entries) == l.limit {
			l.truncated = true
			return "", nil
		}
		if l.delimiter != "" {
			if i := strings.Index(o.key[len(l.prefix):], l.delimiter); i >= 0 {
				common := o.key[:len(l.prefix)+i+len(l.delimiter)]
				l.entries = append(l.entries, entry{prefix: common})
				return successor(common), nil
			}
		}
		l.entries = append(l.entries, entry{object: o})
	}
	return "", rows.Err()
}

// successor gives the least text that is behind every text with a prefix, or ""
// if there is none.
func successor(prefix string) string {
	b := []byte(prefix)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] < 0xff {
			b[i]++
			return string(b[:i+1])
		}
	}
	return ""
}

// encode gives a key as the list has it.
func (l *listing) encode(s string) string {
	if l.url {
		return encodeURL(s)
	}
	return s
}

// encodeURL encodes a key as encoding-type=url asks: as forms are, with the slash
// kept.
func encodeURL(s string) string {
	const upperHex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-_.*/", c) >= 0:
			b.WriteByte(c)
		case c == ' ':
			b.WriteByte('+')
		default:
			b.Write([]byte{'%', upperHex[c>>4], upperHex[c&0xf]})
		}
	}
	return b.String()
}

// write writes the entries: objects, then common prefixes.
func (l *listing) write(d *document, owner string) {
	for _, e := range l.entries {
		o := e.object
		if o == nil {
			continue
		}
		d.begin("Contents")
		d.text("Key", l.encode(o.key))
		d.time("LastModified", o.modified)
		d.text("ETag", etagQuoted(o.etag))
		if o.sum.Value != "" {
			d.text("ChecksumAlgorithm", o.sum.Algorithm)
			d.text("ChecksumType", o.sum.Type)
		}
		d.number("Size", o.size)
		if owner != "" {
			d.begin("Owner")
			d.text("ID", owner)
			d.end()
		}
		d.text("StorageClass", o.meta.class())
		d.end()
	}
	for _, e := range l.entries {
		if e.object == nil {
			d.begin("CommonPrefixes")
			d.text("Prefix", l.encode(e.prefix))
			d.end()
		}
	}
}

// listObjects is version 1 (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html).
func (s *Service) listObjects(ctx context.Context, c *call) error {
	l, err := c.readListing()
	if err != nil {
		return err
	}
	l.after = c.query.get("marker")
	if err := s.scan(ctx, l); err != nil {
		return err
	}
	d := newDocument("ListBucketResult")
	d.text("Name", l.bucket)
	d.text("Prefix", l.encode(l.prefix))
	d.text("Marker", l.encode(l.after))
	if l.truncated && l.delimiter != "" {
		d.text("NextMarker", l.encode(l.last())) // without a delimiter it is the last key
	}
	d.number("MaxKeys", int64(l.limit))
	if l.delimiter != "" {
		d.text("Delimiter", l.encode(l.delimiter))
	}
	if l.url {
		d.text("EncodingType", "url")
	}
	d.truth("IsTruncated", l.truncated)
	l.write(d, s.ownerID())
	return c.writeXML(http.StatusOK, d)
}

// listObjectsV2 is https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html.
func (s *Service) listObjectsV2(ctx context.Context, c *call) error {
	l, err := c.readListing()
	if err != nil {
		return err
	}
	startAfter, token := c.query.get("start-after"), c.query.get("continuation-token")
	l.after = startAfter
	if c.query.has("continuation-token") {
		if l.after, err = readToken(token); err != nil {
			return invalidArgument("The continuation token provided is incorrect", "continuation-token", token)
		}
	}
	if err := s.scan(ctx, l); err != nil {
		return err
	}
	d := newDocument("ListBucketResult")
	d.text("Name", l.bucket)
	d.text("Prefix", l.encode(l.prefix))
	if token != "" {
		d.text("ContinuationToken", token)
	}
	if l.truncated {
		d.text("NextContinuationToken", makeToken(l.last()))
	}
	if startAfter != "" {
		d.text("StartAfter", l.encode(startAfter))
	}
	d.number("KeyCount", int64(len(l.entries)))
	d.number("MaxKeys", int64(l.limit))
	if l.delimiter != "" {
		d.text("Delimiter", l.encode(l.delimiter))
	}
	if l.url {
		d.text("EncodingType", "url")
	}
	d.truth("IsTruncated", l.truncated)
	owner := ""
	if strings.EqualFold(c.query.get("fetch-owner"), "true") {
		owner = s.ownerID()
	}
	l.write(d, owner)
	return c.writeXML(http.StatusOK, d)
}

// tokenVersion begins a continuation token. What follows is the key that the
// page ended with: it says nothing that the page did not.
const tokenVersion = "1"

func makeToken(after string) string {
	return base64.URLEncoding.EncodeToString([]byte(tokenVersion + after))
}

func readToken(s string) (string, error) {
	b, err := base64.URLEncoding.DecodeString(s)
	if err != nil {
		return "", err
	}
	after, ok := strings.CutPrefix(string(b), tokenVersion)
	if !ok || len(after) > maxKey {
		return "", errors.New("not a continuation token of ours")
	}
	return after, nil
}

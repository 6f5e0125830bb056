package bucket

import (
	"context"
	"database/sql"
	"net/http"
	"strconv"
	"strings"
)

// listParts is https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html.
func (s *Service) listParts(ctx context.Context, c *call) error {
	limit, err := c.query.number("max-parts", 0, 1<<31-1, maxListed)
	if err != nil {
		return err
	}
	limit = min(limit, maxListed)
	marker, err := c.query.number("part-number-marker", 0, 1<<31-1, 0)
	if err != nil {
		return err
	}
	url, err := c.urlEncoded()
	if err != nil {
		return err
	}
	var u *upload
	var parts []part
	err = s.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		if u, err = c.findUpload(ctx, tx); err != nil {
			return err
		}
		parts, err = uploadParts(ctx, tx, u.id, marker, limit+1)
		return err
	})
	if err != nil {
		return err
	}
	more := len(parts) > limit
	parts = parts[:min(len(parts), limit)]
	l := &listing{url: url}
	d := newDocument("ListPartsResult")
	d.text("Bucket", u.bucket)
	d.text("Key", l.encode(u.key))
	d.text("UploadId", u.id)
	s.writeInitiator(d, u)
	d.text("StorageClass", u.meta.class())
	d.number("PartNumberMarker", int64(marker))
	next := 0
	if len(parts) > 0 {
		next = parts[len(parts)-1].n
	}
	d.number("NextPartNumberMarker", int64(next))
	d.number("MaxParts", int64(limit))
	if url {
		d.text("EncodingType", "url")
	}
	d.truth("IsTruncated", more)
	d.optional("ChecksumAlgorithm", u.sum.Algorithm)
	d.optional("ChecksumType", u.sum.Type)
	for _, p := range parts {
		d.begin("Part")
		d.text("PartNumber", strconv.Itoa(p.n))
		d.time("LastModified", p.modified)
		d.text("ETag", etagQuoted(p.etag))
		d.number("Size", p.size)
		if u.sum.Algorithm != "" {
			d.text("Checksum"+p.sum.Algorithm, p.sum.Value)
		}
		d.end()
	}
	return c.writeXML(http.StatusOK, d)
}

func (s *Service) writeInitiator(d *document, u *upload) {
	d.begin("Initiator")
	d.text("ID", u.initiator)
	d.end()
	d.begin("Owner")
	d.text("ID", s.ownerID())
	d.end()
}

// uploadsListing is a list of uploads under way: by key, and for a key by time,
// which ids break ties of.
type uploadsListing struct {
	listing
	keyMarker, idMarker string
	uploads             []*upload
	prefixes            []string
	nextKey, nextID     string
}

// listMultipartUploads is https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html.
func (s *Service) listMultipartUploads(ctx context.Context, c *call) error {
	limit, err := c.query.number("max-uploads", 0, 1<<31-1, maxListed)
	if err != nil {
		return err
	}
	l := &uploadsListing{
		listing:   listing{bucket: c.address.bucket, prefix: c.query.get("prefix"), delimiter: c.query.get("delimiter"), limit: min(limit, maxListed)},
		keyMarker: c.query.get("key-marker"),
	}
	if l.url, err = c.urlEncoded(); err != nil {
		return err
	}
	if l.keyMarker != "" {
		l.idMarker = c.query.get("upload-id-marker")
	}
	if err := s.scanUploads(ctx, l); err != nil {
		return err
	}
	d := newDocument("ListMultipartUploadsResult")
	d.text("Bucket", l.bucket)
	d.text("KeyMarker", l.encode(l.keyMarker))
	d.text("UploadIdMarker", l.idMarker)
	if l.truncated {
		d.text("NextKeyMarker", l.encode(l.nextKey))
		d.text("NextUploadIdMarker", l.nextID)
	}
	d.text("Prefix", l.encode(l.prefix))
	if l.delimiter != "" {
		d.text("Delimiter", l.encode(l.delimiter))
	}
	d.number("MaxUploads", int64(l.limit))
	if l.url {
		d.text("EncodingType", "url")
	}
	d.truth("IsTruncated", l.truncated)
	for _, u := range l.uploads {
		d.begin("Upload")
		d.text("Key", l.encode(u.key))
		d.text("UploadId", u.id)
		s.writeInitiator(d, u)
		d.text("StorageClass", u.meta.class())
		d.time("Initiated", u.initiated)
		d.optional("ChecksumAlgorithm", u.sum.Algorithm)
		d.optional("ChecksumType", u.sum.Type)
		d.end()
	}
	for _, p := range l.prefixes {
		d.begin("CommonPrefixes")
		d.text("Prefix", l.encode(p))
		d.end()
	}
	return c.writeXML(http.StatusOK, d)
}

// scanUploads runs a list of uploads. The order of one key's is that of ids.
func (s *Service) scanUploads(ctx context.Context, l *uploadsListing) error {
	return s.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		l.uploads, l.prefixes, l.truncated = nil, nil, false
		statement := `SELECT ` + uploadColumns + ` FROM bucket_upload WHERE bucket = ? AND key >= ? AND (key > ? OR key = ? AND id > ?)`
		marker := []byte(l.keyMarker)
		id := l.idMarker
		if id == "" && l.keyMarker != "" {
			id = "\x7f" // behind all of that key
		}
		rows, err := tx.QueryContext(ctx, statement+` ORDER BY key, id`, l.bucket, []byte(l.prefix), marker, marker, id)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			u, err := scanUpload(rows.Scan)
			if err != nil {
				return err
			}
			rest, ok := strings.CutPrefix(u.key, l.prefix)
			if !ok {
				return nil // they are in order: no more of them begins so
			}
			common := ""
			if i := strings.Index(rest, l.delimiter); l.delimiter != "" && i >= 0 {
				common = u.key[:len(l.prefix)+i+len(l.delimiter)]
				if common == l.keyMarker || len(l.prefixes) > 0 && l.prefixes[len(l.prefixes)-1] == common {
					continue
				}
			}
			if len(l.uploads)+len(l.prefixes) >= l.limit {
				l.truncated = l.limit > 0
				return nil
			}
			if common != "" {
				l.prefixes = append(l.prefixes, common)
				l.nextKey, l.nextID = common, ""
				continue
			}
			l.uploads = append(l.uploads, u)
			l.nextKey, l.nextID = u.key, u.id
		}
		return rows.Err()
	})
}

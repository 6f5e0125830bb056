package bucket

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// object is an object's row.
type object struct {
	id       int64
	bucket   string
	key      string
	size     int64
	etag     string // without quotes
	modified time.Time
	// parts is how many it was uploaded in; 0 for one that was put whole.
	parts int
	sum   checksum
	meta  metadata
	tags  []tag
	// upload is the id of the upload in parts that it was.
	upload string
	// segments are where its bytes are; listings do not read them.
	segments []segment
}

// segment is a part of an object's bytes: one file.
type segment struct {
	blob string
	size int64
	sum  checksum
}

// metadata is what comes with an object and goes out with it.
type metadata struct {
	ContentType        string            `json:"type,omitempty"`
	CacheControl       string            `json:"cacheControl,omitempty"`
	ContentDisposition string            `json:"disposition,omitempty"`
	ContentEncoding    string            `json:"encoding,omitempty"`
	ContentLanguage    string            `json:"language,omitempty"`
	Expires            string            `json:"expires,omitempty"`
	StorageClass       string            `json:"class,omitempty"` // "" is STANDARD
	Encryption         string            `json:"encryption,omitempty"`
	Redirect           string            `json:"redirect,omitempty"`
	User               map[string]string `json:"user,omitempty"` // by name in lower case, without x-amz-meta-
}

// class gives the storage class's name.
func (m metadata) class() string {
	if m.StorageClass == "" {
		return "STANDARD"
	}
	return m.StorageClass
}

// tag is one of an object's.
type tag struct {
	Key   string `json:"k" xml:"Key"`
	Value string `json:"v" xml:"Value"`
}

const objectColumns = `id, bucket, key, size, etag, modified, parts, sum, meta, tags, upload`

// scanObject reads a row of objectColumns.
func scanObject(scan func(...any) error) (*object, error) {
	var o object
	var key []byte
	var modified int64
	var sum, meta, tags string
	if err := scan(&o.id, &o.bucket, &key, &o.size, &o.etag, &modified, &o.parts, &sum, &meta, &tags, &o.upload); err != nil {
		return nil, err
	}
	o.key, o.modified = string(key), time.Unix(modified, 0).UTC()
	if err := errors.Join(json.Unmarshal([]byte(sum), &o.sum), json.Unmarshal([]byte(meta), &o.meta), json.Unmarshal([]byte(tags), &o.tags)); err != nil {
		return nil, fmt.Errorf("reading the row of object %d: %w", o.id, err)
	}
	return &o, nil
}

// findObject gives an object, or nil.
func findObject(ctx context.Context, tx *sql.Tx, bucket, key string) (*object, error) {
	row := tx.QueryRowContext(ctx, `SELECT `+objectColumns+` FROM bucket_object WHERE bucket = ? AND key = ?`, bucket, []byte(key))
	o, err := scanObject(row.Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return o, err
}

// readSegments reads where an object's bytes are.
func readSegments(ctx context.Context, tx *sql.Tx, o *object) error {
	rows, err := tx.QueryContext(ctx, `SELECT blob, size, sum FROM bucket_segment WHERE object = ? ORDER BY n`, o.id)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var s segment
		var sum string
		if err := rows.Scan(&s.blob, &s.size, &sum); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(sum), &s.sum); err != nil {
			return fmt.Errorf("reading a segment of object %d: %w", o.id, err)
		}
		o.segments = append(o.segments, s)
	}
	return rows.Err()
}

// look gives an object with its segments, or nil. Who reads the bytes has
// entered the shelf before.
func (s *Service) look(ctx context.Context, bucket, key string) (o *object, err error) {
	err = s.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		if o, err = findObject(ctx, tx, bucket, key); err != nil || o == nil {
			return err
		}
		return readSegments(ctx, tx, o)
	})
	if err != nil {
		return nil, fmt.Errorf("reading object %q of bucket %s: %w", key, bucket, err)
	}
	return o, nil
}

// replace writes an object's row in the place of the one that has its key. It
// gives the files that are nothing any more.
func replace(ctx context.Context, tx *sql.Tx, o *object) (gone []string, err error) {
	if gone, err = removeObject(ctx, tx, o.bucket, o.key); err != nil {
		return nil, err
	}
	result, err := tx.ExecContext(ctx, `INSERT INTO bucket_object (bucket, key, size, etag, modified, parts, sum, meta, tags, upload) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		o.bucket, []byte(o.key), o.size, o.etag, o.modified.Unix(), o.parts, text(o.sum), text(o.meta), tagText(o.tags), o.upload)
	if err != nil {
		return nil, err
	}
	id, err := result.LastInsertId()
	if err != nil {
		return nil, err
	}
	for i, s := range o.segments {
		if _, err := tx.ExecContext(ctx, `INSERT INTO bucket_segment (object, n, blob, size, sum) VALUES (?, ?, ?, ?, ?)`, id, i, s.blob, s.size, text(s.sum)); err != nil {
			return nil, err
		}
	}
	return gone, nil
}

// removeObject deletes an object's row, if there is one, and gives its files.
func removeObject(ctx context.Context, tx *sql.Tx, bucket, key string) (gone []string, err error) {
	gone, err = column(ctx, tx, `SELECT s.blob FROM bucket_segment s JOIN bucket_object o ON o.id = s.object WHERE o.bucket = ? AND o.key = ?`, bucket, []byte(key))
	if err != nil {
		return nil, err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM bucket_object WHERE bucket = ? AND key = ?`, bucket, []byte(key))
	return gone, err
}

// column gives the texts of a query with one column.
func column(ctx context.Context, tx *sql.Tx, query string, args ...any) (all []string, err error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// text gives a value of our own as JSON, which never fails.
func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func tagText(tags []tag) string {
	if tags == nil {
		tags = []tag{}
	}
	return text(tags)
}

package bucket

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// listBuckets is https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html.
func (s *Service) listBuckets(_ context.Context, c *call) error {
	limit, err := c.query.number("max-buckets", 1, 10000, 10000)
	if err != nil {
		return err
	}
	prefix, after := c.query.get("prefix"), ""
	if c.query.has("continuation-token") {
		if after, err = readToken(c.query.get("continuation-token")); err != nil {
			return invalidArgument("The continuation token provided is incorrect", "continuation-token", c.query.get("continuation-token"))
		}
	}
	d := newDocument("ListAllMyBucketsResult")
	d.begin("Owner")
	d.text("ID", s.ownerID())
	d.end()
	d.begin("Buckets")
	all := *s.buckets.Load()
	n, last, more := 0, "", false
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if name <= after || !strings.HasPrefix(name, prefix) {
			continue
		}
		if n == limit {
			more = true
			break
		}
		d.begin("Bucket")
		d.text("Name", name)
		d.time("CreationDate", all[name].made)
		if c.query.has("max-buckets") {
			d.text("BucketRegion", s.cfg.Region)
		}
		d.end()
		n, last = n+1, name
	}
	d.end()
	if more {
		d.text("ContinuationToken", makeToken(last))
	}
	d.optional("Prefix", prefix)
	return c.writeXML(http.StatusOK, d)
}

func (s *Service) headBucket(_ context.Context, c *call) error {
	h := c.w.Header()
	h.Set("X-Amz-Bucket-Region", s.cfg.Region)
	h.Set("X-Amz-Access-Point-Alias", "false")
	h.Set("Content-Type", "application/xml")
	c.begun = true
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// getBucketLocation says nothing for us-east-1: "Buckets in Region us-east-1
// have a LocationConstraint of null".
func (s *Service) getBucketLocation(_ context.Context, c *call) error {
	d := newDocument("LocationConstraint")
	if s.cfg.Region != "us-east-1" {
		escapeXML(&d.b, s.cfg.Region)
	}
	return c.writeXML(http.StatusOK, d)
}

func (s *Service) getBucketVersioning(_ context.Context, c *call) error {
	return c.writeXML(http.StatusOK, newDocument("VersioningConfiguration"))
}

// ownBuckets refuses to make and delete buckets, unless the room is told to and
// the root asks.
func (c *call) ownBuckets(action string) error {
	if err := c.allow(action, c.resource()); err != nil {
		return err
	}
	if !c.s.cfg.BucketsByRequest || !c.caller.Root {
		return refuse(codeAccessDenied, "Buckets are made and deleted in doorwright.yaml, below buckets:, and not by requests.")
	}
	return nil
}

func (s *Service) createBucket(ctx context.Context, c *call) error {
	if err := c.ownBuckets("s3:CreateBucket"); err != nil {
		return err
	}
	name := c.address.bucket
	if !ValidName(name) {
		return refuse(codeInvalidBucketName, "The specified bucket is not valid.", "BucketName", name)
	}
	s.making.Lock()
	defer s.making.Unlock()
	if s.bucket(name) != nil {
		return refuse(codeBucketExists, "Your previous request to create the named bucket succeeded and you already own it.", "BucketName", name)
	}
	b := &bucket{name: name, made: s.now()}
	err := s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO bucket_made (name, made) VALUES (?, ?) ON CONFLICT DO UPDATE SET made = excluded.made`, name, b.made.Unix())
		return err
	})
	if err != nil {
		return err
	}
	s.change(func(all map[string]*bucket) { all[name] = b })
	c.w.Header().Set("Location", "/"+name)
	return c.writeEmpty(http.StatusOK)
}

// change replaces the directory of buckets. The caller holds making.
func (s *Service) change(f func(map[string]*bucket)) {
	all := maps.Clone(*s.buckets.Load())
	f(all)
	s.buckets.Store(&all)
}

var errDeclared = errors.New("the bucket is declared")

func (s *Service) deleteBucket(ctx context.Context, c *call) error {
	if err := c.ownBuckets("s3:DeleteBucket"); err != nil {
		return err
	}
	if c.of.declared {
		return refuse(codeAccessDenied, "Buckets are made and deleted in doorwright.yaml, below buckets:, and not by requests.").because(errDeclared)
	}
	s.making.Lock()
	defer s.making.Unlock()
	name := c.address.bucket
	var gone []string
	err := s.cfg.DB.Write(ctx, func(tx *sql.Tx) (err error) {
		var full bool
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM bucket_object WHERE bucket = ?)`, name).Scan(&full); err != nil {
			return err
		}
		if full {
			return refuse(codeBucketNotEmpty, "The bucket you tried to delete is not empty", "BucketName", name)
		}
		if gone, err = column(ctx, tx, `SELECT p.blob FROM bucket_part p JOIN bucket_upload u ON u.id = p.upload WHERE u.bucket = ?`, name); err != nil {
			return err
		}
		for _, statement := range []string{`DELETE FROM bucket_upload WHERE bucket = ?`, `DELETE FROM bucket_made WHERE name = ?`} {
			if _, err := tx.ExecContext(ctx, statement, name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.shelf.drop(gone...)
	s.change(func(all map[string]*bucket) { delete(all, name) })
	return c.writeEmpty(http.StatusNoContent)
}

package bucket

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
)

// deleteObject gives 204 whether or not there was an object.
func (s *Service) deleteObject(ctx context.Context, c *call) error {
	var gone []string
	err := s.cfg.DB.Write(ctx, func(tx *sql.Tx) (err error) {
		if err := c.holdWriteConditions(ctx, tx, c.address.bucket, c.key); err != nil {
			return err
		}
		gone, err = removeObject(ctx, tx, c.address.bucket, c.key)
		return err
	})
	if err != nil {
		return err
	}
	s.shelf.drop(gone...)
	return c.writeEmpty(http.StatusNoContent)
}

// deletion is the document of DeleteObjects.
type deletion struct {
	Quiet   bool `xml:"Quiet"`
	Objects []struct {
		Key       *string `xml:"Key"`
		VersionID string  `xml:"VersionId"`
		ETag      string  `xml:"ETag"`
	} `xml:"Object"`
}

// maxDeleted is how many objects one request may name.
const maxDeleted = 1000

// deleteObjects decides for each object by itself.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
func (s *Service) deleteObjects(ctx context.Context, c *call) error {
	if c.caller.anonymous() {
		return accessDenied("the request is not signed")
	}
	if err := c.needsDigest(); err != nil {
		return err
	}
	var in deletion
	if err := c.readXML("Delete", &in); err != nil {
		return err
	}
	if len(in.Objects) == 0 || len(in.Objects) > maxDeleted {
		return malformedXML(errors.New("no objects, or too many"))
	}
	d := newDocument("DeleteResult")
	for _, o := range in.Objects {
		if o.Key == nil || *o.Key == "" {
			return malformedXML(errors.New("an object without a key"))
		}
	}
	for _, o := range in.Objects {
		err := s.deleteOne(ctx, c, *o.Key, o.VersionID, o.ETag)
		if err == nil && in.Quiet {
			continue
		}
		if err == nil {
			d.begin("Deleted")
			d.text("Key", *o.Key)
			d.optional("VersionId", o.VersionID)
			d.end()
			continue
		}
		e := onWire(err)
		d.begin("Error")
		d.text("Key", *o.Key)
		d.optional("VersionId", o.VersionID)
		d.text("Code", e.Code)
		d.text("Message", e.Message)
		d.end()
	}
	return c.writeXML(http.StatusOK, d)
}

func (s *Service) deleteOne(ctx context.Context, c *call, key, version, etag string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if version != "" && version != "null" {
		return refuse(codeNoSuchVersion, "The specified version does not exist.")
	}
	// The condition keys are of the object that is deleted.
	of := *c
	of.key = key
	if err := of.allow("s3:DeleteObject", c.arn(c.address.bucket, key)); err != nil {
		return err
	}
	var gone []string
	err := s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		if etag != "" {
			o, err := findObject(ctx, tx, c.address.bucket, key)
			if err != nil {
				return err
			}
			if o == nil || unquoteETag(etag) != "*" && unquoteETag(etag) != o.etag {
				return preconditionFailed("If-Match")
			}
		}
		var err error
		gone, err = removeObject(ctx, tx, c.address.bucket, key)
		return err
	})
	if err != nil {
		return err
	}
	s.shelf.drop(gone...)
	return nil
}

// needsDigest: "The Content-MD5 request header is required for all Multi-Object
// Delete requests", or a checksum in its place.
func (c *call) needsDigest() error {
	want, err := expectedChecksum(c.r.Header)
	if err != nil {
		return err
	}
	if want.algorithm == "" && c.r.Header.Get("Content-Md5") == "" {
		return refuse(codeInvalidRequest, "Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
	}
	return nil
}

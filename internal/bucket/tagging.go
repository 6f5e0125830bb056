package bucket

import (
	"context"
	"database/sql"
	"net/http"
	"strings"
	"unicode"
)

// isTagText says whether a text holds what tags may: "letters, spaces, and
// numbers representable in UTF-8, and the characters + - = . _ : / @".
func isTagText(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsSpace(r) && !strings.ContainsRune("+-=._:/@", r)
	})
}

func (s *Service) getObjectTagging(ctx context.Context, c *call) error {
	o, err := c.existing(ctx)
	if err != nil {
		return err
	}
	d := newDocument("Tagging")
	d.begin("TagSet")
	for _, t := range o.tags {
		d.begin("Tag")
		d.text("Key", t.Key)
		d.text("Value", t.Value)
		d.end()
	}
	return c.writeXML(http.StatusOK, d)
}

// tagging is the document of PutObjectTagging.
type tagging struct {
	TagSet *struct {
		Tags []struct {
			Key   *string `xml:"Key"`
			Value *string `xml:"Value"`
		} `xml:"Tag"`
	} `xml:"TagSet"`
}

// tags gives a document's tags, if they may be an object's.
func (in *tagging) tags() (tags []tag, err error) {
	if in.TagSet == nil {
		return nil, malformedXML(nil)
	}
	for _, t := range in.TagSet.Tags {
		if t.Key == nil || t.Value == nil {
			return nil, malformedXML(nil)
		}
		tags = append(tags, tag{*t.Key, *t.Value})
	}
	return tags, checkTags(tags)
}

func (s *Service) putObjectTagging(ctx context.Context, c *call) error {
	var in tagging
	err := c.readXML("Tagging", &in)
	var tags []tag
	if err == nil {
		tags, err = in.tags()
	}
	c.tags = tags // which conditions are about
	if err := c.allow("s3:PutObjectTagging", c.resource()); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	if err := s.setTags(ctx, c, tags); err != nil {
		return err
	}
	return c.writeEmpty(http.StatusOK)
}

func (s *Service) deleteObjectTagging(ctx context.Context, c *call) error {
	if err := s.setTags(ctx, c, nil); err != nil {
		return err
	}
	return c.writeEmpty(http.StatusNoContent)
}

func (s *Service) setTags(ctx context.Context, c *call, tags []tag) error {
	n := int64(0)
	err := s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `UPDATE bucket_object SET tags = ? WHERE bucket = ? AND key = ?`, tagText(tags), c.address.bucket, []byte(c.key))
		if err != nil {
			return err
		}
		n, err = result.RowsAffected()
		return err
	})
	if err != nil {
		return err
	}
	if n == 0 {
		return c.missing()
	}
	return nil
}

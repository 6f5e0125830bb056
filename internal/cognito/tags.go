package cognito

import (
	"context"
	"database/sql"
	"maps"
	"strings"
	"unicode/utf8"

	"github.com/doorwright/doorwright/internal/aws"
)

// Limits of tags
// (https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_TagResource.html):
// "You can assign up to 50 tags to a user pool", and the shapes of keys and values.
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

func checkTags(tags map[string]string) *aws.Error {
	for key, value := range tags {
		switch {
		case key == "" || utf8.RuneCountInString(key) > maxTagKey:
			return invalid("1 validation error detected: Value at 'tags' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to %d, Member must have length greater than or equal to 1]", maxTagKey)
		case utf8.RuneCountInString(value) > maxTagValue:
			return invalid("1 validation error detected: Value at 'tags' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to %d, Member must have length greater than or equal to 0]", maxTagValue)
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return invalid("Tag keys that begin with aws: are reserved.")
		}
	}
	if len(tags) > maxTags {
		return invalid("A user pool can have %d tags.", maxTags)
	}
	return nil
}

// poolOfARN gives the id in the ARN of a pool of this account and region, or
// the refusal.
func (s *Service) poolOfARN(c *call, text string) (string, error) {
	arn, err := aws.ParseARN(text)
	id, ok := strings.CutPrefix(arn.Resource, "userpool/")
	if err != nil || !ok || s.poolARN(id) != text {
		return "", refuse(codeResourceNotFound, "Resource "+text+" does not exist.", "not a user pool of this account and region")
	}
	p, err := s.pool(c, id, "")
	if err != nil {
		return "", err
	}
	return p.id, nil
}

// tagResource adds tags to a pool, also to a declared one, or changes them.
func (s *Service) tagResource(ctx context.Context, c *call, in *tagResourceInput) (*empty, error) {
	id, err := s.poolOfARN(c, in.ResourceARN)
	if err != nil {
		return nil, err
	}
	return s.changeTags(ctx, c, id, func(tags map[string]string) { maps.Copy(tags, in.Tags) })
}

func (s *Service) untagResource(ctx context.Context, c *call, in *untagResourceInput) (*empty, error) {
	id, err := s.poolOfARN(c, in.ResourceARN)
	if err != nil {
		return nil, err
	}
	return s.changeTags(ctx, c, id, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
}

func (s *Service) changeTags(ctx context.Context, c *call, id string, change func(map[string]string)) (*empty, error) {
	_, err := s.amend(ctx, c, id, func(_ *sql.Tx, p *Pool) error {
		tags := map[string]string{}
		maps.Copy(tags, p.added.Tags)
		change(tags)
		if err := checkTags(tags); err != nil {
			return err
		}
		p.added.Tags = tags
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &empty{}, nil
}

func (s *Service) listTagsForResource(_ context.Context, c *call, in *listTagsInput) (*listTagsOutput, error) {
	id, err := s.poolOfARN(c, in.ResourceARN)
	if err != nil {
		return nil, err
	}
	p, err := s.pool(c, id, "")
	if err != nil {
		return nil, err
	}
	out := &listTagsOutput{Tags: map[string]string{}}
	maps.Copy(out.Tags, p.added.Tags)
	return out, nil
}

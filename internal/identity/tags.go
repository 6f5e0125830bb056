package identity

import (
	"context"
	"maps"
	"strings"
)

// maxTags is how many tags a pool can have
// (https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/API_TagResource.html).
const maxTags = 50

// checkTags refuses what the shapes of keys and values let pass.
func checkTags(tags map[string]string) error {
	for key := range tags {
		if strings.HasPrefix(strings.ToLower(key), "aws:") {
			return invalid("Tag keys that begin with aws: are reserved.")
		}
	}
	if len(tags) > maxTags {
		return invalid("An identity pool can have %d tags.", maxTags)
	}
	return nil
}

// poolOfARN gives the id in the ARN of a pool of this account and region, or the
// refusal.
func (s *Service) poolOfARN(c *call, arn string) (string, error) {
	id, ok := strings.CutPrefix(arn, s.poolARN(""))
	if !ok {
		return "", refuse(codeResourceNotFound, "Resource "+arn+" does not exist.", "not an identity pool of this account and region")
	}
	_, err := s.pool(c, id)
	return id, err
}

// tagResource adds tags to a pool, also to a declared one, or changes them.
func (s *Service) tagResource(ctx context.Context, c *call, in *tagResourceInput) (*empty, error) {
	return s.changeTags(ctx, c, in.ResourceARN, func(tags map[string]string) { maps.Copy(tags, in.Tags) })
}

func (s *Service) untagResource(ctx context.Context, c *call, in *untagResourceInput) (*empty, error) {
	return s.changeTags(ctx, c, in.ResourceARN, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
}

func (s *Service) changeTags(ctx context.Context, c *call, arn string, change func(map[string]string)) (*empty, error) {
	id, err := s.poolOfARN(c, arn)
	if err != nil {
		return nil, err
	}
	_, err = s.amend(ctx, c, id, func(p *pool) error {
		change(p.added.Tags) // amend's copy
		return checkTags(p.added.Tags)
	})
	if err != nil {
		return nil, err
	}
	return &empty{}, nil
}

func (s *Service) listTags(_ context.Context, c *call, in *listTagsInput) (*listTagsOutput, error) {
	id, err := s.poolOfARN(c, in.ResourceARN)
	if err != nil {
		return nil, err
	}
	p, err := s.pool(c, id)
	if err != nil {
		return nil, err
	}
	return &listTagsOutput{cloned(p.added.Tags)}, nil
}

// setTagMap says which claims of a provider's tokens become principal tags
// (https://docs.aws.amazon.com/cognito/latest/developerguide/attributes-for-access-control.html).
func (s *Service) setTagMap(ctx context.Context, c *call, in *tagMapInput) (*tagMapOutput, error) {
	m := tagMap{UseDefaults: in.UseDefaults, Claims: in.PrincipalTags}
	if m.UseDefaults {
		m.Claims = nil
	}
	seen := map[string]bool{}
	for tag := range m.Claims {
		if folded := strings.ToLower(tag); seen[folded] || strings.HasPrefix(folded, "aws:") {
			return nil, invalid("PrincipalTags: %s begins with aws: or differs from another tag by case alone.", tag)
		}
		seen[strings.ToLower(tag)] = true
	}
	name := in.IdentityProviderName
	_, err := s.amend(ctx, c, in.IdentityPoolID, func(p *pool) error {
		provider, err := s.tagProvider(p, name)
		if err != nil {
			return err
		}
		if p.declared != nil && p.declared.PrincipalTags[provider] != nil {
			return p.own()
		}
		p.added.Attributes[provider] = m
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &tagMapOutput{in.IdentityPoolID, name, m.UseDefaults, m.Claims}, nil
}

func (s *Service) getTagMap(_ context.Context, c *call, in *getTagMapInput) (*tagMapOutput, error) {
	p, err := s.pool(c, in.IdentityPoolID)
	if err != nil {
		return nil, err
	}
	provider, err := s.tagProvider(p, in.IdentityProviderName)
	if err != nil {
		return nil, err
	}
	m := p.tagMaps[provider]
	return &tagMapOutput{p.id, in.IdentityProviderName, m.UseDefaults, m.Claims}, nil
}

// tagProvider gives the name of a provider of a pool, which may be named by its
// ARN too.
func (s *Service) tagProvider(p *pool, name string) (string, error) {
	for _, known := range s.providerNames(p) {
		if name == known || name == s.providerARN(known) {
			return known, nil
		}
	}
	return "", refuse(codeResourceNotFound, "Identity provider '"+name+"' not found.", "the pool has no such provider")
}

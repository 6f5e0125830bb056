package cognito

import (
	"context"
	"database/sql"
	"slices"
	"strconv"

	"github.com/doorwright/doorwright/internal/aws"
)

func (p *PoolConfig) validateSchema(bad func(bool, string, ...any)) {
	seen := map[string]bool{}
	custom := 0
	for _, a := range p.Schema {
		bad(seen[a.Name], "Schema: %q is declared twice", a.Name)
		seen[a.Name] = true
		_, standard := standardAttribute(a.Name)
		bad(!standard && !customName().MatchString(a.Name), "Schema: %q is neither a standard attribute nor custom:NAME", a.Name)
		bad(!standard && a.Required, "Schema: %q: custom attributes cannot be required", a.Name)
		bad(a.Type != "" && !slices.Contains(attributeTypes, a.Type), "Schema: %q: type %q is not String, Number, Boolean or DateTime", a.Name, a.Type)
		if err := a.checkBounds(); err != nil {
			bad(true, "Schema: %s", err.Message)
		}
		if !standard {
			custom++
		}
	}
	bad(custom > maxCustom, "Schema: %d custom attributes; the limit is %d", custom, maxCustom)
}

var attributeTypes = []string{typeString, typeNumber, typeDate, typeBoolean}

// checkBounds refuses bounds that no value meets, or that are of another type.
func (a *SchemaAttribute) checkBounds() *aws.Error {
	bounded := a.Min != nil || a.Max != nil
	switch {
	case !bounded:
		return nil
	case a.Type == typeBoolean || a.Type == typeDate:
		return invalid("user.%s: Only String and Number attributes can have constraints.", a.Name)
	case a.Type != typeNumber && (outside(a.Min) || outside(a.Max)):
		return invalid("user.%s: String attributes cannot have a length of more than %d", a.Name, maxAttribute)
	case a.Min != nil && a.Max != nil && *a.Min > *a.Max && a.Type == typeNumber:
		return invalid("user.%s: Max value cannot be less than min value.", a.Name)
	case a.Min != nil && a.Max != nil && *a.Min > *a.Max:
		return invalid("user.%s: Max length cannot be less than min length.", a.Name)
	}
	return nil
}

func outside(length *int64) bool { return length != nil && (*length < 0 || *length > maxAttribute) }

func (p *PoolConfig) hasAttribute(name string) bool {
	if _, standard := standardAttribute(name); standard {
		return true
	}
	return slices.ContainsFunc(p.Schema, func(a SchemaAttribute) bool { return a.Name == name })
}

// settable says whether a client can ever be allowed to write an attribute.
func settable(name string) bool {
	return !slices.Contains([]string{"sub", "email_verified", "phone_number_verified"}, name)
}

// custom gives the custom attribute that a request describes.
func (in *schemaAttributeInput) custom() (SchemaAttribute, *aws.Error) {
	a := SchemaAttribute{Name: customPrefix + in.Name, Type: in.AttributeDataType}
	if in.DeveloperOnlyAttribute {
		a.Name = developerPrefix + in.Name
	}
	switch {
	case in.Name == "":
		return a, nullMember("customAttributes.1.member.name")
	case in.AttributeDataType == "":
		return a, invalid("Invalid AttributeDataType input, consider using the provided AttributeDataType enum.")
	case in.Required:
		return a, invalid("Required custom attributes are not supported currently.")
	}
	a.Immutable = in.Mutable != nil && !*in.Mutable
	return a, in.bounds(&a)
}

// standard gives what a request says of a standard attribute.
func (in *schemaAttributeInput) standard() (SchemaAttribute, *aws.Error) {
	e, _ := standardAttribute(in.Name)
	a := SchemaAttribute{Name: in.Name, Type: e.dataType, Required: in.Required}
	if in.AttributeDataType != "" && in.AttributeDataType != e.dataType || in.DeveloperOnlyAttribute {
		return a, invalid("You can not change AttributeDataType or set developerOnlyAttribute for standard schema attribute %s", in.Name)
	}
	a.Immutable = in.Mutable != nil && !*in.Mutable
	return a, in.bounds(&a)
}

// bounds reads the constraints, which are numbers in texts.
func (in *schemaAttributeInput) bounds(a *SchemaAttribute) *aws.Error {
	least, most, kind := "", "", ""
	switch {
	case in.StringAttributeConstraints != nil && a.Type == typeString:
		least, most, kind = in.StringAttributeConstraints.MinLength, in.StringAttributeConstraints.MaxLength, "StringAttributeConstraints"
	case in.NumberAttributeConstraints != nil && a.Type == typeNumber:
		least, most, kind = in.NumberAttributeConstraints.MinValue, in.NumberAttributeConstraints.MaxValue, "NumberAttributeConstraints"
	}
	for _, bound := range []struct {
		text string
		to   **int64
	}{{least, &a.Min}, {most, &a.Max}} {
		if bound.text == "" {
			continue
		}
		n, err := strconv.ParseInt(bound.text, 10, 64)
		if err != nil {
			return invalid("Invalid %s for schema attribute %s", kind, a.Name)
		}
		*bound.to = &n
	}
	return a.checkBounds()
}

// addCustomAttributes adds attributes to a pool, for good: "You can't remove or
// rename a custom attribute after you add it". Beside what is declared they
// stay until the declaration has them.
func (s *Service) addCustomAttributes(ctx context.Context, c *call, in *addCustomAttributesInput) (*empty, error) {
	if n := len(in.CustomAttributes); n < 1 || n > maxAddedAtOnce {
		return nil, invalid("1 validation error detected: Value at 'customAttributes' failed to satisfy constraint: Member must have length less than or equal to %d and greater than or equal to 1", maxAddedAtOnce)
	}
	_, err := s.amend(ctx, c, in.UserPoolID, func(_ *sql.Tx, p *Pool) error {
		cfg := *p.cfg
		for _, one := range in.CustomAttributes {
			a, refusal := one.custom()
			switch {
			case refusal != nil:
				return refusal
			case cfg.hasAttribute(a.Name):
				return invalid("custom:%s: Existing attribute already has name %s.", one.Name, a.Name)
			}
			cfg.Schema = append(slices.Clip(cfg.Schema), a)
			p.added.Attributes = append(slices.Clip(p.added.Attributes), one)
		}
		count := 0
		for _, a := range cfg.Schema {
			if _, standard := standardAttribute(a.Name); !standard {
				count++
			}
		}
		if count > maxCustom {
			return invalid("A user pool can have %d custom attributes.", maxCustom)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &empty{}, nil
}

// maxAddedAtOnce bounds the list of one request.
const maxAddedAtOnce = 25

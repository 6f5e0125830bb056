package cognito

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

const (
	typeString  = "String"
	typeNumber  = "Number"
	typeBoolean = "Boolean"
	typeDate    = "DateTime"
)

// What custom attributes are called, and those that clients never see or set.
const (
	customPrefix    = "custom:"
	developerPrefix = "dev:custom:"
)

// maxCustom is how many custom attributes a pool can have
// (https://docs.aws.amazon.com/cognito/latest/developerguide/limits.html).
const maxCustom = 50

// maxAttribute is the length of the longest attribute value.
const maxAttribute = 2048

// schemaEntry is what a pool's schema says of an attribute.
type schemaEntry struct {
	name, dataType    string
	required, mutable bool
	// least and most bound a string's length or a number's value.
	least, most *int64
}

// standardSchema lists the standard attributes in the order in which
// DescribeUserPool gives them
// (https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html).
func standardSchema() []schemaEntry {
	text := func(name string) schemaEntry {
		return schemaEntry{name: name, dataType: typeString, mutable: true, least: new(int64(0)), most: new(int64(maxAttribute))}
	}
	sub := schemaEntry{name: "sub", dataType: typeString, required: true, least: new(int64(1)), most: new(int64(maxAttribute))}
	birthdate := schemaEntry{name: "birthdate", dataType: typeString, mutable: true, least: new(int64(10)), most: new(int64(10))}
	flag := func(name string) schemaEntry { return schemaEntry{name: name, dataType: typeBoolean, mutable: true} }
	updated := schemaEntry{name: "updated_at", dataType: typeNumber, mutable: true, least: new(int64(0))}
	return []schemaEntry{
		sub, text("name"), text("given_name"), text("family_name"), text("middle_name"), text("nickname"),
		text("preferred_username"), text("profile"), text("picture"), text("website"), text("email"), flag("email_verified"),
		text("gender"), birthdate, text("zoneinfo"), text("locale"), text("phone_number"), flag("phone_number_verified"),
		text("address"), updated,
	}
}

func standardAttribute(name string) (schemaEntry, bool) {
	for _, e := range standardSchema() {
		if e.name == name {
			return e, true
		}
	}
	return schemaEntry{}, false
}

// schema gives the schema of a pool: the standard attributes as the
// configuration changed them, then the custom ones.
func (c *PoolConfig) schema() []schemaEntry {
	entries := standardSchema()
	for _, a := range c.Schema {
		i := slices.IndexFunc(entries, func(e schemaEntry) bool { return e.name == a.Name })
		if i < 0 {
			e := schemaEntry{name: a.Name, dataType: a.Type, mutable: !a.Immutable, least: a.Min, most: a.Max}
			if e.dataType == "" {
				e.dataType = typeString
			}
			entries = append(entries, e)
			continue
		}
		e := &entries[i]
		e.required, e.mutable = e.required || a.Required, e.mutable && !a.Immutable
		if a.Min != nil {
			e.least = a.Min
		}
		if a.Max != nil {
			e.most = a.Max
		}
	}
	return entries
}

func (p *Pool) schemaOf(name string) (schemaEntry, bool) {
	for _, e := range p.schema {
		if e.name == name {
			return e, true
		}
	}
	return schemaEntry{}, false
}

var (
	emailForm  = regexp.MustCompile(`^[^\s@]+@[^\s@]+\.[^\s@.]+$`)
	phoneForm  = regexp.MustCompile(`^\+[1-9][0-9]{1,14}$`) // E.164
	numberForm = regexp.MustCompile(`^-?[0-9]{1,18}$`)
)

// checkAttributes validates values that a request sets against the schema and
// gives them by name. Removals, which are empty values, stay in the map.
func (p *Pool) checkAttributes(list []attribute) (map[string]string, error) {
	values := map[string]string{}
	for _, a := range list {
		e, ok := p.schemaOf(a.Name)
		if !ok {
			return nil, invalid("Attributes did not conform to the schema: Type for attribute {%s} could not be determined", a.Name)
		}
		if a.Name == "sub" {
			return nil, immutable(a.Name)
		}
		if _, twice := values[a.Name]; twice {
			return nil, invalid("Attributes did not conform to the schema: %s: The attribute occurs more than once\n", a.Name)
		}
		if err := e.check(a.Value); err != nil {
			return nil, err
		}
		values[a.Name] = a.Value
	}
	return values, nil
}

func immutable(name string) error {
	return invalid("Invalid user attributes: user.%s: Attribute cannot be updated.\n", name)
}

// check validates a value; "" means removal and is always well-formed.
func (e schemaEntry) check(value string) error {
	wrong := func(what string) error {
		return invalid("Attributes did not conform to the schema: %s: %s\n", e.name, what)
	}
	switch {
	case value == "":
		return nil
	case e.name == "email" && !emailForm.MatchString(value):
		return invalid("Invalid email address format.")
	case e.name == "phone_number" && !phoneForm.MatchString(value):
		return invalid("Invalid phone number format.")
	}
	size := int64(len(utf16.Encode([]rune(value))))
	switch e.dataType {
	case typeBoolean:
		if value != "true" && value != "false" {
			return wrong("The value is not a boolean")
		}
		return nil
	case typeDate:
		if _, err := time.Parse(time.RFC3339, value); err != nil {
			return wrong("The value is not a date and time")
		}
		return nil
	case typeNumber:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || !numberForm.MatchString(value) {
			return wrong("The value is not a number")
		}
		size = n
	}
	switch {
	case e.least != nil && size < *e.least:
		return wrong("The value is below the minimum of " + strconv.FormatInt(*e.least, 10))
	case e.most != nil && size > *e.most:
		return wrong("The value is above the maximum of " + strconv.FormatInt(*e.most, 10))
	}
	return nil
}

// checkRequired names the first required attribute that is missing.
func (p *Pool) checkRequired(attributes map[string]string) error {
	for _, e := range p.schema {
		if e.required && e.name != "sub" && attributes[e.name] == "" {
			return invalid("Attributes did not conform to the schema: %s: The attribute is required\n", e.name)
		}
	}
	return nil
}

// writable says whether the client may set an attribute. Whether an address
// is verified is never the client's to say.
func (c *Client) writable(name string) bool {
	if name == "email_verified" || name == "phone_number_verified" || strings.HasPrefix(name, developerPrefix) {
		return false
	}
	return c.cfg.WriteAttributes == nil || slices.Contains(c.cfg.WriteAttributes, name)
}

// readable says whether the client may see an attribute. Attributes for
// developers only are never the client's to see.
func (c *Client) readable(name string) bool {
	if strings.HasPrefix(name, developerPrefix) {
		return false
	}
	return name == "sub" || c.cfg.ReadAttributes == nil || slices.Contains(c.cfg.ReadAttributes, name)
}

func (c *Client) checkWritable(values map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !c.writable(name) {
			return notAuthorized(textUnauthorizedAttr, "the client may not write "+name)
		}
	}
	return nil
}

// namesOf gives what a new user is called: for a pool with UsernameAttributes
// a username of its own, the sub, with the name as the attribute that it is.
// It fills in the attribute.
func (p *Pool) namesOf(name, sub string, attributes map[string]string) (username string, err error) {
	of := p.cfg.UsernameAttributes
	isEmail, isPhone := emailForm.MatchString(name), phoneForm.MatchString(name)
	if len(of) == 0 {
		switch {
		case isEmail && slices.Contains(p.cfg.AliasAttributes, "email"):
			return "", invalid("Username cannot be of email format, since user pool is configured for email alias.")
		case isPhone && slices.Contains(p.cfg.AliasAttributes, "phone_number"):
			return "", invalid("Username cannot be of phone number format, since user pool is configured for phone number alias.")
		}
		return name, nil
	}
	kind := ""
	switch email, phone := slices.Contains(of, "email"), slices.Contains(of, "phone_number"); {
	case email && isEmail:
		kind = "email"
	case phone && isPhone:
		kind = "phone_number"
	case email && phone:
		return "", invalid("Username should be either an email or a phone number.")
	case email:
		return "", invalid("Username should be an email.")
	default:
		return "", invalid("Username should be a phone number.")
	}
	if given := attributes[kind]; given != "" && p.fold(given) != p.fold(name) {
		return "", invalid("Attributes did not conform to the schema: %s: The attribute differs from the username\n", kind)
	}
	if attributes[kind] == "" {
		attributes[kind] = name
	}
	return sub, nil
}

// apply sets values on u and gives the addresses that changed, in the order
// phone, e-mail. An empty value removes. An address that changes is no longer
// verified, unless the same request says so.
func (p *Pool) apply(u *user, values map[string]string) (changed []string, err error) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values[name]
		e, _ := p.schemaOf(name)
		if u.attributes[name] == value {
			continue
		}
		switch {
		case !e.mutable:
			return nil, immutable(name)
		case value == "" && e.required:
			return nil, invalid("Attributes did not conform to the schema: %s: The attribute is required\n", name)
		}
		if value == "" {
			delete(u.attributes, name)
		} else {
			u.attributes[name] = value
		}
		if !slices.Contains(contactable, name) {
			continue
		}
		if value == "" {
			if len(p.cfg.UsernameAttributes) > 0 && !p.hasUsernameAttribute(u) {
				return nil, invalid("Attributes did not conform to the schema: %s: The attribute is required\n", name)
			}
			delete(u.attributes, name+"_verified")
			continue
		}
		changed = append(changed, name)
		if _, said := values[name+"_verified"]; !said {
			u.attributes[name+"_verified"] = "false"
		}
	}
	slices.Reverse(changed)
	return changed, checkVerifiable(u.attributes)
}

// checkVerifiable refuses to call an address verified that there is not.
func checkVerifiable(attributes map[string]string) error {
	switch {
	case attributes["email_verified"] != "" && attributes["email"] == "":
		return invalid("Email is required to verify/un-verify an email")
	case attributes["phone_number_verified"] != "" && attributes["phone_number"] == "":
		return invalid("Phone Number is required to verify/un-verify a phone number")
	}
	return nil
}

func (p *Pool) hasUsernameAttribute(u *user) bool {
	return slices.ContainsFunc(p.cfg.UsernameAttributes, func(name string) bool { return u.attributes[name] != "" })
}

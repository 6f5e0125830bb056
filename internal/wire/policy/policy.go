// Package policy holds the codec of IAM policy documents (IAM user guide,
// "Grammar of the IAM JSON policy language").
//
// It decides nothing: whether an operator, an action or a resource makes sense,
// and what a policy says of a request, is package iam's matter. It is strict in
// what it takes for a document, as whatever is skipped in one might have been a
// Deny: an element that it does not know, or one that is there twice, is an
// error.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// MaxSize is the most bytes of a document that Parse reads. It bounds memory;
// AWS's own limits are lower, and differ with what the policy is attached to.
const MaxSize = 64 << 10

// A Document is a policy document.
type Document struct {
	// Version is empty if the document has none, which AWS reads as
	// "2008-10-17".
	Version    string
	ID         string
	Statements []Statement
}

// A Statement is one statement. A list that is nil is an element that is not
// there: an empty one is there.
type Statement struct {
	SID    string
	Effect string
	// Principal is whom a statement of a resource's policy is for, NotPrincipal
	// whom it is not for.
	Principal, NotPrincipal []Principal
	Action, NotAction       []string
	Resource, NotResource   []string
	Condition               []Condition
}

// A Principal is one of those a statement of a resource's policy is for. The text
// "*" in the place of all of them is read as {"AWS": "*"}, which means the same
// (IAM user guide, reference_policies_elements_principal, "All principals").
type Principal struct {
	// Type is how it is named: "AWS", "Service".
	Type string
	ID   string
}

// A Condition is one key below one operator of a Condition element.
type Condition struct {
	// Operator is as it is written, such as "ForAnyValue:StringLike".
	Operator string
	Key      string
	Values   []string
}

// Parse reads a policy of an identity, which names no principal.
func Parse(text []byte) (Document, error) { return parsed(text, false) }

// ParseResource reads a policy of a resource, or the trust policy of a role, whose
// statements may have a Principal.
func ParseResource(text []byte) (Document, error) { return parsed(text, true) }

func parsed(text []byte, ofResource bool) (Document, error) {
	doc, err := parse(text, ofResource)
	if err != nil {
		return Document{}, fmt.Errorf("parsing the policy document: %w", err)
	}
	return doc, nil
}

func parse(text []byte, ofResource bool) (doc Document, err error) {
	switch {
	case len(text) > MaxSize:
		return doc, fmt.Errorf("it has %d bytes, %d at most", len(text), MaxSize)
	case !utf8.Valid(text):
		return doc, errors.New("it is not UTF-8")
	case !json.Valid(text):
		return doc, errors.New("it is not JSON")
	}
	p := parser{json.NewDecoder(bytes.NewReader(text)), ofResource}
	p.UseNumber()
	statements := false
	err = p.object("the document", func(name string) (err error) {
		switch name {
		case "Version":
			doc.Version, err = p.text(name)
			if err == nil && doc.Version == "" {
				err = errors.New("its Version is empty")
			}
		case "Id":
			doc.ID, err = p.text(name)
		case "Statement":
			statements = true
			doc.Statements, err = p.statements()
		default:
			err = fmt.Errorf("unknown element %.40q", name)
		}
		return err
	})
	if err != nil {
		return Document{}, err
	}
	if !statements {
		return Document{}, errors.New("it has no Statement")
	}
	if _, err := p.Token(); err != io.EOF {
		return Document{}, errors.New("something follows it")
	}
	return doc, nil
}

// A parser reads text that is valid JSON.
type parser struct {
	*json.Decoder
	ofResource bool
}

// object reads an object and calls member for each of its names, which then
// reads the value.
func (p parser) object(what string, member func(name string) error) error {
	t, err := p.Token()
	if err != nil {
		return err
	}
	if t != json.Delim('{') {
		return fmt.Errorf("%s is %s, not an object", what, kind(t))
	}
	return p.members(what, member)
}

// members reads an object that is begun.
func (p parser) members(what string, member func(name string) error) error {
	seen := map[string]bool{}
	for p.More() {
		t, err := p.Token()
		if err != nil {
			return err
		}
		name, _ := t.(string)
		if seen[name] {
			return fmt.Errorf("%s has %.40q twice", what, name)
		}
		seen[name] = true
		if err := member(name); err != nil {
			return err
		}
	}
	_, err := p.Token()
	return err
}

// statements reads one statement or a list of them.
func (p parser) statements() ([]Statement, error) {
	list := []Statement{}
	t, err := p.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('{'):
		s, err := p.statement(0)
		return append(list, s), err
	case json.Delim('['):
	default:
		return nil, fmt.Errorf("its Statement is %s, neither an object nor an array", kind(t))
	}
	for p.More() {
		if t, err = p.Token(); err != nil {
			return nil, err
		}
		if t != json.Delim('{') {
			return nil, fmt.Errorf("statement %d is %s, not an object", len(list)+1, kind(t))
		}
		s, err := p.statement(len(list))
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	_, err = p.Token()
	return list, err
}

// statement reads a statement that is begun.
func (p parser) statement(index int) (s Statement, err error) {
	what := fmt.Sprintf("statement %d", index+1)
	err = p.members(what, func(name string) (err error) {
		switch name {
		case "Sid":
			s.SID, err = p.text(name)
		case "Effect":
			s.Effect, err = p.text(name)
		case "Principal", "NotPrincipal":
			if !p.ofResource {
				return fmt.Errorf("unknown element %.40q: the policy of an identity has none", name)
			}
			to := &s.Principal
			if name == "NotPrincipal" {
				to = &s.NotPrincipal
			}
			*to, err = p.principals(name)
		case "Action":
			s.Action, err = p.texts(name)
		case "NotAction":
			s.NotAction, err = p.texts(name)
		case "Resource":
			s.Resource, err = p.texts(name)
		case "NotResource":
			s.NotResource, err = p.texts(name)
		case "Condition":
			s.Condition, err = p.condition()
		default:
			err = fmt.Errorf("unknown element %.40q", name)
		}
		return err
	})
	if err != nil {
		return Statement{}, fmt.Errorf("statement %d: %w", index+1, err)
	}
	return s, nil
}

// principals reads "*", or principals by type.
func (p parser) principals(element string) ([]Principal, error) {
	list := []Principal{}
	t, err := p.Token()
	switch {
	case err != nil:
		return nil, err
	case t == "*":
		return append(list, Principal{"AWS", "*"}), nil
	case t != json.Delim('{'):
		return nil, fmt.Errorf(`%s is %s, neither "*" nor an object`, element, kind(t))
	}
	err = p.members(element, func(name string) error {
		ids, err := p.texts(fmt.Sprintf("%s %.40q", element, name))
		for _, id := range ids {
			list = append(list, Principal{name, id})
		}
		return err
	})
	return list, err
}

func (p parser) text(what string) (string, error) {
	t, err := p.Token()
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok {
		return "", fmt.Errorf("%s is %s, not a string", what, kind(t))
	}
	return s, nil
}

// texts reads a string or an array of them.
func (p parser) texts(what string) ([]string, error) {
	return p.list(what, func(t json.Token) (string, error) {
		s, ok := t.(string)
		if !ok {
			return "", fmt.Errorf("%s holds %s, not a string", what, kind(t))
		}
		return s, nil
	})
}

func (p parser) list(what string, value func(json.Token) (string, error)) ([]string, error) {
	t, err := p.Token()
	if err != nil {
		return nil, err
	}
	list := []string{}
	if t != json.Delim('[') {
		s, err := value(t)
		return append(list, s), err
	}
	for p.More() {
		if t, err = p.Token(); err != nil {
			return nil, err
		}
		s, err := value(t)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	_, err = p.Token()
	return list, err
}

func (p parser) condition() (list []Condition, err error) {
	err = p.object("Condition", func(operator string) error {
		keys := 0
		err := p.object(fmt.Sprintf("Condition %.60q", operator), func(key string) error {
			keys++
			values, err := p.list(fmt.Sprintf("condition key %.60q", key), conditionValue)
			list = append(list, Condition{Operator: operator, Key: key, Values: values})
			return err
		})
		if err == nil && keys == 0 {
			err = fmt.Errorf("its Condition %.60q has no key", operator)
		}
		return err
	})
	return list, err
}

// conditionValue reads a value of a condition key, which may be written without
// quotes: "Bool": {"aws:SecureTransport": true}.
func conditionValue(t json.Token) (string, error) {
	switch t := t.(type) {
	case string:
		return t, nil
	case json.Number:
		return t.String(), nil
	case bool:
		if t {
			return "true", nil
		}
		return "false", nil
	}
	return "", fmt.Errorf("a condition's value is %s", kind(t))
}

func kind(t json.Token) string {
	switch t := t.(type) {
	case json.Delim:
		if t == '[' {
			return "an array"
		}
		return "an object"
	case string:
		return "a string"
	case bool:
		return "a boolean"
	case nil:
		return "null"
	}
	return "a number"
}

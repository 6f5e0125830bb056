package cloudformation

import (
	"bytes"
	"encoding/json"
	"strings"
)

// A Value is a text of a template that may be known only when the stack is made. The
// zero Value is none: fields of it carry omitzero.
type Value struct {
	kind kind
	text string  // a literal, a logical id, ID.ATTRIBUTE, or the text of a Sub
	list []Value // of a Join
}

type kind byte

const (
	none kind = iota
	literal
	reference // Ref
	attribute // Fn::GetAtt
	substitute
	join
)

// Text is a text as it stands. A ${ in it is that, also within a Sub.
func Text(s string) Value { return Value{kind: literal, text: s} }

// Ref is what CloudFormation's Ref gives for a logical id, a parameter, or a
// pseudo parameter such as AWS::Partition.
func Ref(id string) Value { return Value{kind: reference, text: id} }

// GetAtt is an attribute of a resource.
func GetAtt(id, attr string) Value { return Value{kind: attribute, text: id + "." + attr} }

// Sub is a text in which ${ID}, ${ID.ATTRIBUTE} and ${AWS::...} are replaced, and
// ${!NAME} becomes ${NAME}. What comes from the declaration does not belong into
// text: join it with [Join], which escapes it.
func Sub(text string) Value { return Value{kind: substitute, text: text} }

// Join gives its parts one after the other: a text if all are, else an Fn::Sub.
func Join(parts ...Value) Value {
	var flat []Value
	texts := true
	add := func(p Value) {
		// What stands side by side is escaped together: "$" may be at the end of one text,
		// and "{" at the beginning of the next.
		if last := len(flat) - 1; p.kind == literal && last >= 0 && flat[last].kind == literal {
			flat[last].text += p.text
			return
		}
		flat = append(flat, p)
	}
	for _, p := range parts {
		switch p.kind {
		case none:
		case join:
			for _, piece := range p.list {
				add(piece)
			}
		default:
			add(p)
		}
	}
	var b strings.Builder
	for _, p := range flat {
		texts = texts && p.kind == literal
		b.WriteString(p.text)
	}
	switch {
	case len(flat) == 1:
		return flat[0]
	case texts:
		return Text(b.String())
	}
	return Value{kind: join, list: flat}
}

// IsZero says whether there is no value.
func (v Value) IsZero() bool { return v.kind == none }

// Literal gives the text of a value that is known now.
func (v Value) Literal() (string, bool) { return v.text, v.kind == literal }

// sub gives the value as a piece of an Fn::Sub.
func (v Value) sub() string {
	switch v.kind {
	case literal:
		return escapeSub(v.text)
	case reference, attribute:
		return "${" + v.text + "}"
	case join:
		var b strings.Builder
		for _, p := range v.list {
			b.WriteString(p.sub())
		}
		return b.String()
	}
	return v.text
}

// escapeSub keeps Fn::Sub from replacing what is in a text: IAM's policy variables,
// such as ${cognito-identity.amazonaws.com:sub}, look the same.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-sub.html
func escapeSub(s string) string { return strings.ReplaceAll(s, "${", "${!") }

// MarshalJSON writes the value in CloudFormation's form.
func (v Value) MarshalJSON() ([]byte, error) {
	switch v.kind {
	case none:
		return []byte("null"), nil
	case literal:
		return plainJSON(v.text)
	case reference:
		return plainJSON(map[string]string{"Ref": v.text})
	case attribute:
		id, attr, _ := strings.Cut(v.text, ".")
		return plainJSON(map[string][]string{"Fn::GetAtt": {id, attr}})
	}
	return plainJSON(map[string]string{"Fn::Sub": v.sub()})
}

// plainJSON is json.Marshal without the escapes that are for HTML.
func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// The pseudo parameters: what depends on the account and on the partition, of which
// there are aws, aws-cn and aws-us-gov.
var (
	partition = Ref("AWS::Partition")
	region    = Ref("AWS::Region")
	account   = Ref("AWS::AccountId")
	urlSuffix = Ref("AWS::URLSuffix")
)

// arnOf gives the ARN of a service's resource in the stack's region and account.
func arnOf(service string, resource ...Value) Value {
	return Join(append([]Value{Text("arn:"), partition, Text(":" + service + ":"), region, Text(":"), account, Text(":")}, resource...)...)
}

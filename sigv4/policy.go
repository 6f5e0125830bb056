package sigv4

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxPolicy bounds a policy in base64. S3's own bound on all fields of a form
// but the file is 20 KB
// (https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html).
const maxPolicy = 20 << 10

// Policy is what the policy of a browser's form allows of the file, which comes
// after the fields.
type Policy struct {
	// Expiration is when the policy ends. It had not ended when it was verified.
	Expiration time.Time
	// MinLength and MaxLength are how long the file may be, both inclusive; 0
	// and math.MaxInt64 without a content-length-range.
	MinLength, MaxLength int64
}

// VerifyPolicy says who signed the policy of a form that a browser sends to S3
// (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html),
// and holds the form against it. fields are the form's fields up to the file,
// with their variables expanded ("all condition matching should be against the
// expanded form fields"), in any case; the caller adds the bucket's name as the
// field "bucket". The length of the file is the caller's to hold against the
// Policy.
//
// The signature is verified before the policy is read. The errors are those of
// Verify.
func (v *Verifier) VerifyPolicy(ctx context.Context, fields map[string][]string) (Identity, Policy, error) {
	c, policy, err := v.verifyPolicy(ctx, fields)
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			e.Form = PolicyForm
		}
		return Identity{}, Policy{}, err
	}
	return c.identity(), policy, nil
}

func (v *Verifier) verifyPolicy(ctx context.Context, fields map[string][]string) (*claim, Policy, error) {
	if v.Service == "" || v.Region == "" || v.Lookup == nil {
		return nil, Policy{}, errors.New("sigv4: a Verifier needs Service, Region and Lookup")
	}
	form, err := readForm(fields)
	if err != nil {
		return nil, Policy{}, err
	}
	c, err := v.policyClaim(form)
	if err != nil {
		return nil, Policy{}, err
	}
	if err := v.unlock(ctx, c); err != nil {
		return nil, Policy{}, err
	}
	if err := c.check(form["policy"], "", c.Signature); err != nil {
		return nil, Policy{}, err
	}
	d, err := parsePolicy(form["policy"])
	if err != nil {
		return nil, Policy{}, err
	}
	if at, _ := v.clock(); d.expiration.Before(at) {
		return nil, Policy{}, &Error{Reason: PolicyExpired, Expires: d.expiration, ServerTime: at, Message: "Invalid according to Policy: Policy expired."}
	}
	if err := d.hold(form); err != nil {
		return nil, Policy{}, err
	}
	return c, Policy{Expiration: d.expiration, MinLength: d.min, MaxLength: d.max}, nil
}

// readForm gives the fields by their names in lower case: "the post parameters
// are case insensitive". A field that is there twice is refused: what it says
// depends on who reads it.
func readForm(fields map[string][]string) (map[string]string, error) {
	form := make(map[string]string, len(fields))
	for name, values := range fields {
		lower := strings.ToLower(name)
		if _, twice := form[lower]; twice || len(values) != 1 {
			return nil, malformed("The form has more than one field '%s'.", name)
		}
		form[lower] = values[0]
	}
	for _, name := range []string{"policy", queryAlgorithm, queryCredential, queryDate, querySignature} {
		if form[strings.ToLower(name)] == "" {
			return nil, malformed("Bucket POST must contain a field named '%s'.  If it is specified, please check the order of the fields.", name)
		}
	}
	if len(form["policy"]) > maxPolicy {
		return nil, &Error{Reason: TooLarge, Message: fmt.Sprintf("The policy is longer than %d bytes.", maxPolicy)}
	}
	return form, nil
}

// policyClaim does the checks that need neither the secret nor the policy. "The
// signing key is valid for up to seven days. Therefore, the signatures are also
// valid for up to seven days"
// (https://docs.aws.amazon.com/AmazonS3/latest/API/bucket-policy-s3-sigv4-conditions.html).
func (v *Verifier) policyClaim(form map[string]string) (*claim, error) {
	signedAt, err := parseDate(form["x-amz-date"], false)
	if err != nil {
		return nil, err
	}
	if err := v.checkLifetime(signedAt, MaxExpires); err != nil {
		return nil, err
	}
	p := &parameters{algorithm: form["x-amz-algorithm"], credential: form["x-amz-credential"], signature: form["x-amz-signature"]}
	auth, err := p.authorization(nil)
	if err != nil {
		return nil, err
	}
	if err := v.checkScope(auth.Scope, signedAt); err != nil {
		return nil, err
	}
	return &claim{Authorization: auth, form: PolicyForm, token: form["x-amz-security-token"], signedAt: signedAt}, nil
}

// document is a policy, read.
type document struct {
	expiration time.Time
	conditions []condition
	min, max   int64
}

// condition is a condition on a field.
type condition struct {
	operator string // eq or starts-with
	field    string // as written: "$key"
	value    string
}

// parsePolicy reads a policy whose signature is good.
func parsePolicy(text string) (*document, error) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, invalidPolicy(err, "Invalid Policy: Invalid Base64.")
	}
	var raw map[string]json.RawMessage // Unlike a struct's, its keys have one spelling.
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, invalidPolicy(err, "Invalid Policy: Invalid JSON.")
	}
	for key := range raw {
		if key != "expiration" && key != "conditions" {
			return nil, invalidPolicy(nil, "Invalid Policy: Unexpected: '%s'.", key)
		}
	}
	d := &document{max: math.MaxInt64}
	var expiration string
	if err := json.Unmarshal(raw["expiration"], &expiration); err != nil {
		return nil, invalidPolicy(err, "Invalid Policy: Policy missing expiration.")
	}
	// time.Parse takes a fraction of a second after any layout.
	if d.expiration, err = time.Parse("2006-01-02T15:04:05Z", expiration); err != nil {
		return nil, invalidPolicy(err, "Invalid Policy: Invalid 'expiration' value: '%s'", expiration)
	}
	var conditions []json.RawMessage
	if err := json.Unmarshal(raw["conditions"], &conditions); err != nil || conditions == nil {
		return nil, invalidPolicy(err, "Invalid Policy: Policy missing conditions.")
	}
	for _, c := range conditions {
		if err := d.add(c); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func invalidPolicy(err error, format string, args ...any) error {
	return &Error{Reason: PolicyMalformed, Message: fmt.Sprintf(format, args...), Err: err}
}

// add reads one condition: {"field": "value"}, ["eq"|"starts-with", "$field",
// "value"], or ["content-length-range", min, max].
func (d *document) add(raw json.RawMessage) error {
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
		return d.addSimple(raw)
	}
	var list []any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&list); err != nil || len(list) != 3 {
		return invalidPolicy(err, "Invalid Policy: Invalid Condition: it must be an object or a list of three.")
	}
	operator, _ := list[0].(string)
	switch operator {
	case "content-length-range":
		low, lowErr := strconv.ParseUint(fmt.Sprint(list[1]), 10, 63)
		high, highErr := strconv.ParseUint(fmt.Sprint(list[2]), 10, 63)
		if lowErr != nil || highErr != nil {
			return denied(operator, fmt.Sprint(list[1]), fmt.Sprint(list[2]))
		}
		d.min, d.max = max(d.min, int64(low)), min(d.max, int64(high))
	case "eq", "starts-with":
		field, ok := list[1].(string)
		value, ok2 := list[2].(string)
		if !ok || !ok2 {
			return invalidPolicy(nil, "Invalid Policy: Invalid Condition: the field and the value must be strings.")
		}
		d.conditions = append(d.conditions, condition{operator, field, value})
	default:
		return invalidPolicy(nil, "Invalid Policy: Invalid Condition: unknown operation '%s'.", operator)
	}
	return nil
}

func (d *document) addSimple(raw json.RawMessage) error {
	var simple map[string]any
	if err := json.Unmarshal(raw, &simple); err != nil || len(simple) != 1 {
		return invalidPolicy(err, "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
	}
	for field, v := range simple {
		value, ok := v.(string)
		if !ok {
			return invalidPolicy(nil, "Invalid Policy: Invalid Simple-Condition: value must be a string.")
		}
		d.conditions = append(d.conditions, condition{"eq", "$" + field, value})
	}
	return nil
}

// hold holds a form against the policy: every condition holds of a field that is
// there, and every field has a condition, "except x-amz-signature, file, policy,
// and field names that have an x-ignore- prefix".
func (d *document) hold(form map[string]string) error {
	covered := map[string]bool{}
	for _, c := range d.conditions {
		name, ok := strings.CutPrefix(c.field, "$")
		name = strings.ToLower(name)
		value, there := form[name]
		if !ok || !there || !c.holds(name, value) {
			return denied(c.operator, c.field, c.value)
		}
		covered[name] = true
	}
	var extra []string
	for name := range form {
		exempt := name == "x-amz-signature" || name == "file" || name == "policy" || strings.HasPrefix(name, "x-ignore-")
		if !exempt && !covered[name] {
			extra = append(extra, name)
		}
	}
	if len(extra) > 0 {
		return &Error{Reason: PolicyDenied, Message: "Invalid according to Policy: Extra input fields: " + slices.Min(extra)}
	}
	return nil
}

// holds says whether a condition holds of a field. A Content-Type with commas is
// a list, "each value in the list must meet the condition".
func (c condition) holds(name, value string) bool {
	if c.operator == "eq" {
		return value == c.value
	}
	values := []string{value}
	if name == "content-type" {
		values = strings.Split(value, ",")
	}
	return !slices.ContainsFunc(values, func(v string) bool { return !strings.HasPrefix(v, c.value) })
}

func denied(operator, field, value string) error {
	return &Error{Reason: PolicyDenied, Message: fmt.Sprintf("Invalid according to Policy: Policy Condition failed: [%q, %q, %q]", operator, field, value)}
}

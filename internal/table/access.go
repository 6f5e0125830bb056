package table

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/internal/wire/awsjson"
)

// An access is one action on one table or index, as IAM sees it. A request may be
// several, all of which must be allowed.
type access struct {
	action       string // without dynamodb:
	table, index string // "" for what is about no table
	// keyed says that the request names items by their partition keys, which leading
	// holds, and attributes what of the items it names.
	keyed               bool
	leading, attributes []string
	// returns is what the request's ReturnValues come to, whether its condition holds
	// or fails.
	returns []string
	// selects and capacity are the request's Select and ReturnConsumedCapacity;
	// enclosing is the operation that the action is a part of.
	selects, capacity, enclosing string
}

// context gives DynamoDB's condition keys.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html#FGAC_DDB.ConditionKeys
func (a *access) context(key string) ([]string, bool) {
	one := func(s string) ([]string, bool) { return []string{s}, s != "" }
	switch key {
	case "dynamodb:leadingkeys":
		return a.leading, a.keyed
	case "dynamodb:attributes":
		return a.attributes, len(a.attributes) > 0
	case "dynamodb:select":
		return one(a.selects)
	case "dynamodb:returnvalues":
		return a.returns, len(a.returns) > 0
	case "dynamodb:returnconsumedcapacity":
		return one(a.capacity)
	case "dynamodb:enclosingoperation":
		return one(a.enclosing)
	}
	return nil, false
}

func (a *access) note(attributes ...string) {
	for _, name := range attributes {
		if !slices.Contains(a.attributes, name) {
			a.attributes = append(a.attributes, name)
		}
	}
}

// schema says what the keys of a table are called. A table that is not there has no
// schema, and nothing in it can be reached.
type schema struct {
	key     Key
	types   map[string]string // of the attributes of keys
	indexes map[string]Key
}

// invalid is DynamoDB's refusal of a request that does not make sense.
func invalid(format string, args ...any) error {
	return awsjson.Refuse(codeValidation, fmt.Sprintf(format, args...), "")
}

// A request is the members of an operation on items, or of one part of a batch or a
// transaction.
type request struct {
	members awsjson.Object
	used    map[string]bool
}

// members of an operation that were not looked at could change what it touches: an
// engine may know what this does not.
func (r *request) unread() error {
	for _, name := range slices.Sorted(maps.Keys(r.members)) {
		if !r.used[name] {
			return invalid("%s is not a member that a local table knows", quote(name))
		}
	}
	return nil
}

func (r *request) value(name string) any {
	if r.used == nil {
		r.used = map[string]bool{}
	}
	r.used[name] = true
	return r.members[name]
}

// ignore notes members that change nothing of what is touched.
func (r *request) ignore(names ...string) {
	for _, name := range names {
		r.value(name)
	}
}

func (r *request) text(name string) (string, error) {
	switch v := r.value(name).(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	}
	return "", wrongType(name)
}

func (r *request) object(name string) (awsjson.Object, error) {
	switch v := r.value(name).(type) {
	case nil:
		return nil, nil
	case map[string]any:
		return v, nil
	}
	return nil, wrongType(name)
}

func (r *request) texts(name string) ([]string, error) {
	list, ok := r.value(name).([]any)
	if !ok && r.members[name] != nil {
		return nil, wrongType(name)
	}
	texts := make([]string, 0, len(list))
	for _, v := range list {
		s, ok := v.(string)
		if !ok {
			return nil, wrongType(name)
		}
		texts = append(texts, s)
	}
	return texts, nil
}

func wrongType(name string) error {
	return awsjson.Refuse(codeSerialization, "Unexpected value type in payload", name+" is of the wrong type")
}

// names gives the request's ExpressionAttributeNames.
func (r *request) names() (map[string]string, error) {
	object, err := r.object("ExpressionAttributeNames")
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for placeholder, v := range object {
		s, ok := v.(string)
		if !ok {
			return nil, wrongType("ExpressionAttributeNames")
		}
		names[placeholder] = s
	}
	return names, nil
}

// expressions notes the attributes that expressions name.
func (a *access) expressions(r *request, members ...string) error {
	names, err := r.names()
	if err != nil {
		return err
	}
	for _, member := range members {
		text, err := r.text(member)
		if err != nil {
			return err
		}
		list, err := tokens(member, text)
		if err != nil {
			return err
		}
		found, err := topLevel(list, names, member)
		if err != nil {
			return err
		}
		a.note(found...)
	}
	return nil
}

// legacy notes the attributes that are the keys of a legacy member
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LegacyConditionalParameters.html).
func (a *access) legacy(r *request, members ...string) error {
	for _, member := range members {
		object, err := r.object(member)
		if err != nil {
			return err
		}
		a.note(slices.Sorted(maps.Keys(object))...)
	}
	r.ignore("ConditionalOperator")
	return nil
}

// projection notes what a read gives back, and says so as Select.
func (a *access) projection(r *request) error {
	before := len(a.attributes)
	if err := a.expressions(r, "ProjectionExpression"); err != nil {
		return err
	}
	list, err := r.texts("AttributesToGet")
	if err != nil {
		return err
	}
	a.note(list...) // names as they are: the legacy member knows no paths
	if a.selects, err = r.text("Select"); err != nil {
		return err
	}
	_, projected := r.members["ProjectionExpression"]
	switch {
	case a.selects != "":
	case projected || len(list) > 0 || len(a.attributes) > before:
		a.selects = "SPECIFIC_ATTRIBUTES"
	case a.index != "":
		a.selects = "ALL_PROJECTED_ATTRIBUTES"
	default:
		a.selects = "ALL_ATTRIBUTES"
	}
	return nil
}

// about reads which table and index a request is about.
func (a *access) about(r *request) (err error) {
	if a.table, err = r.text("TableName"); err != nil {
		return err
	}
	if err := checkName("tableName", a.table); err != nil {
		return err
	}
	if a.capacity, err = r.text("ReturnConsumedCapacity"); err != nil {
		return err
	}
	r.ignore("ReturnItemCollectionMetrics", "ExpressionAttributeValues", "ConsistentRead")
	return a.returned(r)
}

// returned notes which item a write gives back. One that gives back the whole item if
// its condition fails gives it to whoever brings a condition that does.
func (a *access) returned(r *request) error {
	values, err := r.text("ReturnValues")
	if err != nil {
		return err
	}
	failing, err := r.text("ReturnValuesOnConditionCheckFailure")
	if err != nil {
		return err
	}
	if failing != "" && failing != "NONE" {
		a.returns = []string{failing}
	}
	if values != "" && (len(a.returns) == 0 || values == "ALL_NEW") {
		a.returns = append(a.returns, values)
	}
	return nil
}

// checkName takes what DynamoDB takes as the name of a table or an index, and so no
// ARN, no wildcard and nothing that an ARN would be read otherwise by.
func checkName(member, name string) error {
	ok := len(name) >= 3 && len(name) <= 255
	for i := range len(name) {
		ok = ok && (wordByte(name[i]) || name[i] == '-' || name[i] == '.')
	}
	if ok {
		return nil
	}
	if strings.HasPrefix(name, "arn:") {
		return invalid("A local table is named by its name, not by an ARN: %s", quote(name))
	}
	return invalid("1 validation error detected: Value '%.100s' at '%s' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+", name, member)
}

// item notes the item that a key or a whole item names.
func (a *access) item(s *schema, item awsjson.Object) error {
	a.keyed = true
	a.note(slices.Sorted(maps.Keys(item))...)
	if s == nil {
		return nil
	}
	key, err := keyText(item[s.key.Partition], s.types[s.key.Partition])
	if err != nil {
		return err
	}
	if !slices.Contains(a.leading, key) {
		a.leading = append(a.leading, key)
	}
	return nil
}

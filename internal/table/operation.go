package table

import (
	"maps"
	"slices"

	"github.com/doorwright/doorwright/internal/aws"
)

// schemas finds the schema of a table: nil for one that is not there.
type schemas func(table string) (*schema, error)

// An operation says what a request touches.
type operation func(find schemas, r *request) ([]*access, error)

// operations are those that a caller may ask for. What is not here is refused: it is
// not forwarded because an engine might know it.
var operations = map[string]operation{
	"GetItem":    single("GetItem", readItem),
	"PutItem":    single("PutItem", putItem),
	"UpdateItem": single("UpdateItem", updateItem),
	"DeleteItem": single("DeleteItem", deleteItem),
	"Query":      query,
	"Scan":       scan,

	"BatchGetItem":       batchGet,
	"BatchWriteItem":     batchWrite,
	"TransactGetItems":   transaction("TransactGetItems", map[string]part{"Get": {"GetItem", readItem}}),
	"TransactWriteItems": transaction("TransactWriteItems", map[string]part{"Put": {"PutItem", putItem}, "Update": {"UpdateItem", updateItem}, "Delete": {"DeleteItem", deleteItem}, "ConditionCheck": {"ConditionCheckItem", checkItem}}),

	"CreateTable":        whole("CreateTable", "TableName"),
	"DescribeTable":      whole("DescribeTable", "TableName"),
	"UpdateTable":        whole("UpdateTable", "TableName"),
	"DeleteTable":        whole("DeleteTable", "TableName"),
	"DescribeTimeToLive": whole("DescribeTimeToLive", "TableName"),
	"UpdateTimeToLive":   whole("UpdateTimeToLive", "TableName"),
	"ListTables":         listTables,
	"TagResource":        whole("TagResource", "ResourceArn"),
	"UntagResource":      whole("UntagResource", "ResourceArn"),
	"ListTagsOfResource": whole("ListTagsOfResource", "ResourceArn"),
}

// notes say of an operation what a caller would not expect.
var notes = map[string]string{
	"TransactGetItems":   "decided here; dynalite has no transactions and refuses it",
	"TransactWriteItems": "decided here; dynalite has no transactions and refuses it",
	"UpdateTimeToLive":   "dynalite refuses it",
	"UpdateTable":        "not for a declared table",
	"DeleteTable":        "not for a declared table",
}

// refusedOperations are known and not let through.
var refusedOperations = []string{
	"BatchExecuteStatement", "ExecuteStatement", "ExecuteTransaction",
	"CreateBackup", "DeleteBackup", "DescribeBackup", "ListBackups", "RestoreTableFromBackup", "RestoreTableToPointInTime",
	"DescribeContinuousBackups", "UpdateContinuousBackups", "DescribeEndpoints", "DescribeLimits",
	"CreateGlobalTable", "DescribeGlobalTable", "ListGlobalTables", "UpdateGlobalTable",
	"ExportTableToPointInTime", "ImportTable", "GetResourcePolicy", "PutResourcePolicy", "DeleteResourcePolicy",
}

// Operations gives the rows of the compatibility table.
func Operations() []aws.Operation {
	var rows []aws.Operation
	for _, name := range slices.Sorted(maps.Keys(operations)) {
		rows = append(rows, aws.Operation{Service: "dynamodb", Name: name, Status: "emulated", Auth: "signed", Note: notes[name]})
	}
	for _, name := range refusedOperations {
		rows = append(rows, aws.Operation{Service: "dynamodb", Name: name, Status: "refused", Auth: "signed"})
	}
	return rows
}

// an item's operation reads one item's members beside TableName.
type itemOperation func(a *access, s *schema, r *request) error

func single(action string, read itemOperation) operation {
	return func(find schemas, r *request) ([]*access, error) {
		a := &access{action: action}
		if err := itemAccess(a, find, r, read); err != nil {
			return nil, err
		}
		return []*access{a}, nil
	}
}

func itemAccess(a *access, find schemas, r *request, read itemOperation) error {
	if err := a.about(r); err != nil {
		return err
	}
	s, err := find(a.table)
	if err != nil {
		return err
	}
	if err := read(a, s, r); err != nil {
		return err
	}
	return r.unread()
}

// keyItem reads the Key of a request.
func keyItem(a *access, s *schema, r *request) error {
	key, err := r.object("Key")
	if err != nil {
		return err
	}
	return a.item(s, key)
}

func readItem(a *access, s *schema, r *request) error {
	if err := keyItem(a, s, r); err != nil {
		return err
	}
	return a.projection(r)
}

func putItem(a *access, s *schema, r *request) error {
	item, err := r.object("Item")
	if err != nil {
		return err
	}
	if err := a.item(s, item); err != nil {
		return err
	}
	return conditions(a, r)
}

func updateItem(a *access, s *schema, r *request) error {
	if err := keyItem(a, s, r); err != nil {
		return err
	}
	if err := a.expressions(r, "UpdateExpression"); err != nil {
		return err
	}
	if err := a.legacy(r, "AttributeUpdates"); err != nil {
		return err
	}
	return conditions(a, r)
}

func deleteItem(a *access, s *schema, r *request) error {
	if err := keyItem(a, s, r); err != nil {
		return err
	}
	return conditions(a, r)
}

func checkItem(a *access, s *schema, r *request) error { return deleteItem(a, s, r) }

// conditions notes what a write is conditional on.
func conditions(a *access, r *request) error {
	if err := a.expressions(r, "ConditionExpression"); err != nil {
		return err
	}
	return a.legacy(r, "Expected")
}

func query(find schemas, r *request) ([]*access, error) {
	a, s, key, err := ranged("Query", find, r)
	if err != nil {
		return nil, err
	}
	if err := a.expressions(r, "KeyConditionExpression", "FilterExpression"); err != nil {
		return nil, err
	}
	if err := a.legacy(r, "KeyConditions", "QueryFilter"); err != nil {
		return nil, err
	}
	a.keyed = true
	if s != nil {
		if err := a.partition(s, key, r); err != nil {
			return nil, err
		}
	}
	if err := a.projection(r); err != nil {
		return nil, err
	}
	r.ignore("ScanIndexForward")
	return []*access{a}, r.unread()
}

func scan(find schemas, r *request) ([]*access, error) {
	a, _, _, err := ranged("Scan", find, r)
	if err != nil {
		return nil, err
	}
	if err := a.expressions(r, "FilterExpression"); err != nil {
		return nil, err
	}
	if err := a.legacy(r, "ScanFilter"); err != nil {
		return nil, err
	}
	if err := a.projection(r); err != nil {
		return nil, err
	}
	r.ignore("Segment", "TotalSegments")
	return []*access{a}, r.unread()
}

// ranged begins a query or a scan: of a table, or of an index with a key of its own.
func ranged(action string, find schemas, r *request) (*access, *schema, Key, error) {
	fail := func(err error) (*access, *schema, Key, error) { return nil, nil, Key{}, err }
	a := &access{action: action}
	if err := a.about(r); err != nil {
		return fail(err)
	}
	s, err := find(a.table)
	if err != nil {
		return fail(err)
	}
	if a.index, err = r.text("IndexName"); err != nil {
		return fail(err)
	}
	r.ignore("Limit", "ExclusiveStartKey")
	if a.index != "" {
		if err := checkName("indexName", a.index); err != nil {
			return fail(err)
		}
	}
	if s == nil {
		return a, nil, Key{}, nil
	}
	key := s.key
	if a.index != "" {
		var ok bool
		if key, ok = s.indexes[a.index]; !ok {
			return fail(invalid("The table does not have the specified index: %s", a.index))
		}
	}
	return a, s, key, nil
}

// partition notes the partition key that a query is for.
func (a *access) partition(s *schema, key Key, r *request) error {
	expression, err := r.text("KeyConditionExpression")
	if err != nil {
		return err
	}
	legacy, err := r.object("KeyConditions")
	if err != nil {
		return err
	}
	var value any
	switch {
	case expression != "" && legacy != nil:
		return invalid("Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {KeyConditions} Expression parameters: {KeyConditionExpression}")
	case expression != "":
		if value, err = expressed(expression, key.Partition, r); err != nil {
			return err
		}
	case legacy != nil:
		condition, ok := legacy[key.Partition].(map[string]any)
		if !ok {
			return invalid("Query condition missed key schema element: %s", key.Partition)
		}
		list, ok := condition["AttributeValueList"].([]any)
		if condition["ComparisonOperator"] != "EQ" || !ok || len(list) != 1 {
			return invalid("Query key condition not supported")
		}
		value = list[0]
	default:
		return invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
	}
	text, err := keyText(value, s.types[key.Partition])
	if err != nil {
		return invalid("One or more parameter values were invalid: Condition parameter type does not match schema type")
	}
	a.leading = []string{text}
	return nil
}

// expressed finds the value that a KeyConditionExpression wants of an attribute.
func expressed(expression, attribute string, r *request) (any, error) {
	names, err := r.names()
	if err != nil {
		return nil, err
	}
	list, err := tokens("KeyConditionExpression", expression)
	if err != nil {
		return nil, err
	}
	placeholder, err := equalTo(attribute, list, names)
	if err != nil {
		return nil, err
	}
	values, err := r.object("ExpressionAttributeValues")
	if err != nil {
		return nil, err
	}
	value, ok := values[placeholder]
	if !ok {
		return nil, invalid("Invalid KeyConditionExpression: An expression attribute value used in expression is not defined; attribute value: %s", placeholder)
	}
	return value, nil
}

func batchGet(find schemas, r *request) ([]*access, error) {
	capacity, err := r.text("ReturnConsumedCapacity")
	if err != nil {
		return nil, err
	}
	return batch(find, r, func(a *access, s *schema, v any) error {
		members, ok := v.(map[string]any)
		if !ok {
			return wrongType("RequestItems")
		}
		of := &request{members: members}
		keys, ok := of.value("Keys").([]any)
		if !ok || len(keys) == 0 {
			return invalid("1 validation error detected: Value at 'requestItems.%s.member.keys' failed to satisfy constraint: Member must have length greater than or equal to 1", a.table)
		}
		for _, k := range keys {
			key, ok := k.(map[string]any)
			if !ok {
				return wrongType("Keys")
			}
			if err := a.item(s, key); err != nil {
				return err
			}
		}
		of.ignore("ConsistentRead")
		if err := a.projection(of); err != nil {
			return err
		}
		return of.unread()
	}, access{action: "BatchGetItem", capacity: capacity})
}

func batchWrite(find schemas, r *request) ([]*access, error) {
	capacity, err := r.text("ReturnConsumedCapacity")
	if err != nil {
		return nil, err
	}
	r.ignore("ReturnItemCollectionMetrics")
	return batch(find, r, func(a *access, s *schema, v any) error {
		writes, ok := v.([]any)
		if !ok || len(writes) == 0 {
			return wrongType("RequestItems")
		}
		for _, w := range writes {
			members, ok := w.(map[string]any)
			if !ok || len(members) != 1 {
				return invalid("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")
			}
			put, _ := members["PutRequest"].(map[string]any)
			remove, _ := members["DeleteRequest"].(map[string]any)
			item, _ := put["Item"].(map[string]any)
			if put == nil {
				item, _ = remove["Key"].(map[string]any)
			}
			if item == nil || len(put)+len(remove) != 1 {
				return wrongType("RequestItems")
			}
			if err := a.item(s, item); err != nil {
				return err
			}
		}
		return nil
	}, access{action: "BatchWriteItem", capacity: capacity})
}

// batch reads RequestItems: for each table what is to be done in it.
func batch(find schemas, r *request, read func(*access, *schema, any) error, like access) ([]*access, error) {
	tables, err := r.object("RequestItems")
	if err != nil {
		return nil, err
	}
	var list []*access
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		if err := checkName("requestItems", table); err != nil {
			return nil, err
		}
		a := like
		a.table = table
		s, err := find(table)
		if err != nil {
			return nil, err
		}
		if err := read(&a, s, tables[table]); err != nil {
			return nil, err
		}
		list = append(list, &a)
	}
	if len(list) == 0 {
		return nil, invalid("1 validation error detected: Value '{}' at 'requestItems' failed to satisfy constraint: Member must have length greater than or equal to 1")
	}
	return list, r.unread()
}

// part is what a member of a transaction's part stands for.
type part struct {
	action string
	read   itemOperation
}

func transaction(name string, parts map[string]part) operation {
	return func(find schemas, r *request) ([]*access, error) {
		r.ignore("ReturnConsumedCapacity", "ReturnItemCollectionMetrics", "ClientRequestToken")
		items, ok := r.value("TransactItems").([]any)
		if !ok || len(items) == 0 || len(items) > 100 {
			return nil, invalid("1 validation error detected: Value at 'transactItems' failed to satisfy constraint: Member must have length between 1 and 100")
		}
		var list []*access
		for _, v := range items {
			members, ok := v.(map[string]any)
			if !ok || len(members) != 1 {
				return nil, invalid("TransactItems can only contain one of Check, Put, Update or Delete")
			}
			for kind, v := range members {
				p, known := parts[kind]
				inner, ok := v.(map[string]any)
				if !known || !ok {
					return nil, wrongType("TransactItems")
				}
				a := &access{action: p.action, enclosing: name}
				if err := itemAccess(a, find, &request{members: inner}, p.read); err != nil {
					return nil, err
				}
				list = append(list, a)
			}
		}
		return list, r.unread()
	}
}

// whole is an operation on a table and not on items. Its members are the engine's.
func whole(action, member string) operation {
	return func(_ schemas, r *request) ([]*access, error) {
		name, err := r.text(member)
		if err != nil {
			return nil, err
		}
		if member == "ResourceArn" {
			arn, err := aws.ParseARN(name)
			if err != nil {
				return nil, invalid("Invalid TableArn: %s", quote(name))
			}
			name = ""
			if text, ok := cutTable(arn); ok {
				name = text
			}
		}
		if err := checkName("tableName", name); err != nil {
			return nil, err
		}
		return []*access{{action: action, table: name}}, nil
	}
}

func listTables(_ schemas, _ *request) ([]*access, error) {
	return []*access{{action: "ListTables", table: "*"}}, nil
}

// tableSchema gives the schema of a declared table.
func (t *TableConfig) schema() *schema {
	s := &schema{key: t.Key, types: map[string]string{}, indexes: map[string]Key{}}
	for _, f := range t.Fields {
		s.types[f.Name] = f.Type
	}
	for _, i := range t.Indexes {
		s.indexes[i.Name] = i.Key
	}
	return s
}

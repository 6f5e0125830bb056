package table_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/table"
	"github.com/doorwright/doorwright/internal/wire/policy"
	"github.com/doorwright/doorwright/sigv4"
)

// recorder is an engine that notes what it is asked. It holds one table beside the
// declared ones, Other, whose key is a number.
type recorder struct{ asked []string }

func (e *recorder) Do(_ context.Context, operation string, body []byte) (*http.Response, error) {
	answer, status := `{}`, http.StatusOK
	switch {
	case operation == "DescribeTable" && strings.Contains(string(body), `"Other"`):
		answer = `{"Table":{"TableName":"Other","AttributeDefinitions":[{"AttributeName":"n","AttributeType":"N"}],"KeySchema":[{"AttributeName":"n","KeyType":"HASH"}]}}`
	case operation == "DescribeTable":
		answer, status = `{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"Requested resource not found"}`, http.StatusBadRequest
	default:
		e.asked = append(e.asked, operation+" "+string(body))
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(answer))}, nil
}

// notes is the table of the walk-through, with an index of each kind.
var notes = table.TableConfig{
	Name: "Notes", TableName: "dev-notes-Notes",
	Fields: []table.Field{{"userId", "S"}, {"noteId", "S"}, {"day", "S"}},
	Key:    table.Key{Partition: "userId", Sort: "noteId"},
	Indexes: []table.Index{
		{Name: "byDay", Key: table.Key{Partition: "day", Sort: "userId"}, Projection: "ALL"},
		{Name: "ownByDay", Local: true, Key: table.Key{Partition: "userId", Sort: "day"}, Projection: "ALL"},
	},
}

const own = "us-east-1:157d6171-ee37-c0dd-c6c5-ce7afc0154ab"

// service serves the tables to a caller of whom decide decides.
func service(t *testing.T, engine table.Engine, decide table.Decide) *table.Service {
	t.Helper()
	s, err := table.New(table.Config{
		Region: "us-east-1", AccountID: "000000000000", Tables: []table.TableConfig{notes}, Engine: engine,
		Authenticate: func(*http.Request, []byte) (table.Decide, error) { return decide, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ask sends an operation.
func ask(s *table.Service, operation, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", "DynamoDB_20120810."+operation)
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// conditionKeys are DynamoDB's.
var conditionKeys = []string{"LeadingKeys", "Attributes", "Select", "ReturnValues", "ReturnConsumedCapacity", "EnclosingOperation"}

// said writes a request as IAM sees it.
func said(r iam.Request) string {
	text := strings.TrimPrefix(r.Action, "dynamodb:") + " " + strings.TrimPrefix(r.Resource, "arn:aws:dynamodb:us-east-1:000000000000:table/")
	for _, key := range conditionKeys {
		if values, ok := r.Context("dynamodb:" + strings.ToLower(key)); ok {
			text += " " + key + "=" + strings.Join(values, ",")
		}
	}
	return text
}

// TestWhatIsTouched wants each operation to be seen as the actions, resources and
// condition keys that AWS documents for it
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html).
func TestWhatIsTouched(t *testing.T) {
	const name, key = `"TableName":"dev-notes-Notes"`, `"Key":{"userId":{"S":"me"},"noteId":{"S":"1"}}`
	for _, c := range []struct {
		operation, body string
		want            []string
	}{
		{"GetItem", `{` + name + `,` + key + `,"ConsistentRead":true}`,
			[]string{"GetItem dev-notes-Notes LeadingKeys=me Attributes=noteId,userId Select=ALL_ATTRIBUTES"}},
		{"GetItem", `{` + name + `,` + key + `,"ProjectionExpression":"#t, body.lines[0], userId","ExpressionAttributeNames":{"#t":"title"}}`,
			[]string{"GetItem dev-notes-Notes LeadingKeys=me Attributes=noteId,userId,title,body Select=SPECIFIC_ATTRIBUTES"}},
		{"GetItem", `{` + name + `,` + key + `,"AttributesToGet":["title","body.lines[0]"]}`,
			[]string{"GetItem dev-notes-Notes LeadingKeys=me Attributes=noteId,userId,title,body.lines[0] Select=SPECIFIC_ATTRIBUTES"}},
		{"GetItem", `{` + name + `,` + key + `,"ProjectionExpression":"title, remove"}`,
			[]string{"GetItem dev-notes-Notes LeadingKeys=me Attributes=noteId,userId,title,remove Select=SPECIFIC_ATTRIBUTES"}},
		{"Query", `{` + name + `,"KeyConditionExpression":"userId = :u","ExpressionAttributeValues":{":u":{"S":"me"}},"FilterExpression":"begins_with(Remove, :u)"}`,
			[]string{"Query dev-notes-Notes LeadingKeys=me Attributes=userId,Remove Select=ALL_ATTRIBUTES"}},
		{"UpdateItem", `{` + name + `,` + key + `,"UpdateExpression":"SET a = remove ADD b :v REMOVE c"}`,
			[]string{"UpdateItem dev-notes-Notes LeadingKeys=me Attributes=noteId,userId,a,remove,b,c"}},
		{"UpdateItem", `{` + name + `,` + key + `,"UpdateExpression":"remove remove SET remove = :v"}`,
			[]string{"UpdateItem dev-notes-Notes LeadingKeys=me Attributes=noteId,userId,remove"}},
		{"PutItem", `{` + name + `,"Item":{"userId":{"S":"me"},"noteId":{"S":"1"},"title":{"S":"x"}},"ConditionExpression":"attribute_not_exists(noteId) AND size(body) < :n","ExpressionAttributeValues":{":n":{"N":"3"}},"ReturnValues":"ALL_OLD"}`,
			[]string{"PutItem dev-notes-Notes LeadingKeys=me Attributes=noteId,title,userId,body ReturnValues=ALL_OLD"}},
		{"UpdateItem", `{` + name + `,` + key + `,"UpdateExpression":"SET #c = if_not_exists(#c, :z) + :one REMOVE old.part ADD tags :t","ExpressionAttributeNames":{"#c":"count"},"ReturnValues":"UPDATED_NEW","ReturnConsumedCapacity":"TOTAL"}`,
			[]string{"UpdateItem dev-notes-Notes LeadingKeys=me Attributes=noteId,userId,count,old,tags ReturnValues=UPDATED_NEW ReturnConsumedCapacity=TOTAL"}},
		{"UpdateItem", `{` + name + `,` + key + `,"AttributeUpdates":{"title":{"Action":"DELETE"}},"Expected":{"body":{"Exists":false}}}`,
			[]string{"UpdateItem dev-notes-Notes LeadingKeys=me Attributes=noteId,userId,title,body"}},
		{"PutItem", `{` + name + `,"Item":{"userId":{"S":"me"},"noteId":{"S":"1"}},"ReturnValues":"NONE","ReturnValuesOnConditionCheckFailure":"ALL_OLD"}`,
			[]string{"PutItem dev-notes-Notes LeadingKeys=me Attributes=noteId,userId ReturnValues=ALL_OLD"}},
		{"UpdateItem", `{` + name + `,` + key + `,"ReturnValues":"ALL_NEW","ReturnValuesOnConditionCheckFailure":"ALL_OLD"}`,
			[]string{"UpdateItem dev-notes-Notes LeadingKeys=me Attributes=noteId,userId ReturnValues=ALL_OLD,ALL_NEW"}},
		{"TransactWriteItems", `{"TransactItems":[{"ConditionCheck":{` + name + `,` + key + `,"ConditionExpression":"attribute_exists(title)","ReturnValuesOnConditionCheckFailure":"ALL_OLD"}}]}`,
			[]string{"ConditionCheckItem dev-notes-Notes LeadingKeys=me Attributes=noteId,userId,title ReturnValues=ALL_OLD EnclosingOperation=TransactWriteItems"}},
		{"DeleteItem", `{` + name + `,` + key + `}`, []string{"DeleteItem dev-notes-Notes LeadingKeys=me Attributes=noteId,userId"}},
		{"Query", `{` + name + `,"KeyConditionExpression":"userId = :u AND begins_with(noteId, :p)","ExpressionAttributeValues":{":u":{"S":"me"},":p":{"S":"a"}}}`,
			[]string{"Query dev-notes-Notes LeadingKeys=me Attributes=userId,noteId Select=ALL_ATTRIBUTES"}},
		{"Query", `{` + name + `,"KeyConditionExpression":"(noteId BETWEEN :a AND :b) and (#u=:u)","ExpressionAttributeNames":{"#u":"userId"},"ExpressionAttributeValues":{":u":{"S":"me"},":a":{"S":"a"},":b":{"S":"b"}},"Select":"COUNT"}`,
			[]string{"Query dev-notes-Notes LeadingKeys=me Attributes=noteId,userId Select=COUNT"}},
		{"Query", `{` + name + `,"KeyConditions":{"userId":{"ComparisonOperator":"EQ","AttributeValueList":[{"S":"me"}]}},"QueryFilter":{"title":{"ComparisonOperator":"NOT_NULL"}}}`,
			[]string{"Query dev-notes-Notes LeadingKeys=me Attributes=userId,title Select=ALL_ATTRIBUTES"}},
		{"Query", `{` + name + `,"IndexName":"byDay","KeyConditionExpression":"#d = :d","ExpressionAttributeNames":{"#d":"day"},"ExpressionAttributeValues":{":d":{"S":"monday"}}}`,
			[]string{"Query dev-notes-Notes/index/byDay LeadingKeys=monday Attributes=day Select=ALL_PROJECTED_ATTRIBUTES"}},
		{"Query", `{` + name + `,"IndexName":"ownByDay","KeyConditionExpression":"userId = :u","ExpressionAttributeValues":{":u":{"S":"me"}},"FilterExpression":"contains(title, :u)"}`,
			[]string{"Query dev-notes-Notes/index/ownByDay LeadingKeys=me Attributes=userId,title Select=ALL_PROJECTED_ATTRIBUTES"}},
		{"Scan", `{` + name + `,"FilterExpression":"title = :t","Limit":5}`,
			[]string{"Scan dev-notes-Notes Attributes=title Select=ALL_ATTRIBUTES"}},
		{"BatchGetItem", `{"RequestItems":{"dev-notes-Notes":{"Keys":[{"userId":{"S":"me"},"noteId":{"S":"1"}},{"userId":{"S":"you"},"noteId":{"S":"1"}},{"userId":{"S":"me"},"noteId":{"S":"2"}}]},"Other":{"Keys":[{"n":{"N":"+1.50E1"}}],"ProjectionExpression":"x"}}}`,
			[]string{"BatchGetItem Other LeadingKeys=15 Attributes=n,x Select=SPECIFIC_ATTRIBUTES", "BatchGetItem dev-notes-Notes LeadingKeys=me,you Attributes=noteId,userId Select=ALL_ATTRIBUTES"}},
		{"BatchWriteItem", `{"RequestItems":{"dev-notes-Notes":[{"PutRequest":{"Item":{"userId":{"S":"me"},"noteId":{"S":"1"},"x":{"S":"y"}}}},{"DeleteRequest":{"Key":{"userId":{"S":"you"},"noteId":{"S":"1"}}}}]}}`,
			[]string{"BatchWriteItem dev-notes-Notes LeadingKeys=me,you Attributes=noteId,userId,x"}},
		{"TransactGetItems", `{"TransactItems":[{"Get":{` + name + `,` + key + `}}]}`,
			[]string{"GetItem dev-notes-Notes LeadingKeys=me Attributes=noteId,userId Select=ALL_ATTRIBUTES EnclosingOperation=TransactGetItems"}},
		{"TransactWriteItems", `{"TransactItems":[{"ConditionCheck":{` + name + `,` + key + `,"ConditionExpression":"attribute_exists(title)"}},{"Delete":{` + name + `,` + key + `}}],"ClientRequestToken":"x"}`,
			[]string{"ConditionCheckItem dev-notes-Notes LeadingKeys=me Attributes=noteId,userId,title EnclosingOperation=TransactWriteItems",
				"DeleteItem dev-notes-Notes LeadingKeys=me Attributes=noteId,userId EnclosingOperation=TransactWriteItems"}},
		{"DescribeTable", `{` + name + `}`, []string{"DescribeTable dev-notes-Notes"}},
		{"ListTables", `{}`, []string{"ListTables *"}},
		{"TagResource", `{"ResourceArn":"arn:aws:dynamodb:us-east-1:000000000000:table/Other","Tags":[]}`, []string{"TagResource Other"}},
	} {
		var got []string
		engine := &recorder{}
		w := ask(service(t, engine, func(r iam.Request) (iam.Decision, error) { got = append(got, said(r)); return everything(r) }), c.operation, c.body)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s %s\n is %q\nwant %q", c.operation, c.body, got, c.want)
		}
		if want := []string{c.operation + " " + sorted(t, c.body)}; c.operation != "DescribeTable" && !slices.Equal(engine.asked, want) {
			t.Errorf("the engine is asked %q, want %q; %s", engine.asked, want, w.Body)
		}
	}
}

// sorted writes a JSON object with its members in order.
func sorted(t *testing.T, text string) string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestEngineReadsWhatWasDecided wants the engine to be sent the request that was decided
// on, and not the caller's bytes, which another parser may read otherwise.
func TestEngineReadsWhatWasDecided(t *testing.T) {
	for _, c := range []struct{ body, leading, want string }{
		{`{"TableName":"dev-notes-Notes","Key":{"userId":{"S":"me\ud800"},"noteId":{"S":"1"}}}`, "me\ufffd",
			`{"Key":{"noteId":{"S":"1"},"userId":{"S":"me` + "\ufffd" + `"}},"TableName":"dev-notes-Notes"}`},
		{` {"\u0054ableName" : "dev-notes-\u004eotes", "IndexName":null, "Key":{"userId":{"S":"m\u0065","N":null},"noteId":{"S":"1"},"x":null}} `, "me",
			`{"Key":{"noteId":{"S":"1"},"userId":{"S":"me"}},"TableName":"dev-notes-Notes"}`},
		{`{"TableName":"Other","Key":{"n":{"N":"+1.50E1"}}}`, "15", `{"Key":{"n":{"N":"+1.50E1"}},"TableName":"Other"}`},
	} {
		engine, leading := &recorder{}, ""
		w := ask(service(t, engine, func(r iam.Request) (iam.Decision, error) {
			values, _ := r.Context("dynamodb:leadingkeys")
			leading = strings.Join(values, ",")
			return everything(r)
		}), "GetItem", c.body)
		if leading != c.leading || !slices.Equal(engine.asked, []string{"GetItem " + c.want}) {
			t.Errorf("%s\nis decided on as %q, and the engine is asked %q, want %q: %d %s", c.body, leading, engine.asked, c.want, w.Code, w.Body)
		}
	}
	engine := &recorder{}
	ask(service(t, engine, everything), "Scan", `{"TableName":"dev-notes-Notes","Limit":1.50e1,"FilterExpression":"a < :b","ExpressionAttributeValues":{":b":{"S":"<&>"}}}`)
	if len(engine.asked) != 1 || !strings.Contains(engine.asked[0], `"Limit":1.50e1`) {
		t.Errorf("a number is written otherwise: %q", engine.asked)
	}
}

// leadingKeys is the policy of the walk-through: everybody has the items whose
// partition key is their identity.
const leadingKeys = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
	"Action":["dynamodb:GetItem","dynamodb:BatchGetItem","dynamodb:PutItem","dynamodb:UpdateItem","dynamodb:DeleteItem","dynamodb:BatchWriteItem","dynamodb:ConditionCheckItem","dynamodb:Query"],
	"Resource":["arn:aws:dynamodb:us-east-1:000000000000:table/dev-notes-Notes","arn:aws:dynamodb:us-east-1:000000000000:table/dev-notes-Notes/index/ownByDay"],
	"Condition":{"ForAllValues:StringEquals":{"dynamodb:LeadingKeys":["${cognito-identity.amazonaws.com:sub}"]}}}]}`

// everything is allowed.
func everything(iam.Request) (iam.Decision, error) { return iam.Decision{}, nil }

// decideBy decides by a policy of an identity.
func decideBy(t *testing.T, text string) table.Decide {
	t.Helper()
	doc, err := policy.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	p, err := iam.Compile(doc)
	if err != nil {
		t.Fatal(err)
	}
	return func(r iam.Request) (iam.Decision, error) {
		of := r.Context
		r.Context = func(key string) ([]string, bool) {
			if key == "cognito-identity.amazonaws.com:sub" {
				return []string{own}, true
			}
			return of(key)
		}
		if p.Evaluate(&r) == iam.Allow {
			return iam.Decision{}, nil
		}
		return iam.Decision{}, errors.New("User: X is not authorized to perform: " + r.Action + " on resource: " + r.Resource)
	}
}

// TestLeadingKeys wants a caller to reach the items of its identity and no others, by
// each operation there is.
func TestLeadingKeys(t *testing.T) {
	decide := decideBy(t, leadingKeys)
	key := func(user string) string { return `{"userId":{"S":"` + user + `"},"noteId":{"S":"1"}}` }
	const name = `"TableName":"dev-notes-Notes"`
	for operation, body := range map[string]func(user string) string{
		"GetItem":    func(u string) string { return `{` + name + `,"Key":` + key(u) + `}` },
		"PutItem":    func(u string) string { return `{` + name + `,"Item":` + key(u) + `}` },
		"UpdateItem": func(u string) string { return `{` + name + `,"Key":` + key(u) + `,"UpdateExpression":"REMOVE x"}` },
		"DeleteItem": func(u string) string { return `{` + name + `,"Key":` + key(u) + `}` },
		"Query": func(u string) string {
			return `{` + name + `,"KeyConditionExpression":"userId = :u","ExpressionAttributeValues":{":u":{"S":"` + u + `"}}}`
		},
		"Query ": func(u string) string {
			return `{` + name + `,"IndexName":"ownByDay","KeyConditions":{"userId":{"ComparisonOperator":"EQ","AttributeValueList":[{"S":"` + u + `"}]}}}`
		},
		"BatchGetItem": func(u string) string {
			return `{"RequestItems":{"dev-notes-Notes":{"Keys":[` + key(own) + `,{"userId":{"S":"` + u + `"},"noteId":{"S":"2"}}]}}}`
		},
		"BatchWriteItem": func(u string) string {
			return `{"RequestItems":{"dev-notes-Notes":[{"PutRequest":{"Item":` + key(own) + `}},{"DeleteRequest":{"Key":` + key(u) + `}}]}}`
		},
		"TransactGetItems": func(u string) string {
			return `{"TransactItems":[{"Get":{` + name + `,"Key":` + key(own) + `}},{"Get":{` + name + `,"Key":` + key(u) + `}}]}`
		},
		"TransactWriteItems": func(u string) string {
			return `{"TransactItems":[{"Put":{` + name + `,"Item":` + key(own) + `}},{"ConditionCheck":{` + name + `,"Key":` + key(u) + `,"ConditionExpression":"attribute_exists(x)"}}]}`
		},
	} {
		operation = strings.TrimSpace(operation)
		engine := &recorder{}
		s := service(t, engine, decide)
		if w := ask(s, operation, body(own)); w.Code != http.StatusOK || len(engine.asked) != 1 {
			t.Errorf("%s of the caller's own items: %d %s", operation, w.Code, w.Body)
		}
		engine.asked = nil
		w := ask(s, operation, body("us-east-1:somebody-else"))
		if w.Code != http.StatusBadRequest || !strings.HasPrefix(w.Body.String(), `{"__type":"com.amazon.coral.service#AccessDeniedException","message":"User: X is not authorized to perform: dynamodb:`) || len(engine.asked) != 0 {
			t.Errorf("%s of somebody else's items: %d %s; the engine was asked %q", operation, w.Code, w.Body, engine.asked)
		}
	}
	for operation, body := range map[string]string{
		"Scan":          `{` + name + `}`,
		"Query":         `{` + name + `,"IndexName":"byDay","KeyConditionExpression":"#d = :d","ExpressionAttributeNames":{"#d":"day"},"ExpressionAttributeValues":{":d":{"S":"` + own + `"}}}`,
		"DescribeTable": `{` + name + `}`, "ListTables": `{}`, "DeleteTable": `{` + name + `}`,
	} {
		engine := &recorder{}
		if w := ask(service(t, engine, decide), operation, body); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "AccessDenied") || len(engine.asked) != 0 {
			t.Errorf("%s: %d %s", operation, w.Code, w.Body)
		}
	}
}

// TestConfusions wants a request that the engine could read otherwise to be refused,
// even of a caller who may do everything, and never to be forwarded.
func TestConfusions(t *testing.T) {
	const name, key = `"TableName":"dev-notes-Notes"`, `"Key":{"userId":{"S":"me"},"noteId":{"S":"1"}}`
	query := func(expression, rest string) string {
		return `{` + name + `,"KeyConditionExpression":"` + expression + `","ExpressionAttributeValues":{":u":{"S":"me"},":v":{"S":"you"}}` + rest + `}`
	}
	for _, c := range []struct{ what, operation, body, want string }{
		{"two members of one name", "GetItem", `{` + name + `,` + key + `,` + key + `}`, "SerializationException"},
		{"two keys of one name", "GetItem", `{` + name + `,"Key":{"userId":{"S":"me"},"userId":{"S":"you"},"noteId":{"S":"1"}}}`, "SerializationException"},
		{"a value of two types", "GetItem", `{` + name + `,"Key":{"userId":{"S":"me","N":"1"},"noteId":{"S":"1"}}}`, "The provided key element does not match the schema"},
		{"a key of another type", "GetItem", `{` + name + `,"Key":{"userId":{"N":"1"},"noteId":{"S":"1"}}}`, "The provided key element does not match the schema"},
		{"no partition key", "PutItem", `{` + name + `,"Item":{"noteId":{"S":"1"}}}`, "The provided key element does not match the schema"},
		{"an empty key", "PutItem", `{` + name + `,"Item":{"userId":{"S":""},"noteId":{"S":"1"}}}`, "The provided key element does not match the schema"},
		{"a member nobody knows", "GetItem", `{` + name + `,` + key + `,"IndexName":"byDay"}`, "is not a member that a local table knows"},
		{"a member in other letters", "GetItem", `{` + name + `,` + key + `,"tableName":"Other"}`, "is not a member that a local table knows"},
		{"no table", "GetItem", `{` + key + `}`, "at 'tableName' failed to satisfy constraint"},
		{"a table by its ARN", "GetItem", `{"TableName":"arn:aws:dynamodb:us-east-1:000000000000:table/dev-notes-Notes",` + key + `}`, "not by an ARN"},
		{"a wildcard for a table", "GetItem", `{"TableName":"dev-notes-*",` + key + `}`, "at 'tableName' failed to satisfy constraint"},
		{"an index in the table's name", "Query", `{"TableName":"dev-notes-Notes/index/byDay"}`, "at 'tableName' failed to satisfy constraint"},
		{"an index nobody knows", "Query", `{` + name + `,"IndexName":"none"}`, "The table does not have the specified index: none"},
		{"two conditions", "Query", query("userId = :u AND userId = :v", ""), "KeyConditionExpressions must only contain one condition per key"},
		{"an OR", "Query", query("userId = :u OR userId = :v", ""), "Invalid operator used in KeyConditionExpression: OR"},
		{"a NOT", "Query", query("NOT userId = :u", ""), "Invalid operator used in KeyConditionExpression: NOT"},
		{"an IN", "Query", query("userId IN (:u, :v)", ""), "Invalid operator used in KeyConditionExpression: IN"},
		{"not equal", "Query", query("userId <> :u", ""), "Query key condition not supported"},
		{"at least", "Query", query("userId >= :u", ""), "Query key condition not supported"},
		{"begins with", "Query", query("begins_with(userId, :u)", ""), "Query key condition not supported"},
		{"turned around", "Query", query(":u = userId", ""), "Query key condition not supported"},
		{"a path", "Query", query("userId.x = :u", ""), "Query key condition not supported"},
		{"an element", "Query", query("userId[0] = :u", ""), "Query key condition not supported"},
		{"a sum", "Query", query("userId = :u + :v", ""), "Query key condition not supported"},
		{"another attribute", "Query", query("noteId = :u", ""), "Query condition missed key schema element: userId"},
		{"no condition", "Query", `{` + name + `}`, "Either the KeyConditions or KeyConditionExpression parameter must be specified"},
		{"both conditions", "Query", query("userId = :u", `,"KeyConditions":{}`), "Can not use both expression and non-expression parameters"},
		{"a name not defined", "Query", query("#u = :u", ""), "An expression attribute name used in the document path is not defined; attribute name: #u"},
		{"a value not defined", "Query", query("userId = :w", ""), "attribute value: :w"},
		{"a legacy range", "Query", `{` + name + `,"KeyConditions":{"userId":{"ComparisonOperator":"GE","AttributeValueList":[{"S":"me"}]}}}`, "Query key condition not supported"},
		{"a write that is two", "BatchWriteItem", `{"RequestItems":{"dev-notes-Notes":[{"PutRequest":{"Item":{"userId":{"S":"me"}}},"DeleteRequest":{"Key":{"userId":{"S":"you"}}}}]}}`, "ValidationException"},
		{"a part that is two", "TransactWriteItems", `{"TransactItems":[{"Put":{},"Delete":{}}]}`, "TransactItems can only contain one of"},
		{"PartiQL", "ExecuteStatement", `{"Statement":"SELECT * FROM \"dev-notes-Notes\""}`, "UnknownOperationException"},
		{"an operation nobody knows", "Frobnicate", `{}`, "UnknownOperationException"},
		{"nested too deep", "PutItem", `{` + name + `,"Item":{"userId":` + strings.Repeat(`{"L":[`, 60) + `{"S":"x"}` + strings.Repeat(`]}`, 60) + `}}`, "SerializationException"},
		{"an endless expression", "Query", query("userId = :u"+strings.Repeat(" ", 4096), ""), "Expression size has exceeded the maximum allowed size"},
		{"a table that is not there", "GetItem", `{"TableName":"Nowhere","Key":{"x":{"S":"y"}}}`, `{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"Requested resource not found"}`},
		{"a declared table deleted", "DeleteTable", `{` + name + `}`, "dev-notes-Notes is declared as tables.Notes in doorwright.yaml: change it there"},
	} {
		engine := &recorder{}
		w := ask(service(t, engine, everything), c.operation, c.body)
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: %d %s, want %s", c.what, w.Code, w.Body, c.want)
		}
		if len(engine.asked) != 0 {
			t.Errorf("%s: the engine was asked %q", c.what, engine.asked)
		}
	}
}

// TestNumbersHaveOneForm wants two ways to write a number to be one leading key, as
// they are one item: against arithmetic.
func TestNumbersHaveOneForm(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var got string
	s := service(t, &recorder{}, func(r iam.Request) (iam.Decision, error) { got = said(r); return everything(r) })
	for range 3000 {
		digits := random.IntN(12) + 1
		text := ""
		for i := range digits {
			if i == random.IntN(digits+1) && !strings.Contains(text, ".") {
				text += "."
			}
			text += string(byte('0' + random.IntN(10)))
		}
		text = []string{"", "-", "+", "0", "-00"}[random.IntN(5)] + text
		if random.IntN(2) == 0 {
			text += fmt.Sprintf("%s%d", []string{"e", "E", "e+", "e-"}[random.IntN(4)], random.IntN(20))
		}
		want, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("%q is no number", text)
		}
		got = ""
		ask(s, "GetItem", `{"TableName":"Other","Key":{"n":{"N":"`+text+`"}}}`)
		_, rest, _ := strings.Cut(got, "LeadingKeys=")
		leading, _, _ := strings.Cut(rest, " ")
		number, ok := new(big.Rat).SetString(leading)
		if !ok || number.Cmp(want) != 0 || leading != canonical(want) {
			t.Fatalf("%q is the key %q, want %s", text, leading, canonical(want))
		}
	}
	for _, text := range []string{"", ".", "1e", "e1", "1e99999", "0x1", "1_000", "NaN", "Infinity", "1 ", "--1", "1e127", strings.Repeat("9", 39), strings.Repeat("1", 300)} {
		got = ""
		if w := ask(s, "GetItem", `{"TableName":"Other","Key":{"n":{"N":"`+text+`"}}}`); w.Code != http.StatusBadRequest || got != "" {
			t.Errorf("%q: %d %s", text, w.Code, got)
		}
	}
}

// canonical writes a number with no more digits than it takes.
func canonical(r *big.Rat) string {
	text := r.FloatString(64)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// TestBounds wants a body that is too long, or cut off, to end there.
func TestBounds(t *testing.T) {
	engine := &recorder{}
	s := service(t, engine, everything)
	huge := `{"TableName":"Other","Key":{"n":{"N":"1"}},"x":"` + string(bytes.Repeat([]byte("a"), 17<<20)) + `"}`
	if w := ask(s, "GetItem", huge); w.Code != http.StatusRequestEntityTooLarge || len(engine.asked) != 0 {
		t.Errorf("17 MB: %d", w.Code)
	}
	if w := ask(s, "GetItem", `{"TableName":"Other","Key":{"n"`); w.Code != http.StatusBadRequest || len(engine.asked) != 0 {
		t.Errorf("cut off: %d %s", w.Code, w.Body)
	}
}

// unread is a body that nobody may read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) { u.t.Error("the body is read"); return 0, io.EOF }

// TestRefusedAreNotRead wants 16 MB of who has not signed, or has signed for something
// else, to stay where they are.
func TestRefusedAreNotRead(t *testing.T) {
	const region = "us-east-1"
	keys := sigv4.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "secret"}
	verifier := &sigv4.Verifier{Service: "dynamodb", Region: region, Lookup: func(_ context.Context, id, _ string) (string, error) {
		if id != keys.AccessKeyID {
			return "", sigv4.ErrUnknownKey
		}
		return keys.SecretAccessKey, nil
	}}
	s, err := table.New(table.Config{
		Region: region, AccountID: "000000000000", Tables: []table.TableConfig{notes}, Engine: &recorder{},
		Authenticate: func(r *http.Request, body []byte) (table.Decide, error) {
			if _, err := verifier.Verify(r, body); err != nil {
				var refused *sigv4.Error
				errors.As(err, &refused)
				return nil, &aws.Error{Code: refused.Reason.Code(), Message: refused.Message, Status: http.StatusBadRequest, Err: err}
			}
			return everything, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	send := func(keys sigv4.Credentials, service string, at time.Time, signed string, body io.Reader) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(signed))
		r.Header.Set("X-Amz-Target", "DynamoDB_20120810.ListTables")
		if service != "" {
			sigv4.Sign(r, []byte(signed), keys, service, region, at)
		}
		r.Body = io.NopCloser(body)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w
	}
	stranger := keys
	stranger.AccessKeyID = "AKIAI44QH8DHBEXAMPLE"
	now := time.Now()
	for code, w := range map[string]*httptest.ResponseRecorder{
		"MissingAuthenticationTokenException": send(keys, "", now, "{}", unread{t}), "UnrecognizedClientException": send(stranger, "dynamodb", now, "{}", unread{t}),
		"InvalidSignatureException": send(keys, "dynamodb", now, "{}", strings.NewReader(`{"Limit":1}`)),
	} {
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "#"+code) {
			t.Errorf("%s: %d %s", code, w.Code, w.Body)
		}
	}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"another service": send(keys, "s3", now, "{}", unread{t}), "yesterday": send(keys, "dynamodb", now.Add(-24*time.Hour), "{}", unread{t}),
	} {
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "#InvalidSignatureException") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if w := send(keys, "dynamodb", now, "{}", strings.NewReader("{}")); w.Code != http.StatusOK {
		t.Errorf("good: %d %s", w.Code, w.Body)
	}
}

// TestRefusedCallers wants what Authenticate says in DynamoDB's form.
func TestRefusedCallers(t *testing.T) {
	w := ask(service(t, &recorder{}, func(iam.Request) (iam.Decision, error) {
		return iam.Decision{}, errors.New("User: arn:aws:sts::000000000000:assumed-role/R/S is not authorized")
	}), "ListTables", `{}`)
	if got, want := w.Body.String(), `{"__type":"com.amazon.coral.service#AccessDeniedException","message":"User: arn:aws:sts::000000000000:assumed-role/R/S is not authorized"}`; got != want || w.Header().Get("Content-Type") != "application/x-amz-json-1.0" {
		t.Errorf("%s %v", got, w.Header())
	}
	names := slices.Sorted(maps.Keys(w.Header()))
	if !slices.Contains(names, "x-amz-crc32") || !slices.Contains(names, "x-amzn-RequestId") {
		t.Errorf("headers %v", names)
	}
}

// TestHTTPEngine wants an engine elsewhere to be sent what the caller sent, signed by
// nobody who matters, and no redirect of its to be followed.
func TestHTTPEngine(t *testing.T) {
	var got *http.Request
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		if r.Header.Get("X-Amz-Target") == "DynamoDB_20120810.Scan" {
			http.Redirect(w, r, "http://example.com/", http.StatusTemporaryRedirect)
			return
		}
		io.WriteString(w, `{"Item":{"n":{"N":"1"}}}`)
	}))
	defer server.Close()
	for _, bad := range []string{"", "localhost:8000", "ftp://localhost", "http://user:password@localhost:8000", "http://localhost:8000/path", "http://localhost:8000/?x"} {
		if _, err := table.NewHTTPEngine(bad, "us-east-1"); err == nil {
			t.Errorf("the engine %q is taken", bad)
		}
	}
	engine, err := table.NewHTTPEngine(server.URL, "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	s := service(t, engine, everything)
	const item = `{"TableName":"dev-notes-Notes","Key":{"userId":{"S":"me"},"noteId":{"S":"\u00e9"}}}`
	w := ask(s, "GetItem", item)
	if w.Code != http.StatusOK || w.Body.String() != `{"Item":{"n":{"N":"1"}}}` || string(body) != sorted(t, item) {
		t.Errorf("%d %s; the engine got %s", w.Code, w.Body, body)
	}
	if auth := got.Header.Get("Authorization"); !strings.HasPrefix(auth, "AWS4-HMAC-SHA256 Credential=DOORWRIGHT/") || got.Header.Get("X-Amz-Target") != "DynamoDB_20120810.GetItem" {
		t.Errorf("the engine got %v", got.Header)
	}
	if w := ask(s, "Scan", `{"TableName":"dev-notes-Notes"}`); w.Code != http.StatusInternalServerError || w.Header().Get("Location") != "" {
		t.Errorf("a redirect: %d %v", w.Code, w.Header())
	}
	server.Close()
	if w := ask(s, "GetItem", item); w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "127.0.0.1") {
		t.Errorf("without the engine: %d %s", w.Code, w.Body)
	}
}

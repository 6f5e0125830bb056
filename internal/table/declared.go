package table

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/internal/aws"
)

// description is what DescribeTable says of a table, and most of it what CreateTable
// is told.
type description struct {
	TableName              string                `json:",omitempty"`
	TableStatus            string                `json:",omitempty"`
	BillingMode            string                `json:",omitempty"`
	AttributeDefinitions   []attributeDefinition `json:",omitempty"`
	KeySchema              []keyElement          `json:",omitempty"`
	GlobalSecondaryIndexes []indexDescription    `json:",omitempty"`
	LocalSecondaryIndexes  []indexDescription    `json:",omitempty"`
}

type attributeDefinition struct{ AttributeName, AttributeType string }

type keyElement struct{ AttributeName, KeyType string }

type indexDescription struct {
	IndexName  string
	KeySchema  []keyElement
	Projection struct {
		ProjectionType   string
		NonKeyAttributes []string `json:",omitempty"`
	}
}

func keySchema(k Key) []keyElement {
	list := []keyElement{{k.Partition, "HASH"}}
	if k.Sort != "" {
		list = append(list, keyElement{k.Sort, "RANGE"})
	}
	return list
}

func keyOf(list []keyElement) (k Key) {
	for _, e := range list {
		if e.KeyType == "HASH" {
			k.Partition = e.AttributeName
		} else {
			k.Sort = e.AttributeName
		}
	}
	return k
}

func (d *description) schema() *schema {
	s := &schema{key: keyOf(d.KeySchema), types: map[string]string{}, indexes: map[string]Key{}}
	for _, a := range d.AttributeDefinitions {
		s.types[a.AttributeName] = a.AttributeType
	}
	for _, i := range slices.Concat(d.GlobalSecondaryIndexes, d.LocalSecondaryIndexes) {
		s.indexes[i.IndexName] = keyOf(i.KeySchema)
	}
	return s
}

// describe says a declared table as CreateTable wants it.
func (t *TableConfig) describe() *description {
	d := &description{TableName: t.TableName, BillingMode: "PAY_PER_REQUEST", KeySchema: keySchema(t.Key)}
	used := map[string]bool{t.Key.Partition: true, t.Key.Sort: true}
	for _, i := range t.Indexes {
		x := indexDescription{IndexName: i.Name, KeySchema: keySchema(i.Key)}
		x.Projection.ProjectionType, x.Projection.NonKeyAttributes = i.Projection, i.Attributes
		used[i.Key.Partition], used[i.Key.Sort] = true, true
		if i.Local {
			d.LocalSecondaryIndexes = append(d.LocalSecondaryIndexes, x)
		} else {
			d.GlobalSecondaryIndexes = append(d.GlobalSecondaryIndexes, x)
		}
	}
	for _, f := range t.Fields { // DynamoDB refuses the definition of an attribute that is in no key
		if used[f.Name] {
			d.AttributeDefinitions = append(d.AttributeDefinitions, attributeDefinition{f.Name, f.Type})
		}
	}
	return d
}

// shape is what of a table cannot be changed, or not here: equal shapes are written
// equally.
func (d *description) shape() string {
	var parts []string
	for _, a := range d.AttributeDefinitions {
		parts = append(parts, "field "+a.AttributeName+" "+a.AttributeType)
	}
	for kind, list := range map[string][]indexDescription{"global index ": d.GlobalSecondaryIndexes, "local index ": d.LocalSecondaryIndexes} {
		for _, i := range list {
			slices.Sort(i.Projection.NonKeyAttributes)
			parts = append(parts, fmt.Sprint(kind, i.IndexName, keyOf(i.KeySchema), i.Projection))
		}
	}
	slices.Sort(parts)
	return fmt.Sprint(keyOf(d.KeySchema), parts)
}

// describe asks the engine for a table: nil for one that is not there.
func (s *Service) describe(ctx context.Context, table string) (*description, error) {
	var answer struct{ Table *description }
	err := s.ask(ctx, "DescribeTable", map[string]string{"TableName": table}, &answer)
	var refused *aws.Error
	if errors.As(err, &refused) && refused.Code == codeNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, failed("describing", table, err)
	}
	return answer.Table, nil
}

// Create makes the declared tables that are not there yet. It refuses a table that is
// there with another key or other indexes: its items would be lost.
func (s *Service) Create(ctx context.Context) error {
	for i := range s.cfg.Tables {
		t := &s.cfg.Tables[i]
		want := t.describe()
		there, err := s.describe(ctx, t.TableName)
		switch {
		case err != nil:
			return err
		case there == nil:
			if err := s.ask(ctx, "CreateTable", want, nil); err != nil {
				return failed("creating", t.Name, err)
			}
		case there.shape() != want.shape():
			if err := s.remake(ctx, t, there, want); err != nil {
				return err
			}
		}
	}
	return nil
}

// remake makes a table anew whose declaration changed, if it holds nothing.
func (s *Service) remake(ctx context.Context, t *TableConfig, there, want *description) error {
	var found struct{ Count int }
	if err := s.ask(ctx, "Scan", map[string]any{"TableName": t.TableName, "Limit": 1}, &found); err != nil {
		return failed("looking into", t.Name, err)
	}
	if found.Count > 0 {
		return &mendable{
			fmt.Sprintf("opening table %s: it holds items, and its keys or indexes are declared otherwise now: they were %s, and are %s", t.Name, there.shape(), want.shape()),
			"Delete the items first, or give the table another name.",
		}
	}
	if err := s.ask(ctx, "DeleteTable", map[string]string{"TableName": t.TableName}, nil); err != nil {
		return failed("deleting", t.Name, err)
	}
	if err := s.ask(ctx, "CreateTable", want, nil); err != nil {
		return failed("creating", t.Name, err)
	}
	return nil
}

// ask sends an operation of our own. The engine's refusal is an *aws.Error.
func (s *Service) ask(ctx context.Context, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	resp, err := s.cfg.Engine.Do(ctx, operation, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		var e struct {
			Type    string `json:"__type"`
			Message string `json:"message"`
		}
		if err := json.Unmarshal(answer, &e); err != nil || e.Type == "" {
			return fmt.Errorf("the engine answers %s to %s", resp.Status, operation)
		}
		return &aws.Error{Code: e.Type[strings.LastIndex(e.Type, "#")+1:], Message: e.Message, Status: resp.StatusCode}
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

// cutTable gives the name of the table that an ARN is of.
func cutTable(arn aws.ARN) (string, bool) {
	if arn.Service != "dynamodb" {
		return "", false
	}
	return strings.CutPrefix(arn.Resource, "table/")
}

// quoted gives a text as JSON, without HTML escapes.
func quoted(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string encodes
	return strings.TrimSuffix(b.String(), "\n")
}

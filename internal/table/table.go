package table

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/iam"
)

// Target is the part of X-Amz-Target before the dot.
const Target = "DynamoDB_20120810"

// Decide says whether the caller of a request may do something, and what that went
// by, if it is known. Its error's text is what AWS tells the caller, and what it wraps
// is for the log.
type Decide func(iam.Request) (iam.Decision, error)

// Config says which tables there are.
type Config struct {
	Region, AccountID string
	Tables            []TableConfig
	// Engine keeps the items.
	Engine Engine
	// Authenticate verifies a request's signature and gives what decides for its
	// caller. An *aws.Error is the refusal. It is asked without a body first: one that
	// wraps a *sigv4.Error whose Reason is not that the signature does not match is
	// the answer, and the body is not read.
	Authenticate func(r *http.Request, body []byte) (Decide, error)
	// Now is the clock; time.Now if nil.
	Now func() time.Time
	// Log is told of each request; nobody if nil.
	Log func(Event)
}

// An Engine answers DynamoDB's requests, to whoever asks.
type Engine interface {
	// Do sends an operation with its body and gives the answer, whose body the caller
	// closes.
	Do(ctx context.Context, operation string, body []byte) (*http.Response, error)
}

// TableConfig is a declared table.
type TableConfig struct {
	// Name is how the declaration calls it, and TableName how DynamoDB does.
	Name, TableName string
	// Fields are the types of the keys' attributes: S, N or B.
	Fields  []Field
	Key     Key
	Indexes []Index
}

// Field is an attribute that is part of a key.
type Field struct{ Name, Type string }

// Key names the attributes of a primary key; Sort may be empty.
type Key struct{ Partition, Sort string }

// Index is a secondary index.
type Index struct {
	Name  string
	Local bool
	Key   Key
	// Projection is ALL, KEYS_ONLY or INCLUDE, and Attributes what INCLUDE is of.
	Projection string
	Attributes []string
}

// Service answers DynamoDB's requests.
type Service struct {
	cfg    Config
	tables map[string]*TableConfig // by TableName
}

// New validates the configuration and starts nothing.
func New(cfg Config) (*Service, error) {
	if cfg.Engine == nil || cfg.Authenticate == nil {
		return nil, errors.New("making tables: there is no Engine or no Authenticate")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = func(Event) {}
	}
	s := &Service{cfg: cfg, tables: map[string]*TableConfig{}}
	for i := range cfg.Tables {
		t := &cfg.Tables[i]
		if s.tables[t.TableName] != nil || t.TableName == "" || t.Key.Partition == "" {
			return nil, fmt.Errorf("making tables: %q is twice there, or without a name or a key", t.Name)
		}
		s.tables[t.TableName] = t
	}
	return s, nil
}

// arn gives a table's ARN, or that of one of its indexes.
func (s *Service) arn(table, index string) string {
	resource := "table/" + table
	if index != "" {
		resource += "/index/" + index
	}
	return aws.ARN{Service: "dynamodb", Region: s.cfg.Region, AccountID: s.cfg.AccountID, Resource: resource}.String()
}

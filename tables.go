package doorwright

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/table"
)

// openTables prepares the declared tables. Without one there is no DynamoDB.
func (a *App) openTables(context.Context) error {
	cfg := table.Config{
		Region: a.decl.Region, AccountID: aws.AccountID, Authenticate: a.authenticateTables(), Now: a.cfg.Now, Log: a.tableEvent,
	}
	engine, from := "", ""
	for name, decl := range a.decl.Tables.All() {
		address, err := a.decl.Resolve(decl.Engine, a.attribute)
		if err != nil {
			return err
		}
		if from != "" && address != engine {
			return fmt.Errorf("%s: the tables of a stage have one engine, and %s has another: give both the same", a.decl.Pos("tables."+name), from)
		}
		engine, from = address, name
		cfg.Tables = append(cfg.Tables, a.tableConfig(name, decl))
	}
	if len(cfg.Tables) == 0 {
		return nil
	}
	if engine != "" {
		e, err := table.NewHTTPEngine(engine, a.decl.Region)
		if err != nil {
			return fmt.Errorf("%s: %w", a.decl.Pos("tables."+from+".engine"), err)
		}
		cfg.Engine = e
	} else {
		a.dynalite = table.NewDynalite(table.DynaliteConfig{
			Dir: a.decl.Dir, Data: filepath.Join(a.state.Dir(), "tables"), Region: a.decl.Region, AccountID: aws.AccountID,
			Log: func(line string) { a.observe(Event{Kind: KindWarning, Source: "tables", Text: printable(line)}) },
		})
		cfg.Engine = a.dynalite
	}
	var err error
	a.tables, err = table.New(cfg)
	return err
}

// keyTypes says the declaration's words for types in DynamoDB's.
var keyTypes = map[string]string{"string": "S", "number": "N", "binary": "B"}

// tableConfig says a declared table in the room's words.
func (a *App) tableConfig(name string, decl *app.Table) table.TableConfig {
	cfg := table.TableConfig{
		Name: name, TableName: a.tableName(name),
		Key: table.Key{Partition: decl.PrimaryIndex.PartitionKey, Sort: decl.PrimaryIndex.SortKey},
	}
	for field, kind := range decl.Fields.All() {
		cfg.Fields = append(cfg.Fields, table.Field{Name: field, Type: keyTypes[kind]})
	}
	for index, d := range decl.GlobalIndexes.All() {
		cfg.Indexes = append(cfg.Indexes, projected(table.Index{Name: index, Key: table.Key{Partition: d.PartitionKey, Sort: d.SortKey}}, d.Projection))
	}
	for index, d := range decl.LocalIndexes.All() {
		cfg.Indexes = append(cfg.Indexes, projected(table.Index{Name: index, Local: true, Key: table.Key{Partition: cfg.Key.Partition, Sort: d.SortKey}}, d.Projection))
	}
	return cfg
}

func projected(i table.Index, projection []string) table.Index {
	switch {
	case len(projection) == 1 && (projection[0] == "all" || projection[0] == "keys_only"):
		i.Projection = strings.ToUpper(projection[0])
	default:
		i.Projection, i.Attributes = "INCLUDE", projection
	}
	return i
}

// authenticateTables verifies who calls, and gives what decides for them.
func (a *App) authenticateTables() func(*http.Request, []byte) (table.Decide, error) {
	signedBy := a.signedBy(serviceDynamoDB)
	return func(r *http.Request, body []byte) (table.Decide, error) {
		principal, err := signedBy(r, body)
		if err != nil {
			return nil, signatureError(err)
		}
		request := iam.OfHTTP(r)
		return func(asked iam.Request) (iam.Decision, error) {
			own := asked.Context
			asked.Context = func(key string) ([]string, bool) {
				if values, ok := own(key); ok {
					return values, true
				}
				return request(key)
			}
			return a.refusal(principal, asked)
		}, nil
	}
}

// runTables keeps the engine of the tables, if it is a process of ours.
func (a *App) runTables(ctx context.Context) error {
	if a.dynalite == nil {
		<-ctx.Done()
		return nil
	}
	return a.dynalite.Run(ctx)
}

// createTables makes the declared tables that are not there yet.
func (a *App) createTables(ctx context.Context) error {
	if a.tables == nil {
		return nil
	}
	return a.tables.Create(ctx)
}

func (a *App) tableEvent(e table.Event) {
	kind := KindService
	if e.Status >= http.StatusInternalServerError {
		kind = KindError
	}
	if len(e.Decisions) > 0 {
		e.Caller = e.Decisions[0].Principal
	}
	o := operation{
		Outcome: e.Outcome, service: serviceDynamoDB, resource: e.Table, status: e.Status, decisions: e.Decisions, tell: touchedBy(e.Touched), size: sizeOfTouched(e.Touched),
	}
	a.operated(o)
	a.observe(a.denied(Event{Time: e.Time, Kind: kind, Source: serviceDynamoDB, RequestID: e.RequestID, Text: printable(e.String())}, o))
}

package stack_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/cloudformation/stack"
)

// tableDeployment is of a table with the global indexes, NAME:KEY, and its time to live.
func tableDeployment(ttl string, indexes ...string) stack.Deployment {
	var list []string
	for _, i := range indexes {
		name, key, _ := strings.Cut(i, ":")
		list = append(list, fmt.Sprintf(`{"IndexName": %q, "KeySchema": [{"AttributeName": %q, "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}`, name, key))
	}
	properties := `"GlobalSecondaryIndexes": [` + strings.Join(list, ", ") + `]`
	if ttl != "" {
		properties += `, "TimeToLiveSpecification": {"AttributeName": "` + ttl + `", "Enabled": true}`
	}
	return stack.Deployment{
		Template:  []byte(`{"Resources": {"Notes": {"Type": "AWS::DynamoDB::Table", "Properties": {` + properties + `}}}}`),
		Positions: map[string]string{"Notes": "doorwright.yaml:12:3"},
	}
}

// TestTablesChangeInSteps: what DynamoDB does in several updates is told of before the
// first of them fails.
func TestTablesChangeInSteps(t *testing.T) {
	f := newFake(t)
	deploy(t, f, tableDeployment("ends", "a:x", "b:y")) // a new table has all at once
	for name, c := range map[string]struct {
		d    stack.Deployment
		want string
	}{
		"two more":        {tableDeployment("ends", "a:x", "b:y", "c:x", "d:x"), "would have 2 global indexes made or deleted (+ c, + d)"},
		"two less":        {tableDeployment("ends"), "(- a, - b)"},
		"one for another": {tableDeployment("ends", "a:x", "c:y"), "(+ c, - b)"},
		"other keys":      {tableDeployment("ends", "a:z", "b:y"), "the index a of Notes (prod-notes-notes) has other keys"},
		"another end":     {tableDeployment("until", "a:x", "b:y"), "end by the attribute ends, and DynamoDB does not let until take its place"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, f, c.d, c.want, "doorwright.yaml:12:3") })
	}
	spaced := tableDeployment("ends", "a:x", "b:y")
	var b bytes.Buffer
	if err := json.Indent(&b, spaced.Template, "", "  "); err != nil {
		t.Fatal(err)
	}
	spaced.Template = b.Bytes()
	deploy(t, f, spaced)
	deploy(t, f, tableDeployment("ends", "b:y", "a:x", "c:z"))
	deploy(t, f, tableDeployment("", "a:x", "c:z"))
	deploy(t, f, tableDeployment("until", "a:x", "c:z"))
}

package awsjson_test

import (
	"reflect"
	"testing"

	"github.com/doorwright/doorwright/internal/wire/awsjson"
)

// TestViolationsOfMapsAndLists holds the texts of what a service's model says
// of maps and lists. No value of a map is shown, for it may be a token.
func TestViolationsOfMapsAndLists(t *testing.T) {
	type rule struct {
		Type string `json:"Type" shape:"Kind" required:"true"`
	}
	type input struct {
		Logins map[string]string `json:"Logins" keys:"Name" shape:"Token" items:"Few"`
		IDs    []string          `json:"Ids" items:"Few"`
		Rules  map[string]rule   `json:"Rules" keys:"Name"`
	}
	shapes := map[string]awsjson.Shape{
		"Name": awsjson.Text(1, 3, `[a-z]+`), "Token": {Least: 1, Most: 4, Sensitive: true}, "Few": {Least: 1, Most: 2},
		"Kind": {Values: []string{"Token", "Rules"}},
	}
	for body, want := range map[string]string{
		`{"Logins": {"a": "b"}, "Ids": ["x"], "Rules": {"a": {"Type": "Token"}}}`: "",
		`{}`: "",
		`{"Logins": {"A": "b"}}`: "1 validation error detected: Value at 'logins' failed to satisfy constraint: Map keys must satisfy constraint: " +
			"[Member must have length less than or equal to 3, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [a-z]+]",
		`{"Logins": {"a": "secret"}}`: "1 validation error detected: Value at 'logins' failed to satisfy constraint: Map value must satisfy constraint: " +
			"[Member must have length less than or equal to 4, Member must have length greater than or equal to 1]",
		`{"Logins": {}, "Ids": ["1", "2", "3"]}`: "2 validation errors detected: Value at 'logins' failed to satisfy constraint: Member must have length greater than or equal to 1; " +
			"Value at 'ids' failed to satisfy constraint: Member must have length less than or equal to 2",
		`{"Rules": {"a": {"Type": "X"}, "b": {}}}`: "2 validation errors detected: Value 'X' at 'rules.a.member.type' failed to satisfy constraint: Member must satisfy enum value set: [Token, Rules]; " +
			"Value null at 'rules.b.member.type' failed to satisfy constraint: Member must not be null",
	} {
		members, err := awsjson.Parse([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if got := awsjson.Violations(shapes, reflect.TypeFor[input](), members); got != want {
			t.Errorf("%s:\n got %s\nwant %s", body, got, want)
		}
	}
}

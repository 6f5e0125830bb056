package app_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/doorwright/doorwright/app"
)

func ExampleParse() {
	a, err := app.Parse("doorwright.yaml", []byte(`
name: notes
userPools:
  Users:
    signInAliases: [email]
    clients: {web: {authFlows: [userPassword]}}
apis:
  Api:
    authorizers: {users: {type: user_pool, userPool: Users}}
    defaults: {authorizer: users}
    routes:
      GET /notes: {url: "http://localhost:8080"}
      GET /health: {url: "http://localhost:8080", authorizer: none}
outputs: {ApiEndpoint: "${apis.Api.url}"}
`), app.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range a.Routes() {
		fmt.Println(r.Key, "->", r.Authorizer)
	}
	// Output:
	// GET /notes -> users
	// GET /health -> none
}

func ExampleErrorList() {
	_, err := app.Parse("doorwright.yaml", []byte(`name: notes
userPools:
  Users:
    signInAliases: [emial]
`), app.Options{})
	fmt.Println(err)

	var list app.ErrorList
	if errors.As(err, &list) {
		e := json.NewEncoder(os.Stdout)
		_ = e.Encode(list[0].Pos)
	}
	// Output:
	// doorwright.yaml:4:21: signInAliases: "emial" is not one of username, preferredUsername, email, phone
	//    4 |     signInAliases: [emial]
	//      |                     ^^^^^
	//      = did you mean "email"?
	// {"file":"doorwright.yaml","line":4,"column":21}
}

func ExampleApp_Resolve() {
	a, err := app.Parse("doorwright.yaml", []byte(`name: notes
apis: {Api: {}}
outputs: {Endpoint: "${apis.Api.url}/notes?stage=${stage}"}
`), app.Options{Stage: "test"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for name, output := range a.Outputs.All() {
		value, err := a.Resolve(output, func(r app.Ref) (string, error) {
			return "http://localhost:3100", nil // the only kind here is app.RefAPI
		})
		fmt.Println(name, value, err)
	}
	// Output: Endpoint http://localhost:3100/notes?stage=test <nil>
}

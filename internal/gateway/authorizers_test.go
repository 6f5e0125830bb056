package gateway_test

import (
	"net/http"

	"github.com/doorwright/doorwright/internal/authorizer"
)

// never is an authorizer that refuses everything.
type never struct{}

func (never) Authorize(*http.Request, []string) authorizer.Decision {
	return authorizer.Decision{Status: 401, Challenge: "Bearer", Reasons: []authorizer.Reason{{
		Code: "Never", Text: "never", Hint: "let it say yes", Facts: []authorizer.Fact{{Name: "what it says", Want: "yes", Got: "never"}},
		Change: &authorizer.Change{Where: authorizer.InFunction, Name: "never", Value: "yes"},
	}}}
}

// authorize is an authorizer that is a function.
type authorize func(*http.Request, []string) authorizer.Decision

func (f authorize) Authorize(r *http.Request, scopes []string) authorizer.Decision {
	return f(r, scopes)
}

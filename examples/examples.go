// Package examples holds the projects that `doorwright init` writes. Each is
// whole, and each is run by a test.
package examples

import "embed"

// Files holds the examples that stand alone, one folder each: account-api-go
// imports lambdaauth, which a module of its own has to require.
//
//go:embed quickstart api-auth-jwt-cognito-user-pool unicorns api-auth-auth0
//go:embed account-api/*.yaml account-api/*.json account-api/account account-api/authorizer
//go:embed notes/*.yaml notes/*.json notes/src
var Files embed.FS

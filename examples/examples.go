// Package examples holds the projects that `doorwright init` writes. Each is
// whole, and each is run by a test.
package examples

import "embed"

// Files holds the examples that stand alone, one folder each: account-api-go
// imports lambdaauth, which a module of its own has to require. Those with packages of
// npm are named file by file, for node_modules may lie beside them.
//
//go:embed quickstart api-auth-jwt-cognito-user-pool api-auth-auth0
//go:embed unicorns/*.yaml unicorns/*.json unicorns/src unicorns/web
//go:embed account-api/*.yaml account-api/*.json account-api/account account-api/authorizer
//go:embed notes/*.yaml notes/*.json notes/src
var Files embed.FS

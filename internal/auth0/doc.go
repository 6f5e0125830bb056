// Package auth0 stands in for Auth0 tenants: their Authentication API, universal
// login, and tokens in Auth0's shapes, role-based access control included.
//
// A tenant is what its configuration says, for as long as the process runs:
// applications, APIs, roles and users. What it keeps in the stage's store is
// what must outlive a run (keys, client ids and secrets, user ids) and what
// sign-ins make (grants, refresh tokens). No password is kept: those of the
// configuration stay in memory.
//
// Codes, browser sessions and forms are the shared engine's, internal/oidc;
// authorize.go and response.go, login.go, token.go and password.go, userinfo.go
// and logout.go are the endpoints, access.go the rules of who gets which scope,
// claims.go the tokens.
package auth0

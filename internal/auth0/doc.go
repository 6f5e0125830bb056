// Package auth0 stands in for Auth0 tenants: their Authentication API, universal
// login, and tokens in Auth0's shapes, role-based access control included.
//
// Applications are what the configuration says, and those that requests make
// beside them, which are kept. Users, roles and APIs are rows of
// the stage's store, which the configuration makes, and overwrites only where it
// was itself changed (declared.go): what requests change stays. They are read for
// each token, so that a role taken away is missed by the next one. Passwords are
// kept as PBKDF2 keys (hash.go).
//
// user.go, role.go and api.go keep them, in their caller's transaction.
//
// postlogin.go runs Actions, signup.go, reset.go, ticket.go and consent.go are the pages
// and endpoints of accounts.
//
// Codes, browser sessions and forms are the shared engine's, internal/oidc;
// authorize.go and response.go, login.go, token.go and password.go, userinfo.go
// and logout.go are the endpoints, access.go the rules of who gets which scope,
// claims.go the tokens. manage*.go are the Management API: one table of
// operations, each with the scopes that it needs.
package auth0

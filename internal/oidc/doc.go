// Package oidc is the engine of an OAuth 2.0 and OpenID Connect authorization
// server: authorization codes with PKCE, browser sessions, protection of forms
// against other sites, flights to identity providers elsewhere, and how
// requests, clients and redirect URIs are read and compared.
//
// It owns the tables oidc_* of the stage's store and no endpoint: a room that
// plays a provider (user pools, tenants) has its own paths, texts, users and
// tokens, and one Engine for each tenant. Nothing of one Engine is good at
// another: each row carries its tenant, each MAC its secret.
//
// What it hands out (codes, session cookies, states) is random and far beyond
// guessing, and is kept as a hash alone.
package oidc

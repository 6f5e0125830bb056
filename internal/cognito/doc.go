// Package cognito plays Amazon Cognito user pools: sign-up, sign-in, users,
// tokens, and the keys that verify them.
//
// It owns the user pools' state (its tables in the stage's store), the
// operations table that says what is emulated and who may call it, and the
// documents under /POOLID/.well-known. It does not own HTTP listeners, the
// verification of signatures of signed requests (Config.Authenticate), the
// functions that its triggers run (Config.Invoke), the decision about a
// request to an API (the gateway asks a Pool for its keys), nor identity pools.
//
// One request is followed through the files in this order: api.go (front:
// decode, authenticate, dispatch, encode), operations.go (the table), one file
// per flow (signup.go, auth.go, srp_auth.go, userauth.go, challenge.go, mfa.go
// and mfa_*.go, refresh.go, password.go, users.go, groups.go, admin.go, list.go,
// pools.go), trigger*.go for the functions that run inside the flows, never
// within a transaction, and below them tokens.go, codes.go, clients.go,
// attributes.go, step.go, record.go and schema.go for what the flows share.
//
// What is served is in directory.go: pools and clients are values that do not
// change and are replaced whole. admin_pools.go, attribute_schema.go,
// resource_servers.go and tags.go change them; settings.go says what a
// request's settings mean, oauth.go what a client may do at a domain.
//
// A pool with a domain has a second front: domain*.go are its OAuth endpoints,
// page*.go its hosted pages, federation.go the providers elsewhere. They run the
// operations above, and stand on package oidc for codes, browser sessions and
// forms.
//
// # Secrets at rest
//
// A password is kept as the salt and verifier of Cognito's SRP, so that both
// plain and SRP sign-in can be checked; whoever steals the state can guess
// offline. Codes, sessions and refresh tokens are kept as hashes. Private keys
// and client secrets are kept as they are, and so are the keys of software
// tokens, from which codes are computed: they must be used again. So is, for
// the minutes that a custom challenge may take, what the pool's functions keep
// of it to judge the answer.
package cognito

// Package identity plays Amazon Cognito identity pools: identities, the logins
// that they are known by, and the temporary credentials that they get.
//
// It owns the identities of the stage (its tables in the stage's store), the
// key that signs their OpenID tokens, and the operations table that says what is
// emulated and who may call it. It does not own HTTP listeners, the signatures of
// signed requests (Config.Authenticate), who the users of a provider are
// (Config.Provider), nor roles and credentials (Config.Account).
//
// One request is followed through the files in this order: api.go (front:
// decode, authenticate, dispatch, encode), operations.go (the table), then one
// file per flow: getid.go and credentials.go for what applications call,
// developer.go for the logins that a backend vouches for, pools.go, roles.go and
// tags.go for what administrators set, list.go for what they see. Below them
// logins.go verifies the tokens of a request, identities.go finds, links and
// merges the identities that they stand for, selection.go picks a role, and
// token.go signs and verifies OpenID tokens.
//
// # Who may have an identity
//
// An identity is a guest's until a login was linked to it, and never again
// afterwards. A guest's credentials go to whoever knows the identity's id, as on
// AWS: the id is its secret, of 122 random bits. Everybody else must show a token
// of one of the identity's logins each time, which is verified anew each time.
package identity

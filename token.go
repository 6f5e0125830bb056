package doorwright

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/cognito"
)

// TokenRequest says whose token is wanted.
type TokenRequest struct {
	// Pool and Client are the declared names of the user pool and its client.
	// They may be empty where there is only one.
	Pool, Client string
	// User is what the user signs in with. Required.
	User string
	// Attributes are set on the user, such as {"given_name": "Ada"}.
	Attributes map[string]string
}

// Tokens are what a sign-in gives: an ID token, an access token and a refresh
// token.
type Tokens struct{ ID, Access, Refresh string }

// Token gives a user's tokens, as the user would get them by signing in. A
// user who does not exist is created and confirmed, as by an administrator. It
// may be called while Run runs.
func (a *App) Token(ctx context.Context, r TokenRequest) (Tokens, error) {
	pool, client, err := a.poolAndClient(r.Pool, r.Client)
	if err != nil {
		return Tokens{}, err
	}
	if r.User == "" {
		return Tokens{}, errors.New("a token needs a user")
	}
	if err := a.ensureUser(ctx, pool, r); err != nil {
		return Tokens{}, err
	}
	tokens, err := client.SignIn(ctx, r.User)
	return Tokens(tokens), err
}

// poolAndClient finds a declared pool and its client; an empty name stands for
// the only one.
func (a *App) poolAndClient(poolName, clientName string) (*cognito.Pool, *cognito.Client, error) {
	poolName, err := oneOf("user pool", poolName, a.decl.UserPools.Keys())
	if err != nil {
		return nil, nil, err
	}
	decl, _ := a.decl.UserPools.Get(poolName)
	clientName, err = oneOf("client of user pool "+poolName, clientName, decl.Clients.Keys())
	if err != nil {
		return nil, nil, err
	}
	pool := a.pools.Pool(poolName)
	return pool, pool.Client(clientName), nil
}

func oneOf(what, name string, declared []string) (string, error) {
	switch {
	case name != "" && slices.Contains(declared, name):
		return name, nil
	case name != "":
		return "", fmt.Errorf("the declaration has no %s %q; it has %s", what, name, strings.Join(declared, ", "))
	case len(declared) == 1:
		return declared[0], nil
	case len(declared) == 0:
		return "", fmt.Errorf("the declaration has no %s", what)
	}
	return "", fmt.Errorf("the declaration has more than one %s, so name it: %s", what, strings.Join(declared, ", "))
}

// member is an attribute of a user on Cognito's wire.
type member struct{ Name, Value string }

// ensureUser creates and confirms a user who does not exist, or sets the
// attributes of one who does.
func (a *App) ensureUser(ctx context.Context, pool *cognito.Pool, r TokenRequest) error {
	var attributes []member
	for name, value := range r.Attributes {
		attributes = append(attributes, member{name, value})
	}
	who := map[string]any{"UserPoolId": pool.ID(), "Username": r.User}
	err := a.pools.Call(ctx, "AdminGetUser", who, nil)
	var refusal *aws.Error
	switch {
	case err == nil && len(attributes) == 0:
		return nil
	case err == nil:
		who["UserAttributes"] = attributes
		return a.pools.Call(ctx, "AdminUpdateUserAttributes", who, nil)
	case !errors.As(err, &refusal) || refusal.Code != "UserNotFoundException":
		return err
	}
	create := map[string]any{
		"UserPoolId": pool.ID(), "Username": r.User, "UserAttributes": a.verified(pool, r.User, attributes), "MessageAction": "SUPPRESS",
	}
	var created struct{ User struct{ Username string } }
	if err := a.pools.Call(ctx, "AdminCreateUser", create, &created); err != nil {
		return err
	}
	return a.pools.Call(ctx, "AdminSetUserPassword", map[string]any{
		"UserPoolId": pool.ID(), "Username": created.User.Username, "Password": randomPassword(), "Permanent": true,
	}, nil)
}

// verified adds that the address a user signs in with is verified, as it is
// for a user who has signed up and confirmed.
func (a *App) verified(pool *cognito.Pool, user string, attributes []member) []member {
	decl, _ := a.decl.UserPools.Get(pool.Name())
	name := "phone_number"
	if strings.Contains(user, "@") {
		name = "email"
	}
	alias := map[string]string{"email": "email", "phone_number": "phone"}[name]
	has := func(name string) bool {
		return slices.ContainsFunc(attributes, func(m member) bool { return m.Name == name })
	}
	if !signsInWith(decl, alias) || has(name+"_verified") {
		return attributes
	}
	if !has(name) {
		attributes = append(attributes, member{name, user})
	}
	return append(attributes, member{name + "_verified", "true"})
}

// signsInWith says whether users of a pool have an address as their name.
func signsInWith(p *app.UserPool, alias string) bool {
	return slices.Contains(p.SignInAliases, alias) && !slices.Contains(p.SignInAliases, "username")
}

// randomPassword satisfies every policy that Cognito lets one declare, for a
// user who will not type it.
func randomPassword() string {
	b := make([]byte, 72)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b) + "aA1!"
}

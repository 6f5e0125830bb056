package doorwright

import (
	"context"
	"errors"

	"github.com/doorwright/doorwright/internal/cognito"
	"github.com/doorwright/doorwright/internal/console"
	"github.com/doorwright/doorwright/internal/store"
)

// signUp is the purpose of a code that confirms who has signed up to a user pool.
const signUp = "sign-up"

// errNoCode is why a message confirms nobody.
var errNoCode = errors.New("this message confirms no sign-up")

// consoleMails gives the newest n messages from a place on to the console.
func (a *App) consoleMails(first uint64, n int) ([]console.Mail, error) {
	kept, err := a.state.Mailbox().Since(first, n)
	if err != nil {
		return nil, err
	}
	var list []console.Mail
	for _, k := range kept {
		m := console.Mail{
			ID: k.ID, Number: k.Number, At: k.At, To: k.To, Medium: k.Medium, Subject: k.Subject, Body: k.Body, Code: k.Code, Purpose: k.Purpose,
			Kind: console.Tenant, Place: k.Tenant, User: k.User, Confirms: k.Pool != "" && k.Purpose == signUp && k.Code != "",
		}
		if k.Pool != "" {
			m.Kind = console.UserPool
			for name := range a.decl.UserPools.All() {
				if a.pools.Pool(name).ID() == k.Pool {
					m.Place = name
				}
			}
		}
		list = append(list, m)
	}
	return list, nil
}

// confirmByMail confirms a sign-up by the code of a message, as the client does: by
// ConfirmSignUp. Codes are not of a client: any of the pool's is one to do it with.
func (a *App) confirmByMail(ctx context.Context, id string) error {
	k, ok, err := a.state.Mailbox().Find(id)
	switch {
	case err != nil:
		return err
	case !ok || k.Pool == "" || k.Purpose != signUp:
		return fixable(errNoCode, "the message may have been deleted, or be one of another kind")
	}
	in, err := a.asClient(ctx, k)
	if err != nil {
		return err
	}
	in["ConfirmationCode"] = k.Code
	return a.pools.Call(ctx, "ConfirmSignUp", in, nil)
}

// asClient gives the members of a request of a client about a message's user.
func (a *App) asClient(ctx context.Context, k store.Kept) (members, error) {
	pool := a.pools.PoolOfID(k.Pool)
	if pool == nil {
		return nil, fixable(errNoCode, "its user pool is not there any more")
	}
	ids := pool.ClientIDs()
	if len(ids) == 0 {
		return nil, fixable(errNoCode, "user pool "+pool.Name()+" has no client to confirm with; the user's page confirms as an administrator")
	}
	var out struct {
		UserPoolClient struct{ ClientSecret string }
	}
	if err := a.pools.Call(ctx, "DescribeUserPoolClient", members{"UserPoolId": k.Pool, "ClientId": ids[0]}, &out); err != nil {
		return nil, err
	}
	in := members{"ClientId": ids[0], "Username": k.User}
	if secret := out.UserPoolClient.ClientSecret; secret != "" {
		in["SecretHash"] = cognito.SecretHash(secret, k.User, ids[0])
	}
	return in, nil
}

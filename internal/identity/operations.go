package identity

import (
	"context"
	"reflect"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/wire/awsjson"
)

// auth says who may call an operation. The zero value asks for a signature.
type auth int

const (
	signed auth = iota
	unsigned
)

func (a auth) String() string { return [...]string{"signed", "unsigned"}[a] }

// handler runs an operation on a request's members.
type handler func(s *Service, ctx context.Context, c *call, members awsjson.Object) (any, error)

// operation is a row of the operations table.
type operation struct {
	name  string
	auth  auth
	serve handler
	// onPool marks operations that are about the pool of IdentityPoolId, and onARN
	// those about the one of ResourceArn, as IAM sees them; the others are about
	// "*". The other member beside it says nothing.
	onPool, onARN bool
	// noOutput marks operations whose model has no output: their answer has no
	// body at all.
	noOutput bool
	// note says what a caller would not expect.
	note string
}

const (
	noteOwned     = "what is declared is refused: it is changed in doorwright.yaml"
	noteProviders = "user pools, OpenID Connect providers that the declaration names, developer logins; SAML and public providers are refused"
	noteMappings  = noteOwned + "; Token mappings are for user pools"
)

// operationTable lists every operation of the service's model. Unsigned are
// exactly those that the model marks so.
func operationTable() []operation {
	return []operation{
		// What applications call.
		{name: "GetId", auth: unsigned, serve: on((*Service).getID)},
		{name: "GetCredentialsForIdentity", auth: unsigned, serve: on((*Service).getCredentials)},
		{name: "GetOpenIdToken", auth: unsigned, serve: on((*Service).getToken), note: "where the pool allows the classic flow"},
		{name: "UnlinkIdentity", auth: unsigned, serve: on((*Service).unlinkIdentity), noOutput: true},

		// Logins that a backend vouches for.
		{name: "GetOpenIdTokenForDeveloperIdentity", onPool: true, serve: on((*Service).getDeveloperToken)},
		{name: "LookupDeveloperIdentity", onPool: true, serve: on((*Service).lookupDeveloper)},
		{name: "MergeDeveloperIdentities", onPool: true, serve: on((*Service).mergeDevelopers)},
		{name: "UnlinkDeveloperIdentity", onPool: true, serve: on((*Service).unlinkDeveloper), noOutput: true},

		// Identities, by an administrator.
		{name: "DescribeIdentity", serve: on((*Service).describeIdentity)},
		{name: "ListIdentities", onPool: true, serve: on((*Service).listIdentities)},
		{name: "DeleteIdentities", serve: on((*Service).deleteIdentities)},

		// Pools.
		{name: "CreateIdentityPool", serve: on((*Service).createPool), note: noteProviders},
		{name: "DescribeIdentityPool", onPool: true, serve: on((*Service).describePool)},
		{name: "UpdateIdentityPool", onPool: true, serve: on((*Service).updatePool), note: noteProviders + "; " + noteOwned},
		{name: "DeleteIdentityPool", onPool: true, serve: on((*Service).deletePool), noOutput: true, note: noteOwned},
		{name: "ListIdentityPools", serve: on((*Service).listPools)},
		{name: "SetIdentityPoolRoles", onPool: true, serve: on((*Service).setRoles), noOutput: true, note: noteMappings},
		{name: "GetIdentityPoolRoles", onPool: true, serve: on((*Service).getRoles)},
		{name: "SetPrincipalTagAttributeMap", onPool: true, serve: on((*Service).setTagMap)},
		{name: "GetPrincipalTagAttributeMap", onPool: true, serve: on((*Service).getTagMap)},
		{name: "TagResource", onARN: true, serve: on((*Service).tagResource)},
		{name: "UntagResource", onARN: true, serve: on((*Service).untagResource)},
		{name: "ListTagsForResource", onARN: true, serve: on((*Service).listTags)},
	}
}

// operations is the table by wire name. Nothing writes to it.
var operations = func() map[string]*operation {
	byName := map[string]*operation{}
	for _, o := range operationTable() {
		byName[o.name] = &o
	}
	return byName
}()

// Operations gives the rows of the compatibility table, by name.
func Operations() []aws.Operation {
	var rows []aws.Operation
	for _, o := range operations {
		rows = append(rows, aws.Operation{Service: "cognito-identity", Name: o.name, Status: "emulated", Auth: o.auth.String(), Note: o.note})
	}
	slices.SortFunc(rows, func(a, b aws.Operation) int { return strings.Compare(a.Name, b.Name) })
	return rows
}

// on makes a handler of a method that takes and gives the wire's structures.
func on[In, Out any](serve func(*Service, context.Context, *call, *In) (*Out, error)) handler {
	return func(s *Service, ctx context.Context, c *call, members awsjson.Object) (any, error) {
		in := new(In)
		if err := members.Decode(in); err != nil {
			return nil, err
		}
		if message := awsjson.Violations(shapes, reflect.TypeFor[In](), members); message != "" {
			return nil, invalid("%s", message)
		}
		out, err := serve(s, ctx, c, in)
		if err != nil {
			return nil, err
		}
		return out, nil
	}
}

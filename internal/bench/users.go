package main

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/cognito"
	"github.com/doorwright/doorwright/internal/oidc"
	"github.com/doorwright/doorwright/internal/store"
)

// password is that of every user.
const password = "Passw0rd!"

// userPool is a user pool with its state on disk.
type userPool struct {
	stage      *store.Stage
	service    *cognito.Service
	id, client string
	signedUp   int
}

// newUserPool opens a pool in a stage of its own.
func newUserPool(ctx context.Context, b *bench, name string) (*userPool, error) {
	stage, err := store.Open(ctx, store.Path(b.dir, name), store.Options{Migrations: slices.Concat(cognito.Migrations(), oidc.Migrations())})
	if err != nil {
		return nil, err
	}
	service, err := cognito.New(cognito.Config{
		Region: "us-east-1", AccountID: aws.AccountID, IssuerBase: "http://localhost:4566", Now: time.Now,
		DB: stage.DB(), Mailbox: stage.Mailbox(),
		Pools: []cognito.PoolConfig{{Name: "Users", Clients: []cognito.ClientConfig{
			{Name: "web", ExplicitAuthFlows: []string{"ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"}},
		}}},
		Authenticate: func(*http.Request, []byte) (cognito.Principal, error) {
			return cognito.Principal{}, errors.New("nothing is signed here")
		},
	})
	if err == nil {
		err = service.Open(ctx)
	}
	if err != nil {
		stage.Close()
		return nil, err
	}
	pool := service.Pool("Users")
	return &userPool{stage: stage, service: service, id: pool.ID(), client: pool.ClientID("web")}, nil
}

func (p *userPool) close() { p.stage.Close() }

func (p *userPool) call(ctx context.Context, operation string, in object, out any) error {
	if err := p.service.Call(ctx, operation, in, out); err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	return nil
}

// create makes a user who can sign in.
func (p *userPool) create(ctx context.Context, name string, attributes ...object) error {
	in := object{"UserPoolId": p.id, "Username": name, "MessageAction": "SUPPRESS", "UserAttributes": attributes}
	if err := p.call(ctx, "AdminCreateUser", in, nil); err != nil {
		return err
	}
	return p.call(ctx, "AdminSetUserPassword", object{"UserPoolId": p.id, "Username": name, "Password": password, "Permanent": true}, nil)
}

func (p *userPool) signIn(ctx context.Context, name string) error {
	return p.call(ctx, "InitiateAuth", object{
		"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": p.client, "AuthParameters": object{"USERNAME": name, "PASSWORD": password},
	}, nil)
}

func (p *userPool) signUp(ctx context.Context) error {
	p.signedUp++
	name := fmt.Sprintf("new%d", p.signedUp)
	return p.call(ctx, "SignUp", object{
		"ClientId": p.client, "Username": name, "Password": password, "UserAttributes": []object{{"Name": "email", "Value": name + "@example.com"}},
	}, nil)
}

// first is the user that the others are copies of, but for the seven digits
// and the sub.
const first = "user0000000"

// fill gives the pool n users: some that were made as users are, of whom one
// is disabled, and copies of the first. A password for each would take an hour.
func (p *userPool) fill(ctx context.Context, n int) error {
	err := p.create(ctx, first, attributes("email", first+"@example.com", "phone_number", "+491700000000", "name", "Ann", "given_name", "Ann",
		"family_name", first, "preferred_username", first)...)
	if err != nil {
		return err
	}
	if err := p.create(ctx, "disabled"); err != nil {
		return err
	}
	if err := p.call(ctx, "AdminDisableUser", object{"UserPoolId": p.id, "Username": "disabled"}, nil); err != nil {
		return err
	}
	for at := 1; at < n; {
		var copies [][2]string
		for ; at < n && len(copies) < 5000; at++ {
			copies = append(copies, [2]string{aws.NewRequestID(), fmt.Sprintf("%07d", at)})
		}
		list, err := json.Marshal(copies)
		if err != nil {
			return err
		}
		err = p.stage.DB().Write(ctx, func(tx *sql.Tx) error {
			for _, statement := range []string{
				`INSERT INTO cognito_user SELECT pool, j.value->>0, replace(username, '0000000', j.value->>1), status, enabled, salt, verifier, password_set,
				   created, modified, replace(attributes, '0000000', j.value->>1) FROM cognito_user u, json_each(?) j WHERE u.username = ?`,
				`INSERT INTO cognito_name SELECT n.pool, replace(replace(n.key, u.sub, j.value->>0), '0000000', j.value->>1), n.kind, j.value->>0
				   FROM cognito_name n JOIN cognito_user u ON u.sub = n.sub, json_each(?) j WHERE u.username = ?`,
				`INSERT INTO cognito_search SELECT s.pool, j.value->>0, s.name, replace(s.value, '0000000', j.value->>1)
				   FROM cognito_search s JOIN cognito_user u ON u.sub = s.sub, json_each(?) j WHERE u.username = ?`,
			} {
				if _, err := tx.ExecContext(ctx, statement, string(list), first); err != nil {
					return fmt.Errorf("copying a user: %w", err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func attributes(namesAndValues ...string) (list []object) {
	for i := 0; i < len(namesAndValues); i += 2 {
		list = append(list, object{"Name": namesAndValues[i], "Value": namesAndValues[i+1]})
	}
	return list
}

// userLists are filters of ListUsers that match the same number of users, or
// more than a page of them, however many there are.
var userLists = []string{
	``, `username = "user0000050"`, `username ^= "user00000"`, `email = "user0000050@example.com"`, `email ^= "user00000"`,
	`phone_number = "+491700000050"`, `phone_number ^= "+4917000000"`, `name = "Ann"`, `name ^= "An"`, `given_name = "Ann"`, `given_name ^= "An"`,
	`family_name = "user0000050"`, `family_name ^= "user00000"`, `preferred_username = "user0000050"`, `preferred_username ^= "user00000"`,
	`cognito:user_status = "CONFIRMED"`, `cognito:user_status ^= "CONF"`, `cognito:user_status = "RESET_REQUIRED"`, `status = "Enabled"`, `status = "Disabled"`,
}

// list calls ListUsers for ten users and gives how many there are.
func (p *userPool) list(ctx context.Context, filter, token string) (int, error) {
	var out struct{ Users []struct{ Username string } }
	in := object{"UserPoolId": p.id, "Limit": 10, "Filter": filter}
	if token != "" {
		in["PaginationToken"] = token
	}
	err := p.call(ctx, "ListUsers", in, &out)
	return len(out.Users), err
}

// half gives the token of a page in the middle of a list.
func (p *userPool) half(ctx context.Context, filter string, users int) (string, error) {
	token := ""
	for range max(1, users/2/60) {
		var out struct{ PaginationToken string }
		in := object{"UserPoolId": p.id, "Limit": min(60, users/2), "Filter": filter}
		if token != "" {
			in["PaginationToken"] = token
		}
		if err := p.call(ctx, "ListUsers", in, &out); err != nil {
			return "", err
		}
		token = out.PaginationToken
	}
	return token, nil
}

// measureUsers sets a pool with many users beside one with few.
func measureUsers(ctx context.Context, b *bench) ([]result, error) {
	const few = 100
	many := b.pick(100_000, 400)
	var pools [2]*userPool
	for i, n := range []int{many, few} {
		p, err := newUserPool(ctx, b, fmt.Sprintf("users-%d", n))
		if err != nil {
			return nil, err
		}
		defer p.close()
		if err := p.fill(ctx, n); err != nil {
			return nil, err
		}
		pools[i] = p
	}
	what := fmt.Sprintf(" in a pool of %d users, of the same in one of %d", many, few)
	lists, err := compareLists(ctx, b, pools, [2]int{many, few})
	if err != nil {
		return nil, err
	}
	lists.Row, lists.What = "users-list", "a page of ListUsers"+what+": the filter that loses most"
	results := []result{lists}
	for _, c := range []struct {
		row, what string
		do        func(*userPool) error
	}{
		{"users-sign-in", "a sign-in with a password", func(p *userPool) error { return p.signIn(ctx, first) }},
		{"users-sign-up", "a sign-up", func(p *userPool) error { return p.signUp(ctx) }},
	} {
		side := func(p *userPool) side { return middle(b.pick(5, 1), func() error { return c.do(p) }) }
		r, err := alternate(b.pick(61, 1), side(pools[0]), side(pools[1]))
		if err != nil {
			return nil, err
		}
		r.Row, r.What, r.Unit = c.row, c.what+what, "ns"
		results = append(results, r)
	}
	for i := range results {
		results[i] = results[i].atMost(1.5)
	}
	return results, nil
}

// compareLists gives the row of the list with the worst ratio, of all filters
// and of a page in the middle.
func compareLists(ctx context.Context, b *bench, pools [2]*userPool, users [2]int) (worst result, err error) {
	type list struct {
		filter string
		middle bool
	}
	lists := []list{{"", true}, {`name = "Ann"`, true}, {`email ^= "user"`, true}, {`status = "Enabled"`, true}}
	for _, filter := range userLists {
		lists = append(lists, list{filter, false})
	}
	var ratios []string
	for _, l := range lists {
		name := cmp.Or(l.filter, "no filter")
		if l.middle {
			name += ", a page in the middle"
		}
		var sides [2]side
		var found [2]int
		for i, p := range pools {
			token := ""
			if l.middle {
				if token, err = p.half(ctx, l.filter, users[i]); err != nil {
					return worst, err
				}
			}
			sides[i] = middle(b.pick(7, 1), func() (err error) { found[i], err = p.list(ctx, l.filter, token); return err })
		}
		r, err := alternate(b.pick(31, 1), sides[0], sides[1])
		if err != nil {
			return worst, err
		}
		if found[0] != found[1] {
			return worst, fmt.Errorf("the filter %q finds %d users of many and %d of few", name, found[0], found[1])
		}
		ratios = append(ratios, fmt.Sprintf("%s: %.2f", name, r.Ratio))
		if r.Ratio > worst.Ratio {
			worst = r
		}
	}
	worst.Unit, worst.Note = "ns", strings.Join(ratios, "; ")
	return worst, nil
}

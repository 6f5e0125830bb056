package doorwright

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/cognito"
	"github.com/doorwright/doorwright/internal/oidc"
)

// poolRoom is a user pool as a room for users.
type poolRoom struct {
	app  *App
	pool *cognito.Pool
	decl *app.UserPool
}

func (a *App) poolDirectory(name string) *Directory {
	decl, _ := a.decl.UserPools.Get(name)
	return &Directory{Pool: name, app: a, room: &poolRoom{a, a.pools.Pool(name), decl}}
}

// members are those of a request.
type members map[string]any

// call runs an operation of the pool as an administrator.
func (p *poolRoom) call(ctx context.Context, operation string, in members, out any) error {
	in["UserPoolId"] = p.pool.ID()
	return p.app.pools.Call(ctx, operation, in, out)
}

// poolUser is UserType, and what AdminGetUser answers.
type poolUser struct {
	Username                             string
	Attributes, UserAttributes           []member
	Enabled                              bool
	UserStatus                           string
	UserCreateDate, UserLastModifiedDate json.Number
	UserMFASettingList                   []string
	PreferredMfaSetting                  string
}

func (u *poolUser) user() User {
	out := User{
		Name: u.Username, Status: u.UserStatus, Enabled: u.Enabled, Created: seconds(u.UserCreateDate), Changed: seconds(u.UserLastModifiedDate),
		MFA: u.UserMFASettingList, Attributes: []Attribute{},
	}
	if i := slices.Index(out.MFA, u.PreferredMfaSetting); i > 0 {
		out.MFA[0], out.MFA[i] = out.MFA[i], out.MFA[0]
	}
	for _, m := range slices.Concat(u.Attributes, u.UserAttributes) {
		switch m.Name {
		case "email":
			out.Email = m.Value
		case "email_verified":
			out.EmailVerified = m.Value == "true"
		default:
			out.Attributes = append(out.Attributes, Attribute(m))
		}
	}
	return out
}

// seconds reads a time of the wire: seconds since the epoch.
func seconds(n json.Number) time.Time {
	f, err := n.Float64()
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(int64(f*1000 + 0.5)).UTC()
}

func (p *poolRoom) list(ctx context.Context, f UserFilter) (UserPage, error) {
	in := members{"Limit": f.Limit}
	if f.Text != "" {
		in["Filter"] = p.filter(f.Text)
	}
	if f.Page != "" {
		in["PaginationToken"] = f.Page
	}
	var out struct {
		Users           []poolUser
		PaginationToken string
	}
	if err := p.call(ctx, "ListUsers", in, &out); err != nil {
		return UserPage{}, err
	}
	page := UserPage{Next: out.PaginationToken}
	for _, u := range out.Users {
		page.Users = append(page.Users, u.user())
	}
	return page, nil
}

// filter gives ListUsers' filter: a word is what the name begins with that users have.
func (p *poolRoom) filter(text string) string {
	if strings.ContainsAny(text, `="`) {
		return text
	}
	name := "username"
	switch {
	case strings.HasPrefix(text, "+"):
		name = "phone_number"
	case strings.Contains(text, "@") || signsInWith(p.decl, "email"):
		name = "email"
	}
	return name + ` ^= "` + strings.ReplaceAll(text, `\`, `\\`) + `"`
}

func (p *poolRoom) user(ctx context.Context, name string) (*User, error) {
	var found poolUser
	if err := p.call(ctx, "AdminGetUser", members{"Username": name}, &found); err != nil {
		return nil, err
	}
	u := found.user()
	err := p.pages(ctx, "AdminListGroupsForUser", members{"Username": found.Username}, func(g poolGroup) { u.Groups = append(u.Groups, g.GroupName) })
	if err != nil {
		return nil, err
	}
	return &u, nil
}

// poolGroup is GroupType.
type poolGroup struct{ GroupName, Description, RoleArn string }

// pages reads a whole list of groups.
func (p *poolRoom) pages(ctx context.Context, operation string, in members, each func(poolGroup)) error {
	for {
		var out struct {
			Groups    []poolGroup
			NextToken string
		}
		if err := p.call(ctx, operation, in, &out); err != nil {
			return err
		}
		for _, g := range out.Groups {
			each(g)
		}
		if in["NextToken"] = out.NextToken; out.NextToken == "" {
			return nil
		}
	}
}

func (p *poolRoom) create(ctx context.Context, n NewUser) (string, error) {
	var attributes []member
	for _, one := range n.Attributes {
		attributes = append(attributes, member(one))
	}
	// The password goes along also where it is not temporary, so that one that the
	// policy refuses makes no user.
	in := members{"Username": n.Name, "UserAttributes": p.app.verified(p.pool, n.Name, attributes), "MessageAction": "SUPPRESS"}
	if n.Password != "" {
		in["TemporaryPassword"] = n.Password
	} else {
		if !slices.ContainsFunc(in["UserAttributes"].([]member), func(m member) bool { return m.Name == "email" || m.Name == "phone_number" }) {
			return "", fixable(errors.New("there is no address to send a temporary password to"), "give the user the attribute email, or a password")
		}
		delete(in, "MessageAction")
		in["DesiredDeliveryMediums"] = []string{"EMAIL", "SMS"}
	}
	var out struct{ User poolUser }
	if err := p.call(ctx, "AdminCreateUser", in, &out); err != nil {
		return "", err
	}
	name := out.User.Username
	if n.Temporary {
		return name, nil
	}
	if err := p.change(ctx, name, UserChange{Password: n.Password}); err != nil {
		return "", errors.Join(err, p.remove(context.WithoutCancel(ctx), name))
	}
	return name, nil
}

func (p *poolRoom) change(ctx context.Context, name string, c UserChange) error {
	type step struct {
		operation string
		in        members
	}
	var steps []step
	if len(c.Attributes) > 0 {
		var attributes []member
		for _, one := range c.Attributes {
			attributes = append(attributes, member(one))
		}
		steps = append(steps, step{"AdminUpdateUserAttributes", members{"UserAttributes": attributes}})
	}
	if c.Confirmed {
		steps = append(steps, step{"AdminConfirmSignUp", members{}})
	}
	if c.Password != "" {
		steps = append(steps, step{"AdminSetUserPassword", members{"Password": c.Password, "Permanent": !c.Temporary}})
	}
	if c.Enabled != nil {
		steps = append(steps, step{map[bool]string{true: "AdminEnableUser", false: "AdminDisableUser"}[*c.Enabled], members{}})
	}
	for _, group := range c.Join {
		steps = append(steps, step{"AdminAddUserToGroup", members{"GroupName": group}})
	}
	for _, group := range c.Leave {
		steps = append(steps, step{"AdminRemoveUserFromGroup", members{"GroupName": group}})
	}
	if len(c.Grant)+len(c.Revoke) > 0 {
		return p.noPermissions()
	}
	for _, s := range steps {
		s.in["Username"] = name
		if err := p.call(ctx, s.operation, s.in, nil); err != nil {
			return err
		}
	}
	return nil
}

func (p *poolRoom) remove(ctx context.Context, name string) error {
	return p.call(ctx, "AdminDeleteUser", members{"Username": name}, nil)
}

func (p *poolRoom) groups(ctx context.Context) ([]Group, error) {
	list := []Group{}
	err := p.pages(ctx, "ListGroups", members{}, func(g poolGroup) {
		list = append(list, Group{Name: g.GroupName, Description: g.Description, Role: g.RoleArn})
	})
	return list, err
}

// noPermissions refuses what a tenant alone has.
func (p *poolRoom) noPermissions() error {
	return fixable(fmt.Errorf("user pool %s has no permissions of its own", p.pool.Name()), "a group has an IAM role: userPools."+p.pool.Name()+".groups in doorwright.yaml says what it may do")
}

func (p *poolRoom) createGroup(ctx context.Context, g Group) error {
	if len(g.Permissions) > 0 {
		return p.noPermissions()
	}
	in := members{"GroupName": g.Name}
	for name, value := range map[string]string{"Description": g.Description, "RoleArn": g.Role} {
		if value != "" {
			in[name] = value
		}
	}
	return p.call(ctx, "CreateGroup", in, nil)
}

func (p *poolRoom) changeGroup(context.Context, string, []Permission, []Permission) error {
	return p.noPermissions()
}

func (p *poolRoom) removeGroup(ctx context.Context, name string) error {
	return p.call(ctx, "DeleteGroup", members{"GroupName": name}, nil)
}

func (p *poolRoom) signIns(ctx context.Context, name string) ([]oidc.SignIn, error) {
	return p.pool.SignIns(ctx, name)
}

func (p *poolRoom) endSignIn(ctx context.Context, name, id string) (bool, error) {
	return p.pool.EndSignIn(ctx, name, id)
}

func (p *poolRoom) endAll(ctx context.Context, name string) error {
	return p.call(ctx, "AdminUserGlobalSignOut", members{"Username": name}, nil)
}

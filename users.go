package doorwright

import (
	"context"
	"fmt"
)

// A UsersQuery asks a running stage about users, or to change some.
type UsersQuery struct {
	// Pool or Tenant says where the users are. Both may be empty if there is one place.
	Pool, Tenant string
	// Do is what is to be done.
	Do UsersAction
	// User is whom it is about, by any name that the user signs in with.
	User string
	// What follows is read by the actions that say so.
	Filter  UserFilter   // ListUsers
	New     NewUser      // CreateUser
	Change  UserChange   // ChangeUser
	SignIn  string       // EndSignIn
	Group   Group        // CreateGroup; its Name alone for ChangeGroup and DeleteGroup
	Granted []Permission // ChangeGroup
	Revoked []Permission // ChangeGroup
}

// UsersAction is what a UsersQuery asks for.
type UsersAction string

// The actions.
const (
	ListUsers   UsersAction = "list"
	ShowUser    UsersAction = "show"
	CreateUser  UsersAction = "create"
	ChangeUser  UsersAction = "change"
	DeleteUser  UsersAction = "delete"
	ListSignIns UsersAction = "sign-ins"
	EndSignIn   UsersAction = "end-sign-in"
	SignOutUser UsersAction = "sign-out"
	ListGroups  UsersAction = "groups"
	CreateGroup UsersAction = "create-group"
	ChangeGroup UsersAction = "change-group"
	DeleteGroup UsersAction = "delete-group"
)

// A UsersAnswer is what came of a UsersQuery: what the action shows.
type UsersAnswer struct {
	// Pool or Tenant is where the users are.
	Pool, Tenant string
	Page         *UserPage
	// User is as it is after the action.
	User    *User
	Groups  []Group
	SignIns []SignIn
}

// AskUsers asks the running stage of the app in dir about users.
func AskUsers(ctx context.Context, dir, stage string, q UsersQuery) (UsersAnswer, error) {
	var a UsersAnswer
	if err := askStage(ctx, dir, stage, usersTarget, q, &a); err != nil {
		return UsersAnswer{}, err
	}
	return a, nil
}

// queriedUsers answers AskUsers.
func (a *App) queriedUsers(ctx context.Context, q UsersQuery) (any, error) {
	d, err := a.Directory(q.Pool, q.Tenant)
	if err != nil {
		return nil, err
	}
	answer := UsersAnswer{Pool: d.Pool, Tenant: d.Tenant}
	switch q.Do {
	case ListUsers:
		page, err := d.List(ctx, q.Filter)
		answer.Page = &page
		return answer, err
	case CreateUser:
		answer.User, err = d.Create(ctx, q.New)
		return answer, err
	case DeleteUser:
		return answer, d.Delete(ctx, q.User)
	case ListSignIns:
		answer.SignIns, err = d.SignIns(ctx, q.User)
		return answer, err
	case EndSignIn:
		err = d.EndSignIn(ctx, q.User, q.SignIn)
	case SignOutUser:
		err = d.SignOut(ctx, q.User)
	case ChangeUser:
		err = d.Change(ctx, q.User, q.Change)
	case ShowUser:
	case ListGroups, CreateGroup, ChangeGroup, DeleteGroup:
		return d.queriedGroups(ctx, q, answer)
	default:
		err = fmt.Errorf("users cannot be asked to %q: the program that asks may be of another version", q.Do)
	}
	if err == nil {
		answer.User, err = d.User(ctx, q.User)
	}
	return answer, err
}

// queriedGroups does what is about groups, and shows all that there then are.
func (d *Directory) queriedGroups(ctx context.Context, q UsersQuery, answer UsersAnswer) (any, error) {
	var err error
	switch q.Do {
	case CreateGroup:
		err = d.CreateGroup(ctx, q.Group)
	case ChangeGroup:
		err = d.ChangeGroup(ctx, q.Group.Name, q.Granted, q.Revoked)
	case DeleteGroup:
		err = d.DeleteGroup(ctx, q.Group.Name)
	}
	if err == nil {
		answer.Groups, err = d.Groups(ctx)
	}
	return answer, err
}

package cognito_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/cognito"
)

// group names a group to an operation, with more members.
func (w *world) group(name string, more obj) obj {
	return with(obj{"UserPoolId": w.pool(), "GroupName": name}, more)
}

func (w *world) join(name string, groups ...string) {
	w.t.Helper()
	for _, g := range groups {
		if a := w.send("AdminAddUserToGroup", w.group(g, obj{"Username": name})); a.status != 200 || a.body != "" {
			w.t.Fatalf("AdminAddUserToGroup: %d %s", a.status, a.body)
		}
	}
}

// listed gives a member of each entry of a list.
func listed(list any, member string) string {
	var values []string
	for _, item := range list.([]any) {
		values = append(values, item.(obj)[member].(string))
	}
	return strings.Join(values, " ")
}

func TestGroups(t *testing.T) {
	w := newWorld(t, emailPool())
	w.confirmed("a@example.com")
	role := "arn:aws:iam::000000000000:role/riders"
	created := w.do("CreateGroup", w.group("riders", obj{"Description": "They ride", "RoleArn": role, "Precedence": 0}))["Group"].(obj)
	want := fmt.Sprintf(`{"CreationDate":1795168800,"Description":"They ride","GroupName":"riders","LastModifiedDate":1795168800,"Precedence":0,"RoleArn":%q,"UserPoolId":%q}`, role, w.pool())
	if got, _ := json.Marshal(created); string(got) != want {
		t.Errorf("created:\n got %s\nwant %s", got, want)
	}
	w.refused("CreateGroup", w.group("riders", nil), "GroupExistsException", "A group with the name riders already exists.")
	updated := w.do("UpdateGroup", w.group("riders", obj{"Precedence": 7}))["Group"].(obj)
	if updated["Precedence"] != 7.0 || updated["Description"] != "They ride" || updated["RoleArn"] != role {
		t.Errorf("updated %v", updated)
	}
	if got := w.do("GetGroup", w.group("riders", nil))["Group"].(obj); got["Precedence"] != 7.0 {
		t.Errorf("GetGroup %v", got)
	}
	w.join("a@example.com", "riders", "riders")
	if got := listed(w.do("AdminListGroupsForUser", w.user("a@example.com"))["Groups"], "GroupName"); got != "riders" {
		t.Errorf("groups of the user: %s", got)
	}
	users := w.do("ListUsersInGroup", w.group("riders", nil))["Users"].([]any)
	if len(users) != 1 || users[0].(obj)["UserStatus"] != "CONFIRMED" || users[0].(obj)["Attributes"] == nil {
		t.Errorf("members: %v", users)
	}
	for range 2 {
		if a := w.send("AdminRemoveUserFromGroup", w.group("riders", obj{"Username": "a@example.com"})); a.status != 200 || a.body != "" {
			t.Errorf("AdminRemoveUserFromGroup: %d %s", a.status, a.body)
		}
	}
	w.join("a@example.com", "riders")
	if a := w.send("DeleteGroup", w.group("riders", nil)); a.status != 200 || a.body != "" {
		t.Errorf("DeleteGroup: %d %s", a.status, a.body)
	}
	for _, operation := range []string{"GetGroup", "UpdateGroup", "DeleteGroup", "ListUsersInGroup"} {
		w.refused(operation, w.group("riders", nil), "ResourceNotFoundException", "Group not found.")
	}
	for _, operation := range []string{"AdminAddUserToGroup", "AdminRemoveUserFromGroup"} {
		w.refused(operation, w.group("riders", obj{"Username": "a@example.com"}), "ResourceNotFoundException", "Group not found.")
		w.refused(operation, w.group("riders", obj{"Username": "no@example.com"}), "UserNotFoundException", "User does not exist.")
	}
	w.refused("AdminListGroupsForUser", w.user("no@example.com"), "UserNotFoundException", "User does not exist.")
	w.do("CreateGroup", w.group("riders", nil)) // another group of that name has no members
	if users := w.do("ListUsersInGroup", w.group("riders", nil))["Users"].([]any); len(users) != 0 {
		t.Errorf("members of the new group: %v", users)
	}
	w.refused("CreateGroup", w.group("a b", nil), "InvalidParameterException",
		`1 validation error detected: Value 'a b' at 'groupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\p{L}\p{M}\p{S}\p{N}\p{P}]+`)
	w.refused("CreateGroup", w.group("x", obj{"Precedence": -1}), "InvalidParameterException",
		"1 validation error detected: Value '-1' at 'precedence' failed to satisfy constraint: Member must have value greater than or equal to 0")
	if a := w.send("CreateGroup", w.group("x", obj{"RoleArn": "administrator-of-it-all"})); a.status != 400 || !strings.Contains(a.body, "'roleArn' failed to satisfy constraint") {
		t.Errorf("RoleArn: %d %s", a.status, a.body)
	}
	if a := w.send("CreateGroup", w.group("x", obj{"Description": strings.Repeat("x", 2049)})); a.status != 400 {
		t.Errorf("a long description: %d %s", a.status, a.body)
	}
}

func TestGroupPages(t *testing.T) {
	w := newWorld(t, emailPool())
	w.do("CreateGroup", w.group("all", nil))
	var subs []string
	for i := range 5 {
		name := fmt.Sprintf("u%d@example.com", i)
		subs = append(subs, w.signUp(name))
		w.do("CreateGroup", w.group(fmt.Sprintf("g%d", i), nil))
		w.join(name, "all")
		w.join("u0@example.com", fmt.Sprintf("g%d", i))
	}
	pages := func(operation string, in obj, list, member string) string {
		t.Helper()
		var found []string
		for in["NextToken"] != "" {
			out := w.do(operation, with(in, obj{"Limit": 2}))
			found = append(found, strings.Fields(listed(out[list], member))...)
			next, _ := out["NextToken"].(string)
			in = with(in, obj{"NextToken": next})
			if len(found) > 20 {
				t.Fatal("the pages do not end")
			}
		}
		return strings.Join(found, " ")
	}
	if got := pages("ListGroups", obj{"UserPoolId": w.pool()}, "Groups", "GroupName"); got != "all g0 g1 g2 g3 g4" {
		t.Errorf("ListGroups: %s", got)
	}
	if got := pages("AdminListGroupsForUser", w.user("u0@example.com"), "Groups", "GroupName"); got != "all g0 g1 g2 g3 g4" {
		t.Errorf("AdminListGroupsForUser: %s", got)
	}
	got := strings.Fields(pages("ListUsersInGroup", w.group("all", nil), "Users", "Username"))
	if len(got) != len(subs) {
		t.Errorf("ListUsersInGroup: %v", got)
	}
	// A token is good for its own list.
	token := w.do("ListGroups", obj{"UserPoolId": w.pool(), "Limit": 1})["NextToken"]
	w.refused("ListUsersInGroup", w.group("all", obj{"NextToken": token}), "InvalidParameterException", "Invalid pagination token given.")
	w.refused("ListGroups", obj{"UserPoolId": w.pool(), "NextToken": "x"}, "InvalidParameterException", "Invalid pagination token given.")
}

// "If a user belongs to two or more groups, it is the group with the lowest
// precedence value whose role ARN is given"; of equal precedence with different
// roles none is.
func TestGroupClaims(t *testing.T) {
	role := func(name string) string { return "arn:aws:iam::000000000000:role/" + name }
	for _, tt := range []struct {
		name   string
		groups []obj
		want   string // groups, roles and the preferred role in the ID token
	}{
		{"none", nil, "<nil> <nil> <nil>"},
		{"without role", []obj{{"GroupName": "a"}}, "[a] <nil> <nil>"},
		{"by precedence", []obj{{"GroupName": "a", "RoleArn": role("A")}, {"GroupName": "b", "RoleArn": role("B"), "Precedence": 9}, {"GroupName": "c", "RoleArn": role("C"), "Precedence": 0}},
			fmt.Sprintf("[c b a] [%s %s %s] %s", role("C"), role("B"), role("A"), role("C"))},
		{"equal, one role", []obj{{"GroupName": "a", "RoleArn": role("A"), "Precedence": 1}, {"GroupName": "b", "RoleArn": role("A"), "Precedence": 1}}, fmt.Sprintf("[a b] [%s] %s", role("A"), role("A"))},
		{"equal, two roles", []obj{{"GroupName": "a", "RoleArn": role("A"), "Precedence": 1}, {"GroupName": "b", "RoleArn": role("B"), "Precedence": 1}}, fmt.Sprintf("[a b] [%s %s] <nil>", role("A"), role("B"))},
		{"first without role", []obj{{"GroupName": "a", "Precedence": 0}, {"GroupName": "b", "RoleArn": role("B"), "Precedence": 1}}, fmt.Sprintf("[a b] [%s] <nil>", role("B"))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, emailPool())
			w.confirmed("a@example.com")
			w.do("CreateGroup", w.group("not-mine", obj{"Precedence": 0, "RoleArn": role("other")}))
			for _, g := range tt.groups {
				w.do("CreateGroup", with(g, obj{"UserPoolId": w.pool()}))
				w.join("a@example.com", g["GroupName"].(string))
			}
			tk := w.signIn("a@example.com", goodPassword)
			refreshed := w.tokensOf(w.do("InitiateAuth", w.refresh("web", tk.refresh)))
			for _, tokens := range []tokens{tk, refreshed} {
				_, id := decoded(t, tokens.id)
				if got := fmt.Sprintf("%v %v %v", id["cognito:groups"], id["cognito:roles"], id["cognito:preferred_role"]); got != tt.want {
					t.Errorf("ID token: %s, want %s", got, tt.want)
				}
				_, access := decoded(t, tokens.access)
				if got := fmt.Sprint(access["cognito:groups"]); got != fmt.Sprint(id["cognito:groups"]) {
					t.Errorf("access token: %s", got)
				}
				if access["cognito:roles"] != nil || access["cognito:preferred_role"] != nil {
					t.Errorf("access token with roles: %v", access)
				}
			}
		})
	}
}

// A membership that ends is out of the next token.
func TestGroupsAreReadAtRefresh(t *testing.T) {
	w := newWorld(t, emailPool())
	w.confirmed("a@example.com")
	w.do("CreateGroup", w.group("admins", nil))
	w.join("a@example.com", "admins")
	tk := w.signIn("a@example.com", goodPassword)
	w.do("AdminRemoveUserFromGroup", w.group("admins", obj{"Username": "a@example.com"}))
	_, id := decoded(t, w.tokensOf(w.do("InitiateAuth", w.refresh("web", tk.refresh))).id)
	if id["cognito:groups"] != nil {
		t.Errorf("groups %v", id["cognito:groups"])
	}
}

// What is declared is the declaration's; what was added stays; who is a member
// stays over restarts, also while the group is not declared, when it gives
// nobody anything.
func TestDeclaredGroups(t *testing.T) {
	declared := emailPool()
	first := 1
	declared.Groups = []cognito.GroupConfig{{Name: "admins", Description: "They may", RoleARN: "arn:aws:iam::000000000000:role/admins", Precedence: &first}}
	w := newWorld(t, declared)
	w.confirmed("a@example.com")
	w.do("CreateGroup", w.group("added", nil))
	w.join("a@example.com", "admins", "added")
	const owned = "Group admins is declared in doorwright.yaml; change it there."
	w.refused("UpdateGroup", w.group("admins", obj{"Precedence": 0}), "InvalidParameterException", owned)
	w.refused("DeleteGroup", w.group("admins", nil), "InvalidParameterException", owned)
	w.refused("CreateGroup", w.group("admins", nil), "GroupExistsException", "A group with the name admins already exists.")
	claims := func() string {
		t.Helper()
		_, id := decoded(t, w.signIn("a@example.com", goodPassword).id)
		return fmt.Sprintf("%v %v", id["cognito:groups"], id["cognito:preferred_role"])
	}
	with := "[admins added] arn:aws:iam::000000000000:role/admins"
	if got := claims(); got != with {
		t.Errorf("claims %s", got)
	}
	w.cfg.Pools[0].Groups = nil
	w.restart()
	if got := claims(); got != "[added] <nil>" {
		t.Errorf("without the declaration: %s", got)
	}
	w.refused("GetGroup", w.group("admins", nil), "ResourceNotFoundException", "Group not found.")
	w.refused("ListUsersInGroup", w.group("admins", nil), "ResourceNotFoundException", "Group not found.")
	if got := listed(w.do("ListGroups", obj{"UserPoolId": w.pool()})["Groups"], "GroupName"); got != "added" {
		t.Errorf("groups %s", got)
	}
	w.cfg.Pools[0].Groups = []cognito.GroupConfig{{Name: "admins", RoleARN: "arn:aws:iam::000000000000:role/admins", Precedence: &first}}
	w.restart()
	if got := claims(); got != with {
		t.Errorf("declared again: %s", got)
	}
	if g := w.do("GetGroup", w.group("admins", nil))["Group"].(obj); g["Description"] != nil || g["Precedence"] != 1.0 {
		t.Errorf("the declaration's change: %v", g)
	}
	// A group that takes the name of one that was declared has not its members.
	w.cfg.Pools[0].Groups = nil
	w.restart()
	w.do("CreateGroup", w.group("admins", nil))
	if got := claims(); got != "[added] <nil>" {
		t.Errorf("an added group of the name: %s", got)
	}
}

func TestGroupLimitOfUser(t *testing.T) {
	w := newWorld(t, emailPool())
	w.signUp("a@example.com")
	for i := range 101 {
		name := fmt.Sprintf("g%d", i)
		w.do("CreateGroup", w.group(name, nil))
		if i < 100 {
			w.join("a@example.com", name)
		}
	}
	w.refused("AdminAddUserToGroup", w.group("g100", obj{"Username": "a@example.com"}), "InvalidParameterException", "A user can be a member of 100 groups.")
	w.join("a@example.com", "g99")
	if out := w.do("ListUsersInGroup", w.group("g100", nil)); len(out["Users"].([]any)) != 0 {
		t.Errorf("g100 has members: %v", out)
	}
}

func TestBadGroupDeclarations(t *testing.T) {
	w := newWorld(t)
	negative := -1
	cfg := w.cfg
	pool := emailPool()
	pool.Groups = []cognito.GroupConfig{{Name: "a b"}, {Name: "x"}, {Name: "x", Precedence: &negative, RoleARN: "role", Description: strings.Repeat("x", 2049)}}
	cfg.Pools = []cognito.PoolConfig{pool}
	_, err := cognito.New(cfg)
	for _, want := range []string{`"a b" is not 1 to 128`, `group "x" is declared twice`, `RoleARN "role"`, "longer than 2048", "Precedence"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}

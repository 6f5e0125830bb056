package cognito_test

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/cognito"
)

// listed gives the usernames of all pages of a list, sorted.
func (w *world) listed(in obj) []string {
	w.t.Helper()
	var names []string
	for range 100 {
		out := w.do("ListUsers", in)
		for _, u := range out["Users"].([]any) {
			names = append(names, u.(obj)["Username"].(string))
		}
		token, ok := out["PaginationToken"]
		if !ok {
			slices.Sort(names)
			return names
		}
		in = with(in, obj{"PaginationToken": token})
	}
	w.t.Fatal("the list does not end")
	return nil
}

func TestListUsers(t *testing.T) {
	w := newWorld(t, aliasPool())
	var everybody []string
	for i := range 7 {
		name := "user" + strconv.Itoa(i)
		everybody = append(everybody, name)
		w.do("AdminCreateUser", with(w.user(name), obj{"MessageAction": "SUPPRESS",
			"UserAttributes": attrs("name", []string{"Ann", "Anna", "Bo"}[i%3], "email", fmt.Sprintf("u%d@example.com", i))}))
	}
	w.do("AdminSetUserPassword", with(w.user("user1"), obj{"Password": goodPassword, "Permanent": true}))
	w.do("AdminDisableUser", w.user("user2"))
	sub := w.attributesOf("user3")["sub"]
	for filter, want := range map[string][]string{
		``:                                  everybody,
		` `:                                 everybody,
		`name = "Ann"`:                      {"user0", "user3", "user6"},
		`name="Ann"`:                        {"user0", "user3", "user6"},
		`name ^= "Ann"`:                     {"user0", "user1", "user3", "user4", "user6"},
		`name ^= ""`:                        everybody,
		`email = "u5@example.com"`:          {"user5"},
		`email = "u9@example.com"`:          nil,
		`username = "user4"`:                {"user4"},
		`username ^= "user"`:                everybody,
		`sub = "` + sub + `"`:               {"user3"},
		`status = "Disabled"`:               {"user2"},
		`status = "enabled"`:                nil,
		`cognito:user_status = "confirmed"`: {"user1"},
		`cognito:user_status ^= "FORCE"`:    {"user0", "user2", "user3", "user4", "user5", "user6"},
		`name = "a\"b"`:                     nil,
		`name = "x' OR 1=1 --"`:             nil,
	} {
		for _, size := range []int{0, 1, 2, 3, 60} {
			if got := w.listed(obj{"UserPoolId": w.pool(), "Filter": filter, "Limit": size}); !slices.Equal(got, want) {
				t.Errorf("filter %q, limit %d: %v, want %v", filter, size, got, want)
			}
		}
	}
	in := obj{"UserPoolId": w.pool()}
	w.refused("ListUsers", with(in, obj{"Filter": `name "x"`}), "InvalidParameterException", "Error while parsing filter")
	w.refused("ListUsers", with(in, obj{"Filter": `name = "x" AND name = "y"`}), "InvalidParameterException", "Error while parsing filter")
	w.refused("ListUsers", with(in, obj{"Filter": `custom:foo = "x"`}), "InvalidParameterException", "Invalid search attribute: custom:foo")
	w.refused("ListUsers", with(in, obj{"Limit": 61}), "InvalidParameterException", "1 validation error detected: Value '61' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 60")
	token := w.do("ListUsers", with(in, obj{"Limit": 1}))["PaginationToken"].(string)
	w.refused("ListUsers", with(in, obj{"PaginationToken": token, "Filter": `name = "Ann"`}), "InvalidParameterException", "Invalid pagination token given.")
	w.refused("ListUsers", with(in, obj{"PaginationToken": token + "A"}), "InvalidParameterException", "Invalid pagination token given.")

	out := w.do("ListUsers", with(in, obj{"AttributesToGet": []string{"email"}, "Filter": `username = "user4"`}))
	got := out["Users"].([]any)[0].(obj)
	if !reflect.DeepEqual(got["Attributes"], attrs("email", "u4@example.com")) || got["Enabled"] != true || len(got) != 6 {
		t.Errorf("projection: %v", got)
	}
}

// TestListUsersWalksAnIndex reads the plans of all lists: each is a range of an
// index, in its order, so that a page costs the same in a pool of any size.
func TestListUsersWalksAnIndex(t *testing.T) {
	w := newWorld(t, aliasPool())
	pool := w.svc.Pool("AliasPool")
	range_ := regexp.MustCompile(`^SEARCH \w+ USING (INDEX \w+|COVERING INDEX \w+|PRIMARY KEY) \(.*\)$`)
	columns := map[string]int{"username": 2, "sub": 2, "cognito:user_status": 2, "status": 2}
	for _, name := range []string{
		"", "username", "sub", "cognito:user_status", "status", "email", "phone_number", "name", "given_name", "family_name", "preferred_username",
	} {
		for _, filter := range []string{name + ` = "a"`, name + ` ^= "a"`} {
			for _, from := range [][2]string{{}, {"ab", "9dce"}} {
				if name == "" {
					filter = ""
				}
				plan, err := pool.ListPlan(t.Context(), filter, from)
				if err != nil {
					t.Fatal(err)
				}
				for _, step := range plan {
					if !range_.MatchString(step) {
						t.Errorf("%q from %v: %s", filter, from, step)
					}
				}
				// The outer loop is by all that the filter says, not by the pool alone.
				least := columns[name]
				if least == 0 {
					least = 3 // pool, name and value
				}
				if name == "" {
					least = 1
				}
				conditions := regexp.MustCompile(`\w+[=<>]|\(\w+,\w+\)[<>]`).FindAllString(plan[0], -1)
				if len(conditions) < least {
					t.Errorf("%q from %v: %s", filter, from, plan[0])
				}
			}
		}
	}
}

func TestPrefixEnd(t *testing.T) {
	for in, want := range map[string]string{"a": "b", "az": "a{", "a\U0010ffff": "b", "\U0010ffff": "", "": "", "\ud7ff": "\ue000"} {
		if got := cognito.PrefixEnd(in); got != want {
			t.Errorf("PrefixEnd(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestPoolsAndClients(t *testing.T) {
	w := newWorld(t, emailPool(), aliasPool())
	pool := w.svc.Pool("UserPool")
	first := w.do("ListUserPools", obj{"MaxResults": 1})
	if got := first["UserPools"].([]any)[0].(obj); got["Id"] != pool.ID() || got["Name"] != "UserPool" {
		t.Errorf("ListUserPools: %v", first)
	}
	second := w.do("ListUserPools", obj{"MaxResults": 1, "NextToken": first["NextToken"]})
	if got := second["UserPools"].([]any)[0].(obj); got["Name"] != "AliasPool" || second["NextToken"] != nil {
		t.Errorf("ListUserPools: %v", second)
	}
	w.refused("ListUserPools", obj{"MaxResults": 0}, "InvalidParameterException", "1 validation error detected: Value '0' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 1")
	w.refused("ListUserPools", obj{"MaxResults": 1, "NextToken": "x"}, "InvalidParameterException", "Invalid pagination token given.")
	clients := w.do("ListUserPoolClients", obj{"UserPoolId": pool.ID()})["UserPoolClients"].([]any)
	if len(clients) != 4 || !reflect.DeepEqual(clients[0], obj{"ClientId": w.client("web"), "UserPoolId": pool.ID(), "ClientName": "web"}) {
		t.Errorf("ListUserPoolClients: %v", clients)
	}
	w.signUp("a@example.com")
	d := w.do("DescribeUserPool", obj{"UserPoolId": pool.ID()})["UserPool"].(obj)
	if d["Arn"] != "arn:aws:cognito-idp:us-east-1:000000000000:userpool/"+pool.ID() || d["EstimatedNumberOfUsers"] != float64(1) ||
		len(d["SchemaAttributes"].([]any)) != 20 || !reflect.DeepEqual(d["UsernameAttributes"], []any{"email"}) || d["MfaConfiguration"] != "OFF" {
		t.Errorf("DescribeUserPool: %v", d)
	}
	c := w.do("DescribeUserPoolClient", obj{"UserPoolId": pool.ID(), "ClientId": w.client("secret")})["UserPoolClient"].(obj)
	if c["ClientSecret"] != pool.Client("secret").Secret() || c["RefreshTokenValidity"] != float64(30) || c["AuthSessionValidity"] != float64(3) || c["EnableTokenRevocation"] != true {
		t.Errorf("DescribeUserPoolClient: %v", c)
	}
	w.refused("DescribeUserPoolClient", obj{"UserPoolId": w.svc.Pool("AliasPool").ID(), "ClientId": w.client("web")}, "ResourceNotFoundException",
		"User pool client "+w.client("web")+" does not exist.")
}

// A page's cost does not depend on the number of users: every statement is an
// index range in the list's order, without a scan or a sort.
func TestListsAreIndexRanges(t *testing.T) {
	w := newWorld(t, emailPool())
	plans, err := w.svc.Plans(t.Context(), []string{``, `username = "a"`, `username ^= "a"`, `sub = "a"`, `sub ^= "a"`,
		`status = "Enabled"`, `cognito:user_status = "CONFIRMED"`, `cognito:user_status ^= "C"`, `email = "a"`, `email ^= "a"`})
	if err != nil {
		t.Fatal(err)
	}
	for query, plan := range plans {
		pastCursor := strings.Contains(plan, "sub>?") || strings.Contains(plan, "sub)>(?,?)") || strings.Contains(plan, "sub=?) ") || strings.Contains(query, "u.sub = ?")
		if strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") || strings.Contains(query, " > ") && !pastCursor {
			t.Errorf("%s\n%s", query, plan)
		}
	}
}

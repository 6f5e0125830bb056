package cognito_test

import (
	"strings"
	"sync"
	"testing"
)

// atOnce sends n requests at once and gives their answers.
func (w *world) atOnce(n int, operation string, in func(i int) obj) []answer {
	answers := make([]answer, n)
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			<-start
			answers[i] = w.send(operation, in(i))
		})
	}
	close(start)
	group.Wait()
	return answers
}

// oneWins wants one success and the same refusal for all others.
func oneWins(t *testing.T, answers []answer, refusal string) {
	t.Helper()
	won := 0
	for _, a := range answers {
		switch {
		case a.status == 200:
			won++
		case !strings.Contains(a.body, refusal):
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d won", won, len(answers))
	}
}

func TestSignUpRace(t *testing.T) {
	w := newWorld(t, emailPool())
	answers := w.atOnce(8, "SignUp", func(i int) obj {
		name := "race@example.com"
		if i%2 == 1 {
			name = "RACE@example.com"
		}
		return obj{"ClientId": w.client("web"), "Username": name, "Password": goodPassword}
	})
	oneWins(t, answers, `"UsernameExistsException"`)
	if len(w.codes) != 1 {
		t.Errorf("%d codes were sent", len(w.codes))
	}
	if users := w.do("ListUsers", obj{"UserPoolId": w.pool()})["Users"].([]any); len(users) != 1 {
		t.Errorf("%d users", len(users))
	}
}

func TestConfirmRace(t *testing.T) {
	w := newWorld(t, emailPool())
	w.signUp("a@example.com")
	answers := w.atOnce(8, "ConfirmSignUp", func(int) obj {
		return obj{"ClientId": w.client("web"), "Username": "a@example.com", "ConfirmationCode": w.code()}
	})
	oneWins(t, answers, `User cannot be confirmed. Current status is CONFIRMED`)
}

// Two users verify one address at once: it becomes the alias of one.
func TestAliasRace(t *testing.T) {
	w := newWorld(t, aliasPool())
	var codes []string
	names := []string{"alice", "bob", "carol", "dan"}
	for _, name := range names {
		w.do("SignUp", obj{"ClientId": w.client("web"), "Username": name, "Password": goodPassword, "UserAttributes": attrs("email", "a@example.com")})
		codes = append(codes, w.code())
	}
	oneWins(t, w.atOnce(len(names), "ConfirmSignUp", func(i int) obj {
		return obj{"ClientId": w.client("web"), "Username": names[i], "ConfirmationCode": codes[i]}
	}), `"AliasExistsException"`)
}

func TestSessionReplayRace(t *testing.T) {
	w := newWorld(t, emailPool())
	session := w.temporary("a@example.com")["Session"].(string)
	oneWins(t, w.atOnce(8, "RespondToAuthChallenge", func(int) obj { return w.newPassword(session, "a@example.com") }),
		"session can only be used once.")
}

// Guesses that are made at once do not get around the lock: after the fifth
// the rest is refused unheard, the right password among them.
func TestGuessingRace(t *testing.T) {
	w := newWorld(t, emailPool())
	w.confirmed("a@example.com")
	heard := 0
	for _, a := range w.atOnce(20, "InitiateAuth", func(int) obj { return w.passwordAuth("a@example.com", "Wr0ngPass!") }) {
		if strings.Contains(a.body, wrongPassword) {
			heard++
		} else if !strings.Contains(a.body, locked) {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if heard != 5 {
		t.Errorf("%d guesses were heard, want 5", heard)
	}
	w.refused("InitiateAuth", w.passwordAuth("a@example.com", goodPassword), "NotAuthorizedException", locked)
}

// A stage that is asked for tokens before its keys were made makes them once.
func TestKeysAreMadeOnce(t *testing.T) {
	w := newWorld(t, emailPool())
	var first string
	for _, a := range w.atOnce(6, "DescribeUserPool", func(int) obj {
		body := w.request("GET", "/"+w.pool()+"/.well-known/jwks.json", "", "", "", "").body
		w.mu.Lock()
		defer w.mu.Unlock()
		if first == "" {
			first = body
		}
		if body != first {
			t.Errorf("two sets of keys:\n%s%s", first, body)
		}
		return obj{"UserPoolId": w.pool()}
	}) {
		if a.status != 200 {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if w.nextKey != 2 {
		t.Errorf("%d keys were made", w.nextKey)
	}
}

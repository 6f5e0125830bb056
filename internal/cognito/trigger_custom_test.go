package cognito_test

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/doorwright/doorwright/internal/cognito"
)

type (
	defineChallenge = events.CognitoEventUserPoolsDefineAuthChallenge
	createChallenge = events.CognitoEventUserPoolsCreateAuthChallenge
	verifyChallenge = events.CognitoEventUserPoolsVerifyAuthChallenge
)

// customWorld has a pool with custom sign-in: the functions are those of the
// developer guide, one question whose answer is 5.
func customWorld(t *testing.T) (*world, *[]defineChallenge, *[]createChallenge, *[]verifyChallenge) {
	t.Helper()
	p := triggered("DefineAuthChallenge", "CreateAuthChallenge", "VerifyAuthChallengeResponse", "PostAuthentication", "PreTokenGeneration")
	flows := []string{"ALLOW_CUSTOM_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"}
	p.Clients = append(p.Clients,
		cognito.ClientConfig{Name: "custom", ExplicitAuthFlows: flows},
		cognito.ClientConfig{Name: "custom hiding", ExplicitAuthFlows: flows, PreventUserExistenceErrors: true})
	w := newWorld(t, p)
	w.existing("amelie@example.com")
	on(w, "PostAuthentication", yes[postAuthentication])
	on(w, "PreTokenGeneration", yes[preTokenV1])
	define := on(w, "DefineAuthChallenge", func(e *defineChallenge) error {
		session := e.Request.Session
		switch {
		case len(session) == 0, len(session) == 2 && session[1].ChallengeName == "PASSWORD_VERIFIER" && session[1].ChallengeResult:
			e.Response.ChallengeName = "CUSTOM_CHALLENGE"
		case len(session) == 1 && session[0].ChallengeName == "SRP_A":
			e.Response.ChallengeName = "PASSWORD_VERIFIER"
		default:
			last := session[len(session)-1]
			e.Response.IssueTokens = last.ChallengeName == "CUSTOM_CHALLENGE" && last.ChallengeResult
			e.Response.FailAuthentication = len(session) >= 3 && !e.Response.IssueTokens
			if !e.Response.IssueTokens && !e.Response.FailAuthentication {
				e.Response.ChallengeName = "CUSTOM_CHALLENGE"
			}
		}
		return nil
	})
	create := on(w, "CreateAuthChallenge", func(e *createChallenge) error {
		e.Response.PublicChallengeParameters = words("question", "2+3")
		e.Response.PrivateChallengeParameters = words("answer", "5")
		e.Response.ChallengeMetadata = "SUM"
		return nil
	})
	verify := on(w, "VerifyAuthChallengeResponse", func(e *verifyChallenge) error {
		e.Response.AnswerCorrect = e.Request.ChallengeAnswer == e.Request.PrivateChallengeParameters["answer"]
		return nil
	})
	return w, define, create, verify
}

func (w *world) customStart(client, name string, more obj) obj {
	return obj{"ClientId": w.client(client), "AuthFlow": "CUSTOM_AUTH", "AuthParameters": with(obj{"USERNAME": name}, more)}
}

func (w *world) customAnswer(client, name string, session any, answer string) obj {
	return obj{"ClientId": w.client(client), "ChallengeName": "CUSTOM_CHALLENGE", "Session": session,
		"ChallengeResponses": obj{"USERNAME": name, "ANSWER": answer}}
}

func TestCustomAuth(t *testing.T) {
	w, define, create, verify := customWorld(t)
	out := w.do("InitiateAuth", with(w.customStart("custom", "amelie@example.com", nil), obj{"ClientMetadata": obj{"not": "for them"}}))
	sub := w.attributesOf("amelie@example.com")["sub"]
	if out["ChallengeName"] != "CUSTOM_CHALLENGE" || fmt.Sprint(out["ChallengeParameters"]) != fmt.Sprint(obj{"question": "2+3", "USERNAME": sub}) {
		t.Errorf("got %v", out)
	}
	if d, c := (*define)[0], (*create)[0]; len(d.Request.Session) != 0 || d.Request.ClientMetadata != nil || d.TriggerSource != "DefineAuthChallenge_Authentication" ||
		d.UserName != sub || d.Request.UserNotFound || c.Request.ChallengeName != "CUSTOM_CHALLENGE" || c.TriggerSource != "CreateAuthChallenge_Authentication" {
		t.Errorf("got %+v and %+v", d, c)
	}

	// A wrong answer is another round, by the function's decision.
	again := w.do("RespondToAuthChallenge", with(w.customAnswer("custom", sub, out["Session"], "6"), obj{"ClientMetadata": obj{"k": "v"}}))
	v := (*verify)[0]
	if v.TriggerSource != "VerifyAuthChallengeResponse_Authentication" || v.Request.ChallengeAnswer != "6" || !maps.Equal(v.Request.ClientMetadata, words("k", "v")) ||
		!maps.Equal(v.Request.PrivateChallengeParameters, words("answer", "5")) {
		t.Errorf("got %+v", v)
	}
	if d := (*define)[1]; len(d.Request.Session) != 1 || *d.Request.Session[0] != (events.CognitoEventUserPoolsChallengeResult{ChallengeName: "CUSTOM_CHALLENGE", ChallengeMetadata: "SUM"}) ||
		!maps.Equal(d.Request.ClientMetadata, words("k", "v")) {
		t.Errorf("got %+v", d.Request)
	}

	// The right one is tokens; the username's alias does as well as the sub.
	signedIn := w.tokensOf(w.do("RespondToAuthChallenge", w.customAnswer("custom", "amelie@example.com", again["Session"], "5")))
	w.do("GetUser", obj{"AccessToken": signedIn.access})
	for _, session := range []any{out["Session"], again["Session"]} {
		w.refused("RespondToAuthChallenge", w.customAnswer("custom", sub, session, "5"),
			"NotAuthorizedException", "Invalid session for the user, session can only be used once.")
	}
}

func TestCustomAuthFails(t *testing.T) {
	w, _, _, _ := customWorld(t)
	session := w.do("InitiateAuth", w.customStart("custom", "amelie@example.com", nil))["Session"]
	for range 2 {
		session = w.do("RespondToAuthChallenge", w.customAnswer("custom", "amelie@example.com", session, "6"))["Session"]
	}
	w.refused("RespondToAuthChallenge", w.customAnswer("custom", "amelie@example.com", session, "6"), "NotAuthorizedException", "Incorrect username or password.")
	if got := w.reason(); got != "the trigger DefineAuthChallenge failed the authentication" {
		t.Errorf("the log says %q", got)
	}
}

// TestCustomAuthAfterSRP: "You can have Amazon Cognito verify user passwords
// before it issues your custom challenges."
func TestCustomAuthAfterSRP(t *testing.T) {
	w, define, _, _ := customWorld(t)
	c := newSRPClient(vectorA)
	start := w.customStart("custom", "amelie@example.com", obj{"CHALLENGE_NAME": "SRP_A", "SRP_A": c.A.Text(16)})
	first := w.do("InitiateAuth", start)
	if first["ChallengeName"] != "PASSWORD_VERIFIER" || first["Session"] == nil {
		t.Fatalf("got %v", first)
	}
	answer := w.srpAnswer(c, "custom", first["ChallengeParameters"].(obj), goodPassword)
	// The proof alone, without the session or with another, is no sign-in.
	w.refused("RespondToAuthChallenge", answer, "NotAuthorizedException", "Invalid session for the user.")
	other := w.do("InitiateAuth", start)
	w.refused("RespondToAuthChallenge", with(answer, obj{"Session": other["Session"]}), "NotAuthorizedException", "Invalid session for the user.")
	// And an answer to the other kind of challenge is none to this one.
	w.refused("RespondToAuthChallenge", w.customAnswer("custom", "amelie@example.com", first["Session"], "5"), "NotAuthorizedException", "Invalid session for the user.")

	second := w.do("RespondToAuthChallenge", with(answer, obj{"Session": first["Session"]}))
	if second["ChallengeName"] != "CUSTOM_CHALLENGE" {
		t.Fatalf("got %v", second)
	}
	w.tokensOf(w.do("RespondToAuthChallenge", w.customAnswer("custom", "amelie@example.com", second["Session"], "5")))
	last := (*define)[len(*define)-1].Request.Session
	want := []events.CognitoEventUserPoolsChallengeResult{
		{ChallengeName: "SRP_A", ChallengeResult: true}, {ChallengeName: "PASSWORD_VERIFIER", ChallengeResult: true},
		{ChallengeName: "CUSTOM_CHALLENGE", ChallengeResult: true, ChallengeMetadata: "SUM"},
	}
	for i := range want {
		if len(last) != 3 || *last[i] != want[i] {
			t.Errorf("step %d: got %+v", i, last)
		}
	}

	wrong := w.do("InitiateAuth", start)
	w.refused("RespondToAuthChallenge", with(w.srpAnswer(c, "custom", wrong["ChallengeParameters"].(obj), "Wr0ng-password"), obj{"Session": wrong["Session"]}),
		"NotAuthorizedException", "Incorrect username or password.")
	// A block of USER_SRP_AUTH cannot stand in for one of the custom sign-in's,
	// nor can SRP_A be garbage.
	w.refused("InitiateAuth", w.customStart("custom", "amelie@example.com", obj{"CHALLENGE_NAME": "SRP_A", "SRP_A": "0"}), "InvalidParameterException", "SRP_A is not valid.")
	w.refused("InitiateAuth", w.customStart("custom", "amelie@example.com", obj{"CHALLENGE_NAME": "SMS_MFA"}),
		"InvalidParameterException", "CHALLENGE_NAME SMS_MFA cannot begin CUSTOM_AUTH.")
}

func TestCustomAuthOfNobody(t *testing.T) {
	w, define, _, _ := customWorld(t)
	w.refused("InitiateAuth", w.customStart("custom", "nobody@example.com", nil), "UserNotFoundException", "User does not exist.")
	if len(*define) != 0 {
		t.Error("the functions were asked")
	}
	out := w.do("InitiateAuth", w.customStart("custom hiding", "nobody@example.com", nil))
	id := out["ChallengeParameters"].(obj)["USERNAME"].(string)
	if d := (*define)[0]; !d.Request.UserNotFound || len(d.Request.UserAttributes) != 0 || len(id) != 36 {
		t.Errorf("got %+v, USERNAME %s", d, id)
	}
	// Nobody gets tokens, whatever the functions say.
	w.refused("RespondToAuthChallenge", w.customAnswer("custom hiding", id, out["Session"], "5"), "NotAuthorizedException", "Incorrect username or password.")
	if got := w.reason(); got != "the trigger DefineAuthChallenge issued tokens to a user that there is not" {
		t.Errorf("the log says %q", got)
	}
	// Not the one either who signed up in between.
	out = w.do("InitiateAuth", w.customStart("custom hiding", "late@example.com", nil))
	w.confirmed("late@example.com")
	w.refused("RespondToAuthChallenge", w.customAnswer("custom hiding", "late@example.com", out["Session"], "5"), "NotAuthorizedException", "Invalid session for the user.")
}

func TestCustomSessionsAreHeld(t *testing.T) {
	w, _, _, verify := customWorld(t)
	w.existing("bertram@example.com")
	start := func() any { return w.do("InitiateAuth", w.customStart("custom", "amelie@example.com", nil))["Session"] }
	answer := func(session any) obj { return w.customAnswer("custom", "amelie@example.com", session, "5") }
	refused := func(in obj, message string) {
		t.Helper()
		n := len(*verify)
		w.refused("RespondToAuthChallenge", in, "NotAuthorizedException", message)
		if len(*verify) != n {
			t.Error("a function judged the answer")
		}
	}
	refused(with(answer(start()), obj{"ChallengeResponses": obj{"USERNAME": "bertram@example.com", "ANSWER": "5"}}), "Invalid session for the user.")
	refused(with(answer(start()), obj{"ClientId": w.client("custom hiding")}), "Invalid session for the user.")
	refused(answer(strings.Repeat("A", 100)), "Invalid session for the user.")
	session := start()
	w.do("AdminSetUserPassword", with(w.user("amelie@example.com"), obj{"Password": "An0ther-one", "Permanent": true}))
	refused(answer(session), "Invalid session for the user.")
	session = start()
	w.advance(3 * time.Minute)
	refused(answer(session), "Invalid session for the user, session is expired.")
	session = start()
	w.restart()
	w.tokensOf(w.do("RespondToAuthChallenge", answer(session)))
	session = start()
	w.do("AdminDisableUser", w.user("amelie@example.com"))
	w.refused("RespondToAuthChallenge", answer(session), "NotAuthorizedException", "User is disabled.")

	// A session of the other kind.
	w.do("AdminEnableUser", w.user("amelie@example.com"))
	w.do("AdminSetUserPassword", with(w.user("bertram@example.com"), obj{"Password": "T3mporary!"}))
	challenge := w.do("InitiateAuth", w.passwordAuth("bertram@example.com", "T3mporary!"))
	refused(w.customAnswer("web", "bertram@example.com", challenge["Session"], "5"), "Invalid session for the user.")
}

// TestCustomAnswersRace: of answers at once to one challenge one is judged.
func TestCustomAnswersRace(t *testing.T) {
	w, _, _, verify := customWorld(t)
	session := w.do("InitiateAuth", w.customStart("custom", "amelie@example.com", nil))["Session"]
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() { w.send("RespondToAuthChallenge", w.customAnswer("custom", "amelie@example.com", session, "6")) })
	}
	group.Wait()
	if len(*verify) != 1 {
		t.Errorf("%d answers were judged", len(*verify))
	}
}

// TestCustomAnswersAreHeldToTheirForm: what the functions may not answer.
func TestCustomAnswersAreHeldToTheirForm(t *testing.T) {
	event := `{"version":"1","triggerSource":"x","region":"x","userPoolId":"x","userName":"x","callerContext":{},"request":{},"response":%s}`
	for _, c := range []struct{ function, response, code, message string }{
		{"DefineAuthChallenge", `{}`, "InvalidLambdaResponseException", "Unrecognizable lambda output"},
		{"DefineAuthChallenge", `{"challengeName":"SMS_MFA"}`, "InvalidLambdaResponseException", "Unrecognizable lambda output"},
		{"DefineAuthChallenge", `{"challengeName":"PASSWORD_VERIFIER"}`, "InvalidLambdaResponseException", "Unrecognizable lambda output"},
		{"DefineAuthChallenge", `{"issueTokens":"true"}`, "InvalidLambdaResponseException", "Unrecognizable lambda output"},
		{"DefineAuthChallenge", `{"issueTokens":true,"failAuthentication":true}`, "NotAuthorizedException", "Incorrect username or password."},
		{"CreateAuthChallenge", `{"publicChallengeParameters":{"a":1}}`, "InvalidLambdaResponseException", "Unrecognizable lambda output"},
		{"CreateAuthChallenge", `{"privateChallengeParameters":{"a":"` + strings.Repeat("x", 33<<10) + `"}}`, "InvalidLambdaResponseException", "Unrecognizable lambda output"},
	} {
		w, _, _, _ := customWorld(t)
		w.replying(c.function, fmt.Sprintf(event, c.response))
		a := w.send("InitiateAuth", w.customStart("custom", "amelie@example.com", nil))
		w.checkRefusal(c.function+c.response[:min(40, len(c.response))], a, 400, c.code, c.message)
	}
	// A sign-in without an end ends.
	w, _, _, _ := customWorld(t)
	w.replying("DefineAuthChallenge", fmt.Sprintf(event, `{"challengeName":"CUSTOM_CHALLENGE"}`))
	session := w.do("InitiateAuth", w.customStart("custom", "amelie@example.com", nil))["Session"]
	for range 49 {
		session = w.do("RespondToAuthChallenge", w.customAnswer("custom", "amelie@example.com", session, "5"))["Session"]
	}
	w.refused("RespondToAuthChallenge", w.customAnswer("custom", "amelie@example.com", session, "5"), "NotAuthorizedException", "Incorrect username or password.")
}

func TestCustomAuthNeedsItsTriggers(t *testing.T) {
	p := emailPool()
	p.Clients = append(p.Clients, cognito.ClientConfig{Name: "custom"})
	w := newWorld(t, p)
	w.existing("amelie@example.com")
	w.refused("InitiateAuth", w.customStart("custom", "amelie@example.com", nil), "InvalidParameterException", "Custom auth lambda trigger is not configured for the user pool.")
	w.refused("InitiateAuth", w.customStart("web", "amelie@example.com", nil), "InvalidParameterException", "CUSTOM_AUTH flow not enabled for this client")
}

package cognito_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/cognito"
)

// triggered is the pool of the walk-through with a function for each trigger,
// named as the trigger.
func triggered(with ...string) cognito.PoolConfig {
	p := emailPool()
	for _, name := range with {
		reflect.ValueOf(&p.Triggers).Elem().FieldByName(name).SetString(name)
	}
	return p
}

// on makes a trigger's function of a Go handler that takes and gives AWS's own
// type of the event. The event must be exactly that type's: nothing that it
// does not know, nothing that it loses.
func on[E any](w *world, name string, handle func(*E) error) *[]E {
	w.t.Helper()
	var seen []E
	w.function(name, func(_ context.Context, _ string, event []byte) ([]byte, string, error) {
		var e E
		w.strictly(event, &e)
		w.mu.Lock()
		seen = append(seen, e)
		w.mu.Unlock()
		if err := handle(&e); err != nil {
			return thrown(err.Error()), "Unhandled", nil
		}
		reply, err := json.Marshal(e)
		return reply, "", err
	})
	return &seen
}

func (w *world) function(name string, f cognito.Invoke) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.functions == nil {
		w.functions = map[string]cognito.Invoke{}
	}
	w.functions[name] = f
}

// replying makes a trigger's function of a reply.
func (w *world) replying(name, reply string) {
	w.function(name, func(context.Context, string, []byte) ([]byte, string, error) { return []byte(reply), "", nil })
}

func thrown(message string) []byte {
	b, _ := json.Marshal(obj{"errorMessage": message, "errorType": "Error"})
	return b
}

// strictly decodes an event into AWS's type of it and holds the two against
// each other. The type of a custom message lacks linkParameter, which AWS's
// types for TypeScript have.
func (w *world) strictly(event []byte, e any) {
	if _, ok := e.(*events.CognitoEventUserPoolsCustomMessage); ok {
		event = bytes.Replace(event, []byte(`"linkParameter":"{##Click Here##}",`), nil, 1)
	}
	d := json.NewDecoder(bytes.NewReader(event))
	d.DisallowUnknownFields()
	if err := d.Decode(e); err != nil {
		w.t.Errorf("%T: %v in %s", e, err, event)
		return
	}
	again, err := json.Marshal(e)
	if err != nil {
		w.t.Error(err)
		return
	}
	if sent, got := plain(w.t, event), plain(w.t, again); !reflect.DeepEqual(sent, got) {
		w.t.Errorf("%T changes\n%v\nto\n%v", e, sent, got)
	}
}

// plain decodes JSON and leaves out what is null, false or empty, which Go's
// types do not tell apart.
func plain(t testing.TB, b []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return drop(v)
}

func drop(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if member = drop(member); member == nil || member == false || member == "" {
				delete(v, name)
				continue
			}
			v[name] = member
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		if len(v) == 0 {
			return nil
		}
		for i := range v {
			v[i] = drop(v[i])
		}
	}
	return v
}

func yes[E any](*E) error { return nil }

type (
	preSignUp          = events.CognitoEventUserPoolsPreSignup
	postConfirmation   = events.CognitoEventUserPoolsPostConfirmation
	preAuthentication  = events.CognitoEventUserPoolsPreAuthentication
	postAuthentication = events.CognitoEventUserPoolsPostAuthentication
	customMessage      = events.CognitoEventUserPoolsCustomMessage
	preTokenV1         = events.CognitoEventUserPoolsPreTokenGen
	preTokenV2         = events.CognitoEventUserPoolsPreTokenGenV2_0
)

// TestTriggerEventShape holds an event's bytes: the members of
// https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-working-with-lambda-triggers.html,
// none missing, null where nothing is given.
func TestTriggerEventShape(t *testing.T) {
	w := newWorld(t, triggered("PreSignUp"))
	var got string
	w.function("PreSignUp", func(_ context.Context, _ string, event []byte) ([]byte, string, error) {
		got = string(event)
		return event, "", nil
	})
	w.do("SignUp", obj{"ClientId": w.client("web"), "Username": "amelie@example.com", "Password": goodPassword})
	_, rest, ok := strings.Cut(got, `"userName":"`)
	if !ok || len(rest) < 36 {
		t.Fatalf("no user name in %s", got)
	}
	want := `{"version":"1","triggerSource":"PreSignUp_SignUp","region":"us-east-1","userPoolId":"` + w.pool() + `","userName":"` + rest[:36] +
		`","callerContext":{"awsSdkVersion":"aws-sdk-unknown-unknown","clientId":"` + w.client("web") +
		`"},"request":{"userAttributes":{"email":"amelie@example.com"},"validationData":null},` +
		`"response":{"autoConfirmUser":false,"autoVerifyEmail":false,"autoVerifyPhone":false}}`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestTriggerFailures holds the texts that clients show.
func TestTriggerFailures(t *testing.T) {
	signUp := func(w *world) obj {
		return obj{"ClientId": w.client("web"), "Username": "amelie@example.com", "Password": goodPassword}
	}
	event := func(response string) string {
		return `{"version":"1","triggerSource":"x","region":"x","userPoolId":"x","userName":"x","callerContext":{},"request":{},"response":` + response + `}`
	}
	for name, c := range map[string]struct {
		function      cognito.Invoke
		reply         string
		code, message string
		reason        string
	}{
		"throws": {
			function: func(context.Context, string, []byte) ([]byte, string, error) {
				return thrown("Nobody from there"), "Unhandled", nil
			},
			code: "UserLambdaValidationException", message: "PreSignUp failed with error Nobody from there.",
			reason: "trigger PreSignUp_SignUp, function PreSignUp: it threw: Nobody from there",
		},
		"throws a book": {
			function: func(context.Context, string, []byte) ([]byte, string, error) {
				return thrown(strings.Repeat("é", 10_000)), "Unhandled", nil
			},
			code: "UserLambdaValidationException", message: "PreSignUp failed with error " + strings.Repeat("é", 512) + ".",
		},
		"fails": {
			function: func(context.Context, string, []byte) ([]byte, string, error) {
				return nil, "", &aws.Error{Code: "AccessDeniedException", Message: "no", Status: 403}
			},
			code: "UnexpectedLambdaException", message: "PreSignUp invocation failed due to error AccessDeniedException.",
		},
		"fails strangely": {
			function: func(context.Context, string, []byte) ([]byte, string, error) {
				return nil, "", errors.New("secret inside")
			},
			code: "UnexpectedLambdaException", message: "PreSignUp invocation failed due to error ServiceException.",
			reason: "trigger PreSignUp_SignUp, function PreSignUp: secret inside",
		},
		"hangs": {
			function: func(ctx context.Context, _ string, _ []byte) ([]byte, string, error) {
				<-ctx.Done()
				return nil, "", ctx.Err()
			},
			code:    "UnexpectedLambdaException",
			message: "PreSignUp invocation failed due to error Socket timeout while invoking Lambda function.",
			reason:  "trigger PreSignUp_SignUp, function PreSignUp: no answer within 5s, 3 times",
		},
		"no JSON":       {reply: `hello`, code: "InvalidLambdaResponseException", message: "Unrecognizable lambda output"},
		"null":          {reply: `null`, code: "InvalidLambdaResponseException", message: "Unrecognizable lambda output"},
		"nothing":       {reply: ``, code: "InvalidLambdaResponseException", message: "Unrecognizable lambda output"},
		"a list":        {reply: `[]`, code: "InvalidLambdaResponseException", message: "Unrecognizable lambda output"},
		"two values":    {reply: event(`{}`) + event(`{}`), code: "InvalidLambdaResponseException", message: "Unrecognizable lambda output"},
		"response only": {reply: `{"response":{"autoConfirmUser":true}}`, code: "InvalidLambdaResponseException", message: "Unrecognizable lambda output", reason: `trigger PreSignUp_SignUp, function PreSignUp: it did not return the whole event: "version" is missing`},
		"null response": {reply: event(`null`), code: "InvalidLambdaResponseException", message: "Unrecognizable lambda output"},
		"wrong type":    {reply: event(`{"autoConfirmUser":"true"}`), code: "InvalidLambdaResponseException", message: "Unrecognizable lambda output"},
		"deep":          {reply: event(strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000)), code: "InvalidLambdaResponseException", message: "Unrecognizable lambda output"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, triggered("PreSignUp"))
			w.svc.SetTriggerTimeout(10 * time.Millisecond)
			calls := 0
			w.function("PreSignUp", func(ctx context.Context, f string, event []byte) ([]byte, string, error) {
				calls++
				if c.function == nil {
					return []byte(c.reply), "", nil
				}
				return c.function(ctx, f, event)
			})
			a := w.send("SignUp", signUp(w))
			var body struct {
				Type    string `json:"__type"`
				Message string `json:"message"`
			}
			if err := json.Unmarshal([]byte(a.body), &body); err != nil {
				t.Fatal(err)
			}
			if a.status != 400 || body.Type != c.code || body.Message != c.message {
				t.Errorf("got %d %s\nwant 400 %s %s", a.status, a.body, c.code, c.message)
			}
			if got := w.reason(); c.reason != "" && got != c.reason {
				t.Errorf("the log says %q, want %q", got, c.reason)
			}
			if want := map[string]int{"hangs": 3}[name]; calls != max(want, 1) {
				t.Errorf("it was called %d times", calls)
			}
			// Nobody was signed up.
			if n := len(w.do("ListUsers", obj{"UserPoolId": w.pool()})["Users"].([]any)); n != 0 {
				t.Errorf("there are %d users", n)
			}
		})
	}
}

// TestTriggerIsTriedAgain: the second try may be in time.
func TestTriggerIsTriedAgain(t *testing.T) {
	w := newWorld(t, triggered("PreSignUp"))
	w.svc.SetTriggerTimeout(50 * time.Millisecond)
	calls := 0
	w.function("PreSignUp", func(ctx context.Context, _ string, event []byte) ([]byte, string, error) {
		if calls++; calls < 3 {
			<-ctx.Done()
			return nil, "", ctx.Err()
		}
		return event, "", nil
	})
	w.signUp("amelie@example.com")
	if calls != 3 {
		t.Errorf("%d calls", calls)
	}
}

// TestTriggersHoldNoTransaction: a function that calls the pool, as many do,
// would wait for ever for the store's one writer.
func TestTriggersHoldNoTransaction(t *testing.T) {
	w := newWorld(t, triggered("PreSignUp", "PostConfirmation", "CustomMessage", "PreAuthentication", "PostAuthentication", "PreTokenGeneration"))
	for _, name := range []string{"PreSignUp", "PostConfirmation", "CustomMessage", "PreAuthentication", "PostAuthentication", "PreTokenGeneration"} {
		n := 0
		w.function(name, func(ctx context.Context, _ string, event []byte) ([]byte, string, error) {
			n++
			err := w.svc.Call(ctx, "AdminCreateUser", obj{"UserPoolId": w.pool(), "Username": strings.ToLower(name) + "@example.com", "MessageAction": "SUPPRESS"}, nil)
			var coded *aws.Error
			if n == 1 && err != nil && !(errors.As(err, &coded) && coded.Code == "UsernameExistsException") && name != "PreSignUp" {
				t.Errorf("%s: %v", name, err)
			}
			return event, "", nil
		})
	}
	w.function("PreSignUp", func(ctx context.Context, _ string, event []byte) ([]byte, string, error) { return event, "", nil })
	w.confirmed("amelie@example.com")
	w.signIn("amelie@example.com", goodPassword)
	if n := len(w.do("ListUsers", obj{"UserPoolId": w.pool()})["Users"].([]any)); n != 6 {
		t.Errorf("the functions created %d users", n)
	}
}

// TestDescribeTriggers: DescribeUserPool names the functions.
func TestDescribeTriggers(t *testing.T) {
	p := triggered("PreSignUp", "PreTokenGeneration")
	p.Triggers.PreTokenGenerationVersion = "V2_0"
	w := newWorld(t, p)
	got := w.do("DescribeUserPool", obj{"UserPoolId": w.pool()})["UserPool"].(obj)["LambdaConfig"]
	want := obj{
		"PreSignUp":                "arn:aws:lambda:us-east-1:000000000000:function:PreSignUp",
		"PreTokenGeneration":       "arn:aws:lambda:us-east-1:000000000000:function:PreTokenGeneration",
		"PreTokenGenerationConfig": obj{"LambdaVersion": "V2_0", "LambdaArn": "arn:aws:lambda:us-east-1:000000000000:function:PreTokenGeneration"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestTriggersNeedInvoke(t *testing.T) {
	w := newWorld(t, emailPool())
	cfg := w.cfg
	cfg.Invoke = nil
	cfg.Pools = []cognito.PoolConfig{triggered("PreSignUp")}
	cfg.Pools[0].Triggers.PreTokenGenerationVersion = "V4_0"
	_, err := cognito.New(cfg)
	for _, want := range []string{"trigger PreSignUp: Invoke is required", `PreTokenGenerationVersion "V4_0" is not`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestPublishedReplies answers with the events of aws-lambda-go's fixtures, in
// which functions have answered, and looks at what comes of it.
func TestPublishedReplies(t *testing.T) {
	const group = "group-A group-B group-C"
	const scopes = "aws.cognito.signin.user.admin scope1 scope2 scopeLomond"
	reply := func(w *world, trigger, fixture string) {
		w.t.Helper()
		b, err := os.ReadFile("testdata/cognito-event-userpools-" + fixture + ".json")
		if err != nil {
			w.t.Fatal(err)
		}
		w.replying(trigger, string(b))
	}
	signedIn := func(t *testing.T, trigger, fixture, version string) (id, access obj) {
		p := triggered(trigger)
		p.Triggers.PreTokenGenerationVersion = version
		w := newWorld(t, p)
		w.existing("amelie@example.com")
		reply(w, trigger, fixture)
		got := w.signIn("amelie@example.com", goodPassword)
		return claimsOf(t, got.id), claimsOf(t, got.access)
	}
	joined := func(v any) string { return strings.Trim(fmt.Sprint(v), "[]") }
	t.Run("sign-up", func(t *testing.T) {
		w := newWorld(t, triggered("PreSignUp", "PostConfirmation"))
		reply(w, "PreSignUp", "presignup")
		reply(w, "PostConfirmation", "postconfirmation")
		w.do("SignUp", obj{"ClientId": w.client("web"), "Username": "amelie@example.com", "Password": goodPassword, "UserAttributes": attrs("phone_number", "+15555550100")})
		if a := w.attributesOf("amelie@example.com"); a["email_verified"] != "true" || a["phone_number_verified"] != "true" || w.statusOf("amelie@example.com") != "UNCONFIRMED" {
			t.Errorf("got %v", a)
		}
		w.do("AdminConfirmSignUp", w.user("amelie@example.com"))
	})
	t.Run("sign-in", func(t *testing.T) {
		signedIn(t, "PreAuthentication", "preauthentication", "")
		signedIn(t, "PostAuthentication", "postauthentication", "")
	})
	t.Run("tokens", func(t *testing.T) {
		id, access := signedIn(t, "PreTokenGeneration", "pretokengen", "V1_0")
		if joined(id["cognito:groups"]) != group || joined(access["cognito:groups"]) != group || id["attribute_key2"] != "attribute_value2" || id["email"] != nil ||
			id["cognito:preferred_role"] != "arn:aws:iam::XXXXXXXXXXX:role/sns_caller" {
			t.Errorf("V1_0 gives %v and %v", id, access)
		}
		id, access = signedIn(t, "PreTokenGeneration", "pretokengen-v2_0", "V2_0")
		if joined(id["cognito:groups"]) != group || joined(access["cognito:groups"]) != group || access["scope"] != scopes ||
			id["favorite_number"] != 2.0 || access["favorite_number"] != 2.0 || id["email"] != nil || access["family_name"] != "xyz" {
			t.Errorf("V2_0 gives %v and %v", id, access)
		}
	})
	t.Run("message without the code", func(t *testing.T) {
		w := newWorld(t, triggered("CustomMessage"))
		reply(w, "CustomMessage", "custommessage")
		w.refused("SignUp", obj{"ClientId": w.client("web"), "Username": "amelie@example.com", "Password": goodPassword},
			"InvalidLambdaResponseException", "Unrecognizable lambda output")
	})
	t.Run("migration with a placeholder for a status", func(t *testing.T) {
		w := newWorld(t, triggered("UserMigration"))
		reply(w, "UserMigration", "migrateuser")
		w.refused("InitiateAuth", w.passwordAuth("amelie@example.com", goodPassword), "InvalidLambdaResponseException", "Unrecognizable lambda output")
	})
	t.Run("custom sign-in", func(t *testing.T) {
		w, _, _, _ := customWorld(t)
		reply(w, "CreateAuthChallenge", "create-auth-challenge")
		reply(w, "VerifyAuthChallengeResponse", "verify-auth-challenge")
		out := w.do("InitiateAuth", w.customStart("custom", "amelie@example.com", nil))
		if out["ChallengeParameters"].(obj)["a"] != "b" {
			t.Errorf("got %v", out)
		}
		w.tokensOf(w.do("RespondToAuthChallenge", w.customAnswer("custom", "amelie@example.com", out["Session"], "anything")))
		reply(w, "DefineAuthChallenge", "define-auth-challenge")
		w.refused("InitiateAuth", w.customStart("custom", "amelie@example.com", nil), "NotAuthorizedException", "Incorrect username or password.")
	})
}

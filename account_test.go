package doorwright_test

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/sigv4"
)

// sts calls an operation of STS, signed at a moment.
func sts(t *testing.T, r *running, keys sigv4.Credentials, action string, at time.Time) (int, string) {
	t.Helper()
	body := "Action=" + action + "&Version=2011-06-15"
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.Environment().Endpoint+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sigv4.Sign(req, []byte(body), keys, "sts", r.Environment().Region, at)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// rootSession gives a session of the stage's root.
func rootSession(t *testing.T, r *running, at time.Time) sigv4.Credentials {
	t.Helper()
	e := r.Environment()
	status, body := sts(t, r, sigv4.Credentials{AccessKeyID: e.AccessKeyID, SecretAccessKey: e.SecretAccessKey}, "GetSessionToken", at)
	m := regexp.MustCompile(`(?s)<AccessKeyId>(.*?)</.*<SecretAccessKey>(.*?)</.*<SessionToken>(.*?)</`).FindStringSubmatch(body)
	if status != 200 || m == nil {
		t.Fatalf("%d %s", status, body)
	}
	return sigv4.Credentials{AccessKeyID: m[1], SecretAccessKey: m[2], SessionToken: m[3]}
}

const invalidToken = `<Error>
    <Type>Sender</Type>
    <Code>InvalidClientTokenId</Code>
    <Message>The security token included in the request is invalid.</Message>
  </Error>`

// TestSessionsOutliveTheProcess: a session is good after a restart, also one that
// makes the next master key, and no longer than it says; in another stage never.
func TestSessionsOutliveTheProcess(t *testing.T) {
	var later atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	cfg := doorwright.Config{Dir: upstreamApp(t, hello(t).URL, ""), State: t.TempDir(), AnyPort: true, Now: now}
	r := run(t, cfg)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	later.Store(int64(90*24*time.Hour - 10*time.Minute))
	r = run(t, cfg)
	keys := rootSession(t, r, now())
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	later.Store(int64(90*24*time.Hour + 10*time.Minute))
	r = run(t, cfg)
	if status, body := sts(t, r, keys, "GetCallerIdentity", now()); status != 200 || !strings.Contains(body, "<Arn>arn:aws:iam::000000000000:root</Arn>") {
		t.Errorf("after restarts: %d %s", status, body)
	}
	fresh := rootSession(t, r, now())
	if fresh.SessionToken[2:6] == keys.SessionToken[2:6] { // in the id of the master key
		t.Errorf("the master key is %q still", fresh.SessionToken[2:6])
	}
	cfg.State = t.TempDir()
	other := run(t, cfg)
	if status, body := sts(t, other, keys, "GetCallerIdentity", now()); status != 403 || !strings.Contains(body, invalidToken) {
		t.Errorf("in another stage: %d %s", status, body)
	}
	later.Add(int64(time.Hour))
	if status, body := sts(t, r, keys, "GetCallerIdentity", now()); status != 403 || !strings.Contains(body, "<Code>ExpiredToken</Code>") {
		t.Errorf("an hour later: %d %s", status, body)
	}
}

// TestFunctionsOutliveTheirKeys: a function has good keys, however long the app runs.
// They are a session of its own role.
func TestFunctionsOutliveTheirKeys(t *testing.T) {
	var later atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	r := run(t, doorwright.Config{Dir: functionApp(t), AnyPort: true, Now: now})
	keysOf := func() (keys sigv4.Credentials, name string) {
		t.Helper()
		status, body := ask(t, get(t, r.output("Url")+"/env"))
		var env []string
		if err := json.Unmarshal([]byte(body), &env); err != nil {
			t.Fatalf("%d %s", status, body)
		}
		for _, e := range env {
			key, value, _ := strings.Cut(e, "=")
			switch key {
			case "AWS_ACCESS_KEY_ID":
				keys.AccessKeyID = value
			case "AWS_SECRET_ACCESS_KEY":
				keys.SecretAccessKey = value
			case "AWS_SESSION_TOKEN":
				keys.SessionToken = value
			case "AWS_LAMBDA_FUNCTION_NAME":
				name = value
			}
		}
		return keys, name
	}
	first, name := keysOf()
	good := func(keys sigv4.Credentials) {
		t.Helper()
		status, body := sts(t, r, keys, "GetCallerIdentity", now())
		if want := "<Arn>arn:aws:sts::000000000000:assumed-role/" + name + "/" + name + "</Arn>"; status != 200 || !strings.Contains(body, want) {
			t.Errorf("%d %s, want %s", status, body, want)
		}
	}
	good(first)
	later.Store(int64(11 * time.Hour))
	if same, _ := keysOf(); same != first {
		t.Error("the keys are others before they get old")
	}
	later.Store(int64(11*time.Hour + 50*time.Minute))
	second, _ := keysOf()
	if second == first {
		t.Error("keys that end within the longest invocation are used still")
	}
	later.Store(int64(12*time.Hour + time.Minute))
	good(second)
	if status, body := sts(t, r, first, "GetCallerIdentity", now()); status != 403 || !strings.Contains(body, "<Code>ExpiredToken</Code>") {
		t.Errorf("the first keys: %d %s", status, body)
	}
}

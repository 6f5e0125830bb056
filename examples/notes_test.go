package examples_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/doorwrighttest"
	"github.com/doorwright/doorwright/sigv4"
)

// TestWalkThroughNotes runs the notes: what a token gives through the API, and what
// the credentials of the identity pool give without it. The walk-through itself, with
// AWS's clients, is in the integration module.
func TestWalkThroughNotes(t *testing.T) {
	needsModules(t, "notes")
	app := doorwrighttest.Start(t, "notes")
	rider := app.Token(t, doorwrighttest.User{Name: "rider@example.com"})

	if got := app.Get(t, "Api", "/notes", "").String(); got != `401 {"message":"Unauthorized"}` {
		t.Errorf("a stranger is answered %s", got)
	}
	if got := app.Get(t, "Api", "/notes", rider.ID).String(); got != "200 []" {
		t.Errorf("GET /notes is answered %s", got)
	}
	uploads(t, app, rider.ID)
	for _, want := range []string{" is signing in", " has signed in"} {
		if !logged(app, want) {
			t.Errorf("no trigger has said that somebody%s", want)
		}
	}

	id, keys := identityOf(t, app, rider.ID)
	table := func(operation, user string) string {
		return dynamodb(t, app, keys, operation, map[string]string{
			"PutItem": `{"TableName":"` + app.Output(t, "TableName") + `","Item":{"userId":{"S":"` + user + `"},"noteId":{"S":"1"}}}`,
			"Query":   `{"TableName":"` + app.Output(t, "TableName") + `","KeyConditionExpression":"userId = :u","ExpressionAttributeValues":{":u":{"S":"` + user + `"}}}`,
			"Scan":    `{"TableName":"` + app.Output(t, "TableName") + `"}`,
		}[operation])
	}
	if got := table("PutItem", id); got != "200 {}" {
		t.Errorf("a note of the user's own is answered %s", got)
	}
	if got := table("Query", id); !strings.Contains(got, `"Count":1`) {
		t.Errorf("the user's own notes are %s", got)
	}
	denied := func(action string) string {
		return `400 {"__type":"com.amazon.coral.service#AccessDeniedException","message":"User: arn:aws:sts::000000000000:assumed-role/dev-notes-Auth-authenticated/CognitoIdentityCredentials is not authorized to perform: dynamodb:` +
			action + ` on resource: arn:aws:dynamodb:us-east-1:000000000000:table/` + app.Output(t, "TableName") + ` because no identity-based policy allows the dynamodb:` + action + ` action"}`
	}
	for operation, user := range map[string]string{"PutItem": "us-east-1:somebody-else", "Query": "us-east-1:somebody-else", "Scan": ""} {
		if got := table(operation, user); got != denied(operation) {
			t.Errorf("%s of others' notes is answered\n%s, want\n%s", operation, got, denied(operation))
		}
	}
}

// uploads gets the two URLs for a file, and uses them without any token.
func uploads(t *testing.T, app *doorwrighttest.App, token string) {
	t.Helper()
	ask := func(body string) doorwrighttest.Response {
		return send(t, app, http.MethodPost, app.URL(t, "Api")+"/upload-url", body, http.Header{"Authorization": {"Bearer " + token}})
	}
	var links struct{ Key, Upload, Download string }
	if got := ask(`{"name":"photo.txt"}`); json.Unmarshal([]byte(got.Body), &links) != nil || links.Upload == "" {
		t.Fatalf("POST /upload-url is answered %s", got)
	}
	for _, body := range []string{`{"name":"../x"}`, `{"name":1}`, `null`, `{`, ``} {
		if got := ask(body); got.Status != http.StatusBadRequest {
			t.Errorf("the name of %s is answered %s", body, got)
		}
	}
	if got := send(t, app, http.MethodPut, links.Upload, "hello", nil); got.Status != http.StatusOK {
		t.Errorf("the upload is answered %s", got)
	}
	if got := send(t, app, http.MethodGet, links.Download, "", nil).String(); got != "200 hello" {
		t.Errorf("the download is answered %s", got)
	}
	if got := send(t, app, http.MethodGet, strings.Replace(links.Download, "photo", "other", 1), "", nil); got.Status != http.StatusForbidden || !strings.Contains(got.Body, "<Code>SignatureDoesNotMatch</Code>") {
		t.Errorf("another file by this URL is answered %s", got)
	}
	app.Clock.Advance(301 * time.Second)
	if got := send(t, app, http.MethodGet, links.Download, "", nil); got.Status != http.StatusForbidden || !strings.Contains(got.Body, "<Message>Request has expired</Message>") {
		t.Errorf("after five minutes the URL is answered %s", got)
	}
}

// identityOf gives the identity of who has a token, and its credentials.
func identityOf(t *testing.T, app *doorwrighttest.App, token string) (string, sigv4.Credentials) {
	t.Helper()
	ask := func(operation string, in map[string]any, out any) {
		t.Helper()
		in["Logins"] = map[string]string{"cognito-idp.us-east-1.amazonaws.com/" + app.Output(t, "UserPoolId"): token}
		body, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		got := send(t, app, http.MethodPost, app.Environment().Endpoint, string(body), http.Header{
			"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {"AWSCognitoIdentityService." + operation},
		})
		if err := json.Unmarshal([]byte(got.Body), out); got.Status != http.StatusOK || err != nil {
			t.Fatalf("%s is answered %s", operation, got)
		}
	}
	var identity struct {
		IdentityID string `json:"IdentityId"`
	}
	ask("GetId", map[string]any{"IdentityPoolId": app.Output(t, "IdentityPoolId")}, &identity)
	var given struct {
		Credentials struct {
			AccessKeyID  string `json:"AccessKeyId"`
			SecretKey    string
			SessionToken string
		}
	}
	ask("GetCredentialsForIdentity", map[string]any{"IdentityId": identity.IdentityID}, &given)
	c := given.Credentials
	return identity.IdentityID, sigv4.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretKey, SessionToken: c.SessionToken}
}

// dynamodb sends a signed operation on tables.
func dynamodb(t *testing.T, app *doorwrighttest.App, keys sigv4.Credentials, operation, body string) string {
	t.Helper()
	r := request(t, http.MethodPost, app.Environment().Endpoint, body, http.Header{
		"Content-Type": {"application/x-amz-json-1.0"}, "X-Amz-Target": {"DynamoDB_20120810." + operation},
	})
	sigv4.Sign(r, []byte(body), keys, "dynamodb", "us-east-1", app.Clock.Now())
	return app.Do(t, r).String()
}

func request(t *testing.T, method, url, body string, header http.Header) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, io.NopCloser(strings.NewReader(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = int64(len(body))
	if body == "" {
		r.Body = http.NoBody
	}
	for name, values := range header {
		r.Header[name] = values
	}
	return r
}

func send(t *testing.T, app *doorwrighttest.App, method, url, body string, header http.Header) doorwrighttest.Response {
	t.Helper()
	return app.Do(t, request(t, method, url, body, header))
}

// logged says whether a function's log has a text.
func logged(app *doorwrighttest.App, text string) bool {
	for _, e := range app.Events() {
		if e.Kind == doorwright.KindFunction && strings.Contains(e.Text, text) {
			return true
		}
	}
	return false
}

package examples_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/sigv4"
)

// TestNotesSignsItsRequests holds the few lines of SigV4 in the example against package
// sigv4: presigned URLs of any name of a file, and an operation on the table.
func TestNotesSignsItsRequests(t *testing.T) {
	needs(t, "node")
	keys := sigv4.Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "secret+/=", SessionToken: "token+/="}
	lookup := func(_ context.Context, id, token string) (string, error) {
		if id != keys.AccessKeyID || token != keys.SessionToken {
			return "", sigv4.ErrUnknownKey
		}
		return keys.SecretAccessKey, nil
	}
	var verified []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		v := &sigv4.Verifier{Service: "s3", Region: "us-east-1", Lookup: lookup, S3: true}
		if r.Header.Get("X-Amz-Target") != "" {
			v = &sigv4.Verifier{Service: "dynamodb", Region: "us-east-1", Lookup: lookup}
		}
		if _, err := v.Verify(r, body); err != nil {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
			w.WriteHeader(403)
			return
		}
		verified = append(verified, r.Method+" "+r.URL.Path+" "+r.Header.Get("X-Amz-Target"))
		w.Write([]byte(`{"Items":[]}`))
	}))
	defer server.Close()
	program := `
import { presign, dynamodb } from "./aws.js";
for (const key of ["uploads/a-b/plain.txt", "uploads/a (b)/c!'*~é+&=%.txt"]) {
  for (const method of ["PUT", "GET"]) {
    const r = await fetch(presign(method, "bucket", key, 300), { method, body: method === "PUT" ? "text" : undefined });
    if (!r.ok) throw new Error(key + ": " + r.status);
  }
}
console.log(JSON.stringify((await dynamodb("Query", { TableName: "é" })).Items));
`
	source, err := os.ReadFile("notes/src/aws.js")
	if err != nil {
		t.Fatal(err)
	}
	// One module of both: Node takes a .js file for CommonJS without a package.json.
	program = string(source) + strings.Replace(program, "import { presign, dynamodb } from \"./aws.js\";\n", "", 1)
	cmd := exec.CommandContext(t.Context(), "node", "--input-type=module", "-e", program)
	cmd.Env = []string{"AWS_REGION=us-east-1", "AWS_ENDPOINT_URL=" + server.URL, "AWS_ACCESS_KEY_ID=" + keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + keys.SecretAccessKey, "AWS_SESSION_TOKEN=" + keys.SessionToken}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "[]") {
		t.Errorf("%v\n%s", err, out)
	}
	if got := strings.Join(verified, "\n"); len(verified) != 5 || !strings.Contains(got, "PUT /bucket/uploads/a (b)/c!'*~é+&=%.txt ") || !strings.Contains(got, "POST / DynamoDB_20120810.Query") {
		t.Errorf("verified:\n%s", got)
	}
}

package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode"
)

// prove gives the proof of who has the root's secret "s".
func prove(r *http.Request, answer []byte) string {
	h := hmac.New(sha256.New, []byte("doorwright proof s"))
	fmt.Fprintf(h, "%d %s%s", len(r.Header.Get("Authorization")), r.Header.Get("Authorization"), answer)
	return hex.EncodeToString(h.Sum(nil))
}

// TestImpostor has somebody else at the port of a stage that does not run any more. Who
// does not have the stage's keys learns nothing of a question; and who has them, as a
// state may have come with a repository, is told no token and no password by another
// way, and commands no terminal.
func TestImpostor(t *testing.T) {
	var mu sync.Mutex
	var elsewhere []string
	victim := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		elsewhere = append(elsewhere, fmt.Sprint(r.URL, r.Header, string(body), err))
	}))
	defer victim.Close()
	const acts = "\u009b2J\u202e \x1b]0;x\a \u0085"
	answer := func(w http.ResponseWriter, r *http.Request) {}
	var heard []string
	impostor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		heard = append(heard, string(body))
		mu.Unlock()
		answer(w, r)
	}))
	defer impostor.Close()
	dir := t.TempDir()
	folder := filepath.Join(dir, ".doorwright", "dev")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(impostor.URL, "127.0.0.1:")
	environment := fmt.Sprintf(`{"endpoint":"http://localhost:%s","region":"us-east-1","accessKeyId":"AKIA1","secretAccessKey":"s"}`, port)
	if err := os.WriteFile(filepath.Join(folder, "environment.json"), []byte(environment), 0o600); err != nil {
		t.Fatal(err)
	}
	says := func(status int, v any) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			status, text := status, []byte("{}")
			if r.Header.Get("X-Amz-Target") == "Doorwright.Hello" {
				status = 200
			} else if v != nil {
				text, _ = json.Marshal(v) // strings and lists always can be
			}
			w.Header().Set("X-Doorwright-Proof", prove(r, text))
			w.WriteHeader(status)
			_, _ = w.Write(text) // the client went away
		}
	}
	replays := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Doorwright-Proof", prove(&http.Request{Header: http.Header{"Authorization": {"of another"}}}, []byte("{}")))
		_, _ = io.WriteString(w, "{}")
	}
	guesses := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"API":"Api","URL":"http://localhost:1/"}`)
	}
	leads := func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Amz-Target") == "Doorwright.Hello" {
			says(200, nil)(w, r)
			return
		}
		http.Redirect(w, r, victim.URL+"/stolen", http.StatusTemporaryRedirect)
	}
	for _, tt := range []struct {
		name   string
		answer func(http.ResponseWriter, *http.Request)
		args   []string
		stdin  string
		want   string
		code   int
	}{
		{"a token sent elsewhere", says(200, map[string]any{"API": "Api", "URL": victim.URL + "/private"}), []string{"call", "/private", "--token", "-"}, "SECRET", "not on this machine", 1},
		{"a host that begins alike", says(200, map[string]any{"URL": "http://localhost.evil.example/"}), []string{"call", "/private", "--token", "-"}, "SECRET", "not on this machine", 1},
		{"a user for another host", says(200, map[string]any{"URL": "http://localhost:1@evil.example/"}), []string{"call", "/private", "--token", "-"}, "SECRET", "not on this machine", 1},
		{"a password led elsewhere", leads, []string{"users", "create", "bea@example.com", "--password-stdin"}, "SECRET-Passw0rd", "status 307", 1},
		{"a password, by no proof", guesses, []string{"users", "create", "bea@example.com", "--password-stdin"}, "SECRET-Passw0rd", "does not have the stage's keys", 1},
		{"a password, by an old proof", replays, []string{"users", "create", "bea@example.com", "--password-stdin"}, "SECRET-Passw0rd", "does not have the stage's keys", 1},
		{"a token, by no proof", guesses, []string{"explain", "GET", "/x", "--token", "-"}, "SECRET", "does not have the stage's keys", 1},
		{"an answer that acts", says(200, map[string]any{"requestId": acts, "verdict": acts, "steps": []any{map[string]any{"kind": acts, "text": acts}}}), []string{"explain", "abc"}, "", "2J", 0},
		{"JSON that acts", says(200, map[string]any{"requestId": acts, "verdict": acts}), []string{"explain", "abc", "--json"}, "", `\u009b2J\u202e`, 0},
		{"an error that acts", says(400, map[string]any{"message": acts, "fix": acts}), []string{"explain", "abc"}, "", "2J", 1},
		{"a header that is none", nil, []string{"call", "/x", "-H", "Authorization SECRET"}, "", "-H is", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer, heard = tt.answer, nil
			var out bytes.Buffer
			code := run(t.Context(), append(tt.args, "--dir", dir), strings.NewReader(tt.stdin+"\n"), &out, &out)
			if code != tt.code || !strings.Contains(out.String(), tt.want) {
				t.Errorf("exit code %d: %q", code, out.String())
			}
			mu.Lock()
			if strings.Contains(tt.name, "proof") && (len(heard) == 0 || strings.Contains(fmt.Sprint(heard), "SECRET")) {
				t.Errorf("who is not the stage was told %s", heard)
			}
			mu.Unlock()
			if strings.Contains(out.String(), "SECRET") {
				t.Errorf("a secret is printed: %q", out.String())
			}
			for _, r := range out.String() {
				if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
					t.Fatalf("%U acts on the terminal: %q", r, out.String())
				}
			}
		})
	}
	mu.Lock()
	defer mu.Unlock()
	for _, e := range elsewhere {
		t.Errorf("somebody else was told %s", e)
	}
}

// TestImpostorAfterTheProof: the stage is killed as it has just proved what it is, and
// somebody else has its port at once. What is asked goes where the proof came from, or nowhere.
func TestImpostorAfterTheProof(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
	}{
		{"a password", []string{"users", "create", "bea@example.com", "--password-stdin"}},
		{"a token", []string{"explain", "GET", "/x", "--token", "-"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			_, port, _ := net.SplitHostPort(l.Addr().String())
			var mu sync.Mutex
			var heard []string
			impostor := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				mu.Lock()
				defer mu.Unlock()
				heard = append(heard, string(body))
			})}
			defer impostor.Close()
			given := 0
			stage := &http.Server{}
			stage.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				text := []byte("{}")
				if given++; given == 1 { // it is killed when this is sent
					taken := make(chan struct{})
					l.Close()
					go func() {
						defer close(taken)
						other, err := net.Listen("tcp", "127.0.0.1:"+port)
						if err != nil {
							t.Error(err)
							return
						}
						go impostor.Serve(other)
					}()
					<-taken
					w.Header().Set("Connection", "close")
				}
				w.Header().Set("X-Doorwright-Proof", prove(r, text))
				_, _ = w.Write(text) // the client went away
			})
			go stage.Serve(l)
			defer stage.Close()
			dir := t.TempDir()
			folder := filepath.Join(dir, ".doorwright", "dev")
			if err := os.MkdirAll(folder, 0o700); err != nil {
				t.Fatal(err)
			}
			environment := fmt.Sprintf(`{"endpoint":"http://localhost:%s","region":"us-east-1","accessKeyId":"AKIA1","secretAccessKey":"s"}`, port)
			if err := os.WriteFile(filepath.Join(folder, "environment.json"), []byte(environment), 0o600); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if code := run(t.Context(), append(tt.args, "--dir", dir), strings.NewReader("SECRET-Passw0rd\n"), &out, &out); code == 0 {
				t.Errorf("it succeeds: %s", out.String())
			}
			mu.Lock()
			defer mu.Unlock()
			if strings.Contains(fmt.Sprint(heard), "SECRET") {
				t.Errorf("who has taken the port was told %s", heard)
			}
			if given == 0 {
				t.Errorf("no proof was asked for: %s", out.String())
			}
		})
	}
}

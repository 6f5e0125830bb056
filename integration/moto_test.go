package integration

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// moto is a server that stands for AWS. It takes templates more easily than AWS does,
// so that nothing goes by a status alone.
type moto struct {
	url    string
	reader *reader
}

// startMoto starts the server, and the program that reads back by boto3.
func startMoto(t *testing.T) *moto {
	t.Helper()
	python := need(t, "python3")
	if err := exec.Command(python, "-c", "import boto3, moto.server, flask_cors, openapi_spec_validator").Run(); err != nil {
		need(t, "python3 with boto3 and moto[server,cloudformation]")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	c := exec.Command(python, filepath.Join("testdata", "moto", "server.py"), fmt.Sprint(port))
	log, err := os.Create(filepath.Join(t.TempDir(), "moto.log"))
	if err != nil {
		t.Fatal(err)
	}
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
		log.Close()
		if b, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("moto wrote:\n%s", motoTrouble(string(b)))
		}
	})
	m := &moto{url: fmt.Sprintf("http://127.0.0.1:%d", port), reader: startReader(t, python)}
	for end := time.Now().Add(time.Minute); ; {
		resp, err := http.Get(m.url + "/moto-api/")
		if err == nil {
			resp.Body.Close()
			return m
		}
		if time.Now().After(end) {
			t.Fatalf("moto does not answer: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// motoTrouble leaves the requests out of what moto has written.
func motoTrouble(log string) string {
	lines := slices.DeleteFunc(strings.Split(log, "\n"), func(line string) bool { return strings.HasPrefix(line, "127.0.0.1 - - [") })
	log = strings.Join(lines, "\n")
	return log[max(0, len(log)-8000):]
}

// reader is testdata/moto/read.py, one for all accounts.
type reader struct {
	mu  sync.Mutex // guards the two
	in  io.WriteCloser
	out *bufio.Scanner
}

func startReader(t *testing.T, python string) *reader {
	t.Helper()
	c := exec.Command(python, filepath.Join("testdata", "moto", "read.py"))
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = c.Wait()
	})
	r := &reader{in: in, out: bufio.NewScanner(out)}
	r.out.Buffer(nil, 1<<22)
	return r
}

// account is one of moto's accounts, in which one app is deployed.
type account struct {
	t             *testing.T
	moto          *moto
	id, region    string
	key, secret   string
	token         string
	env           []string
	names         []string // pairs of ids that AWS has made up and what stands for them
	seen          map[string]bool
	codes         map[string]string
	dir, stack    string
	stage, golden string
}

// account gives an account, with keys of a role in it: that is how moto has several.
func (m *moto) account(t *testing.T, id, region string) *account {
	t.Helper()
	form := url.Values{"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "RoleArn": {"arn:aws:iam::" + id + ":role/deployer"}, "RoleSessionName": {"test"}}
	r, err := http.NewRequest(http.MethodPost, m.url+"/", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=00")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	part := func(name string) string {
		found := regexp.MustCompile("<" + name + ">(.*?)</" + name + ">").FindSubmatch(b)
		if found == nil {
			t.Fatalf("moto gives no %s of a role in account %s: %s", name, id, b)
		}
		return string(found[1])
	}
	a := &account{
		t: t, moto: m, id: id, region: region, key: part("AccessKeyId"), secret: part("SecretAccessKey"), token: part("SessionToken"),
		seen: map[string]bool{}, codes: map[string]string{},
	}
	a.env = append(cleanEnv(), "NO_COLOR=1", "AWS_ENDPOINT_URL="+m.url, "AWS_ACCESS_KEY_ID="+a.key, "AWS_SECRET_ACCESS_KEY="+a.secret, "AWS_SESSION_TOKEN="+a.token,
		"AWS_REGION="+region, "AWS_DEFAULT_REGION="+region)
	return a
}

// doorwright runs a command against the account and gives all that it prints.
func (a *account) doorwright(args ...string) string {
	a.t.Helper()
	c := exec.CommandContext(a.t.Context(), binary, args...)
	c.Env = a.env
	out, err := c.CombinedOutput()
	if err != nil {
		a.t.Fatalf("doorwright %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// aws gives the words that the AWS CLI answers with, sorted.
func (a *account) aws(args string) []string {
	a.t.Helper()
	c := exec.CommandContext(a.t.Context(), need(a.t, "aws"), append(strings.Fields(args), "--output", "text")...)
	c.Env = a.env
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		a.t.Fatalf("aws %s: %v\n%s", args, err, stderr.String())
	}
	words := strings.Fields(string(out))
	slices.Sort(words)
	return words
}

// read gives what boto3 reads in the account: the logical ids of the stack's resources,
// and of everything a line, where logical ids stand for the ids that AWS has made up.
func (a *account) read(template string) (ids, lines []string) {
	a.t.Helper()
	asked, err := json.Marshal(map[string]string{"endpoint": a.moto.url, "region": a.region, "key": a.key, "secret": a.secret, "token": a.token, "stack": a.stack})
	if err != nil {
		a.t.Fatal(err)
	}
	var answer struct {
		Error     string
		Resources map[string]string
		Lines     []string
	}
	a.moto.reader.mu.Lock()
	_, err = fmt.Fprintf(a.moto.reader.in, "%s\n", asked)
	if err == nil && !a.moto.reader.out.Scan() {
		err = fmt.Errorf("the reader has ended: %w", a.moto.reader.out.Err())
	}
	if err == nil {
		err = json.Unmarshal(a.moto.reader.out.Bytes(), &answer)
	}
	a.moto.reader.mu.Unlock()
	if err == nil && answer.Error != "" {
		err = fmt.Errorf("boto3: %s", answer.Error)
	}
	if err != nil {
		a.t.Fatalf("reading account %s: %v", a.id, err)
	}
	for id := range answer.Resources {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		// What the template has given itself, such as a function's name, stands as it is.
		if physical := answer.Resources[id]; len(physical) > 5 && !strings.Contains(template, physical) && !a.seen[physical] {
			a.seen[physical] = true
			a.names = append(a.names, physical, "<"+id+">")
		}
	}
	names := strings.NewReplacer(append(a.byLength(), a.id, "<account>")...)
	for i, line := range answer.Lines {
		if answer.Lines[i], err = sorted(madeUp.ReplaceAllString(version.ReplaceAllString(names.Replace(line), ":<version>}}"), "-<made up>")); err != nil {
			a.t.Fatalf("reading account %s: %s: %v", a.id, line, err)
		}
	}
	slices.SortFunc(answer.Lines, func(x, y string) int { // by what is the same in every build
		return cmp.Compare(codeOf.ReplaceAllString(x, ""), codeOf.ReplaceAllString(y, ""))
	})
	for i, line := range answer.Lines {
		answer.Lines[i] = codeOf.ReplaceAllStringFunc(line, func(code string) string {
			if a.codes[code] == "" {
				a.codes[code] = fmt.Sprintf(`"CodeSha256":"<code %d>"`, len(a.codes)+1)
			}
			return a.codes[code]
		})
	}
	return ids, answer.Lines
}

// sorted gives a line with the names in its JSON in order: they may hold an id.
func sorted(line string) (string, error) {
	what, text, object := strings.Cut(line, " {")
	if !object {
		return line, nil
	}
	var value any
	if err := json.Unmarshal([]byte("{"+text), &value); err != nil {
		return "", err
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return "", err
	}
	return what + " " + strings.TrimSpace(b.String()), nil
}

// madeUp is the end of a name that CloudFormation gives.
var madeUp = regexp.MustCompile(`-[A-Z0-9]{12}\b`)

// version is that of a secret.
var version = regexp.MustCompile(`:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}}}`)

var codeOf = regexp.MustCompile(`"CodeSha256":"[^"<]*"`)

// byLength gives the pairs of names with the longest first: one may begin like another.
func (a *account) byLength() []string {
	var pairs [][2]string
	for i := 0; i < len(a.names); i += 2 {
		pairs = append(pairs, [2]string{a.names[i], a.names[i+1]})
	}
	slices.SortStableFunc(pairs, func(x, y [2]string) int { return len(y[0]) - len(x[0]) })
	var flat []string
	for _, p := range pairs {
		flat = append(flat, p[0], p[1])
	}
	return flat
}

// template gives what the stage's template is, and the logical ids in it.
func (a *account) template() (text string, ids []string) {
	a.t.Helper()
	c := exec.CommandContext(a.t.Context(), binary, "synth", a.dir, "--stage", a.stage)
	c.Env = a.env
	out, err := c.Output()
	if err != nil {
		a.t.Fatalf("doorwright synth: %v", err)
	}
	var template struct{ Resources map[string]any }
	if err := json.Unmarshal(out, &template); err != nil {
		a.t.Fatal(err)
	}
	for id := range template.Resources {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return string(out), ids
}

// difference gives the lines that are in one of two and not in the other, sorted.
func difference(before, after []string) []string {
	var lines []string
	for _, line := range before {
		if !slices.Contains(after, line) {
			lines = append(lines, "- "+line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			lines = append(lines, "+ "+line)
		}
	}
	slices.SortStableFunc(lines, func(x, y string) int { return strings.Compare(x[2:], y[2:]) })
	return lines
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

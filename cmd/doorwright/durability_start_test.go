package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/internal/store"
)

// TestKilledWhileStarting kills the program again and again while it makes or
// migrates its state. The next start always works, and whatever a start has
// written down of ids and keys stays.
func TestKilledWhileStarting(t *testing.T) {
	rnd := random(t)
	whole := time.Now()
	startProgram(t, poolApp(t)).ready(t).kill()
	took := time.Since(whole) // it decides when to kill, and nothing else
	kills := 0
	for round := range *killsFlag {
		dir := poolApp(t)
		if round%2 == 1 {
			pinPorts(t, dir, rnd) // so there is a state from before there were user pools
		}
		var seen stageIdentity
		for range 1 + rnd.IntN(4) {
			p := startProgram(t, dir)
			killWhileStarting(p, dir, rnd, took)
			if p.cmd.ProcessState.ExitCode() != -1 {
				t.Fatalf("it ended by itself:\n%s", p.out)
			}
			kills++
			seen = readIdentity(t, dir).expect(t, seen)
		}
		p := startProgram(t, dir).ready(t)
		seen = readIdentity(t, dir).expect(t, seen)
		keys := useStage(t, dir, "rider@example.com")
		p.stop(t)
		startProgram(t, dir).ready(t).expectSame(t, dir, seen, keys)
		if t.Failed() {
			return
		}
	}
	t.Logf("killed %d times; a first start took %s", kills, took.Round(time.Millisecond))
}

// killWhileStarting kills the program at a random moment of a start, or right
// after one of the commits that make its state.
func killWhileStarting(p *program, dir string, rnd *rand.Rand, took time.Duration) {
	if rnd.IntN(3) == 0 {
		<-time.After(time.Duration(rnd.Int64N(int64(took)))) // which moment it is does not matter, only that it varies
		p.kill()
		return
	}
	log := filepath.Join(store.Path(dir, doorwright.DefaultStage), "state.db-wal")
	left, size := 1+rnd.IntN(10), int64(-1)
	for deadline := time.Now().Add(2 * took); left > 0 && time.Now().Before(deadline); {
		if info, err := os.Stat(log); err == nil && info.Size() != size {
			left, size = left-1, info.Size()
		}
	}
	p.kill()
}

// stageIdentity is what a stage has told the world of itself.
type stageIdentity struct{ pool, client, accessKey, secretKey string }

// readIdentity reads the files that a start leaves for other commands; each is
// whole or not there.
func readIdentity(t *testing.T, dir string) (id stageIdentity) {
	t.Helper()
	folder := store.Path(dir, doorwright.DefaultStage)
	if _, err := os.Stat(filepath.Join(folder, "outputs.json")); !errors.Is(err, fs.ErrNotExist) {
		outputs, err := doorwright.ReadOutputs(dir, doorwright.DefaultStage)
		if err != nil || len(outputs) != 3 {
			t.Fatalf("outputs %v, %v", outputs, err)
		}
		id.pool, id.client = outputs[1].Value, outputs[2].Value
	}
	if _, err := os.Stat(filepath.Join(folder, "environment.json")); !errors.Is(err, fs.ErrNotExist) {
		env, err := doorwright.ReadEnvironment(dir, doorwright.DefaultStage)
		if err != nil {
			t.Fatal(err)
		}
		id.accessKey, id.secretKey = env.AccessKeyID, env.SecretAccessKey
	}
	return id
}

// expect holds an identity against an earlier one, of which less may have been
// known.
func (id stageIdentity) expect(t *testing.T, before stageIdentity) stageIdentity {
	t.Helper()
	for _, v := range [][2]string{{before.pool, id.pool}, {before.client, id.client}, {before.accessKey, id.accessKey}, {before.secretKey, id.secretKey}} {
		if v[0] != "" && v[0] != v[1] {
			t.Errorf("the stage was %v and is %v", before, id)
		}
	}
	return id
}

// expectSame expects of a program that it is the same stage as before.
func (p *program) expectSame(t *testing.T, dir string, seen stageIdentity, keys string) {
	t.Helper()
	readIdentity(t, dir).expect(t, seen)
	if now := useStage(t, dir, "another@example.com"); now != keys {
		t.Errorf("the signing keys were\n%s\nand are\n%s", keys, now)
	}
	p.stop(t)
}

// useStage shows that a running stage works from the sign-up to the gateway,
// and gives its signing keys.
func useStage(t *testing.T, dir, name string) (keys string) {
	t.Helper()
	c := newCaller(t, dir)
	must := func(got *answer, err error) *answer {
		t.Helper()
		if err != nil || got.status != http.StatusOK {
			t.Fatalf("%v, %v", got, err)
		}
		return got
	}
	must(c.signUp(name, "Passw0rd!"))
	must(c.call("AdminConfirmSignUp", map[string]any{"Username": name}))
	tokens := must(c.signIn(name, "Passw0rd!")).result.AuthenticationResult
	must(c.get(c.api+"/private", tokens.IdToken))
	return must(c.get(c.env.Endpoint+"/"+c.pool+"/.well-known/jwks.json", "")).body
}

// stubborn is a function that neither ends when its Runtime API is gone nor
// hears a signal to end, as far as the system lets it.
const stubborn = `package main

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
)

func main() {
	signal.Ignore()
	witness, err := net.Dial("tcp", os.Getenv("WITNESS"))
	if err != nil {
		panic(err)
	}
	witness.Write([]byte("up\n"))
	http.Get("http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/next")
	if runtime.GOOS == "linux" || runtime.GOOS == "windows" {
		io.Copy(io.Discard, witness) // for ever
	}
}
`

// TestFunctionsDieWithTheProgram kills the program and nothing else. Its
// functions end with it, and the next start is not in their way.
func TestFunctionsDieWithTheProgram(t *testing.T) {
	witness, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer witness.Close()
	dir := t.TempDir()
	declare(t, dir, fmt.Sprintf(`name: functions
apis:
  Api: {defaults: {function: {environment: {WITNESS: %q}}}, routes: {GET /: {function: functions/stubborn, authorizer: none}}}
outputs: {ApiEndpoint: "${apis.Api.url}"}
`, witness.Addr()))
	pinPorts(t, dir, random(t))
	for name, text := range map[string]string{"go.mod": "module functions\n\ngo 1.26\n", "functions/stubborn/main.go": stubborn} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var first stageIdentity
	for range 2 {
		p := startProgram(t, dir, func(cmd *exec.Cmd) { cmd.Env = append(os.Environ(), "NO_COLOR=1") }).ready(t)
		first = readIdentityOfKeys(t, dir).expect(t, first)
		if err := witness.(*net.TCPListener).SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		child, err := witness.Accept()
		if err != nil {
			t.Fatalf("no function came up: %v\n%s", err, p.out)
		}
		defer child.Close()
		if err := child.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(child, make([]byte, len("up\n"))); err != nil {
			t.Fatal(err)
		}
		p.kill()
		var timeout net.Error
		if _, err := child.Read(make([]byte, 1)); err == nil || errors.As(err, &timeout) && timeout.Timeout() {
			t.Fatalf("the function lives on: %v", err)
		}
	}
}

// readIdentityOfKeys is readIdentity for an app without a user pool.
func readIdentityOfKeys(t *testing.T, dir string) stageIdentity {
	t.Helper()
	env, err := doorwright.ReadEnvironment(dir, doorwright.DefaultStage)
	if err != nil {
		t.Fatal(err)
	}
	return stageIdentity{accessKey: env.AccessKeyID, secretKey: env.SecretAccessKey, pool: env.Endpoint}
}

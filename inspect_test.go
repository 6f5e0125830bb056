package doorwright_test

import (
	"bufio"
	"encoding/binary"
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
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
)

// inspectApp has a function that stops at a breakpoint, as a route's target and as an
// authorizer, and one that never answers, all with limits of 50 ms and 1 s.
const inspectApp = `name: app
apis:
  Api:
    authorizers: {guard: {type: lambda, function: {handler: stops.guard, timeout: 1s}, payloadFormatVersion: "2.0", enableSimpleResponses: true, identitySource: [$request.header.Authorization]}}
    routes:
      GET /stops: {function: {handler: stops.handler, timeout: 1s}, timeout: 50ms, authorizer: none}
      GET /hangs: {function: {handler: hangs.handler, timeout: 1s}, timeout: 50ms, authorizer: none}
      GET /guarded: {function: {handler: stops.handler, timeout: 1s}, timeout: 50ms, authorizer: guard}
outputs: {Url: "${apis.Api.url}"}
`

func inspectFiles(t *testing.T) string {
	t.Helper()
	dir := declare(t, inspectApp)
	for name, text := range map[string]string{
		"stops.mjs": "export const handler = async (event) => {\n  const stage = event.requestContext.stage;\n  debugger;\n  return { statusCode: 200, body: 'went on in ' + stage };\n};\nexport const guard = async () => { debugger; return { isAuthorized: true }; };\n",
		"hangs.mjs": "export const handler = () => new Promise(() => setInterval(() => {}, 1000));\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func needsNode(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		if os.Getenv("DOORWRIGHT_REQUIRE") == "all" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// comesTo waits for a condition of another process.
func comesTo(t *testing.T, what string, holds func() bool) {
	t.Helper()
	if !eventually(holds) {
		t.Fatal(what, " never came")
	}
}

// TestInspectNode attaches to Node.js's inspector, as VS Code does: a request stops at a
// breakpoint for longer than the route, the function and the authorizer may take, and
// is answered when it goes on.
func TestInspectNode(t *testing.T) {
	needsNode(t)
	r := run(t, doorwright.Config{Dir: inspectFiles(t), AnyPort: true, Inspect: "stops"})
	for _, c := range []struct{ handler, path string }{{"stops.handler", "/stops"}, {"stops.guard", "/guarded"}} {
		handler, path := c.handler, c.path
		debugger := inspector(t, r, handler)
		debugger.call("Debugger.enable", nil)
		answer := make(chan string, 1)
		go func() {
			req, _ := http.NewRequest(http.MethodGet, r.output("Url")+path, nil)
			req.Header.Set("Authorization", "token")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				answer <- err.Error()
				return
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			answer <- fmt.Sprint(res.StatusCode, " ", string(body), err)
		}()
		paused := debugger.event("Debugger.paused")
		if handler == "stops.handler" {
			// The variable of the source is there, and the other function has come to
			// the end of the limits that both have.
			frame := paused["callFrames"].([]any)[0].(map[string]any)["callFrameId"]
			stage := debugger.call("Debugger.evaluateOnCallFrame", map[string]any{"callFrameId": frame, "expression": "stage"})
			if got := stage["result"].(map[string]any)["value"]; got != "$default" {
				t.Errorf("at the breakpoint stage is %v", got)
			}
			// Its first request may end at the route's limit before there is a process.
			comesTo(t, "the time-out of the function that hangs", func() bool {
				res, err := http.Get(r.output("Url") + "/hangs")
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				if res.StatusCode != http.StatusServiceUnavailable {
					t.Errorf("the function that hangs: %d", res.StatusCode)
				}
				return strings.Contains(r.text(doorwright.KindFunction), "Task timed out after 1.00 seconds")
			})
		}
		select {
		case got := <-answer:
			t.Fatalf("%s is answered at the breakpoint: %s", path, got)
		default:
		}
		debugger.call("Debugger.resume", nil)
		if got := <-answer; got != "200 went on in $default<nil>" {
			t.Errorf("%s is answered %s", path, got)
		}
		debugger.close()
	}
}

// TestInspectReloads saves an inspected function: the next process is at the same port.
func TestInspectReloads(t *testing.T) {
	needsNode(t)
	dir := inspectFiles(t)
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true, Inspect: "stops.handler"})
	before := inspector(t, r, "stops.handler")
	if res, err := http.Get(r.output("Url") + "/stops"); err != nil || res.Body.Close() != nil || res.StatusCode != 200 {
		t.Fatal(res, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "stops.mjs"), []byte("export const handler = async () => ({ statusCode: 200, body: 'new' });\nexport const guard = handler;\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	comesTo(t, "the end of the old process", func() bool {
		_, err := before.r.ReadByte()
		return err != nil
	})
	after := inspector(t, r, "stops.handler")
	if after.conn.RemoteAddr().String() != before.conn.RemoteAddr().String() {
		t.Errorf("the inspector was at %s, and is at %s", before.conn.RemoteAddr(), after.conn.RemoteAddr())
	}
	after.close()
	comesTo(t, "the new answer", func() bool {
		res, err := http.Get(r.output("Url") + "/stops")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		return string(body) == "new"
	})
}

// TestInspectNobody refuses a function that there is not.
func TestInspectNobody(t *testing.T) {
	_, err := doorwright.New(doorwright.Config{Dir: inspectFiles(t), Inspect: "stop.handler"})
	if err == nil || !strings.Contains(err.Error(), `there is no function "stop.handler" to inspect: the functions are `) {
		t.Error(err)
	}
}

// devtools is a client of the Chrome DevTools Protocol, over a WebSocket (RFC 6455).
type devtools struct {
	t      *testing.T
	conn   net.Conn
	r      *bufio.Reader
	last   int
	events []map[string]any
}

// inspector attaches to the inspector that the events name for a handler.
func inspector(t *testing.T, r *running, handler string) *devtools {
	t.Helper()
	said := regexp.MustCompile(`inspecting ` + regexp.QuoteMeta(handler) + `: Node.js's inspector is at (127\.0\.0\.1:\d+)`)
	var targets []struct{ WebSocketDebuggerURL string }
	comesTo(t, "an inspector of "+handler, func() bool {
		m := said.FindStringSubmatch(r.text(doorwright.KindProgress))
		if m == nil {
			return false
		}
		res, err := http.Get("http://" + m[1] + "/json/list")
		if err != nil {
			return false // it has not begun, or is of a process that has ended
		}
		defer res.Body.Close()
		return json.NewDecoder(res.Body).Decode(&targets) == nil && len(targets) == 1
	})
	u, err := url.Parse(targets[0].WebSocketDebuggerURL)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", u.Path, u.Host)
	d := &devtools{t: t, conn: conn, r: bufio.NewReader(conn)}
	res, err := http.ReadResponse(d.r, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("the inspector answers %v %v", res, err)
	}
	return d
}

func (d *devtools) close() { d.conn.Close() }

// send writes a text frame, masked with zeros (RFC 6455, section 5.2).
func (d *devtools) send(message []byte) {
	frame := []byte{0x81}
	if n := len(message); n < 126 {
		frame = append(frame, 0x80|byte(n))
	} else {
		frame = binary.BigEndian.AppendUint16(append(frame, 0x80|126), uint16(n))
	}
	if _, err := d.conn.Write(append(append(frame, 0, 0, 0, 0), message...)); err != nil {
		d.t.Fatal(err)
	}
}

// receive reads a message of one frame.
func (d *devtools) receive() map[string]any {
	d.t.Helper()
	if err := d.conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		d.t.Fatal(err)
	}
	var head [2]byte
	_, err := io.ReadFull(d.r, head[:])
	size := uint64(head[1] & 0x7f)
	if ext := map[uint64]int{126: 2, 127: 8}[size]; ext > 0 && err == nil {
		var long [8]byte
		_, err = io.ReadFull(d.r, long[8-ext:])
		size = binary.BigEndian.Uint64(long[:])
	}
	if err != nil || size > 16<<20 {
		d.t.Fatal("reading from the inspector: ", size, err)
	}
	body := make([]byte, size)
	var message map[string]any
	if _, err = io.ReadFull(d.r, body); err == nil {
		err = json.Unmarshal(body, &message)
	}
	if err != nil {
		d.t.Fatalf("reading from the inspector: %q %v", body, err)
	}
	return message
}

// call runs a method, and keeps the events that come before its result.
func (d *devtools) call(method string, params map[string]any) map[string]any {
	d.t.Helper()
	d.last++
	message, err := json.Marshal(map[string]any{"id": d.last, "method": method, "params": params})
	if err != nil {
		d.t.Fatal(err)
	}
	d.send(message)
	for {
		m := d.receive()
		if m["id"] != float64(d.last) {
			d.events = append(d.events, m)
			continue
		}
		result, ok := m["result"].(map[string]any)
		if !ok {
			d.t.Fatalf("%s: %v", method, m)
		}
		return result
	}
}

// event waits for an event.
func (d *devtools) event(method string) map[string]any {
	d.t.Helper()
	for {
		for i, m := range d.events {
			if m["method"] == method {
				d.events = append(d.events[:i], d.events[i+1:]...)
				return m["params"].(map[string]any)
			}
		}
		d.events = append(d.events, d.receive())
	}
}

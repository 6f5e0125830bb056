package lambda

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The Runtime API's header fields ("Using the Lambda runtime API for custom
// runtimes").
const (
	headerRequestID   = "Lambda-Runtime-Aws-Request-Id"
	headerDeadline    = "Lambda-Runtime-Deadline-Ms"
	headerFunctionARN = "Lambda-Runtime-Invoked-Function-Arn"
	headerTraceID     = "Lambda-Runtime-Trace-Id"
	headerErrorType   = "Lambda-Runtime-Function-Error-Type"
	// A runtime that streams says only after the body that it has failed.
	trailerErrorType = "Lambda-Runtime-Function-Error-Type"
	trailerErrorBody = "Lambda-Runtime-Function-Error-Body"
)

// runtimeAPI is the Runtime API of one instance: the address tells instances
// apart, since a process cannot be asked to say which it is.
type runtimeAPI struct {
	i *instance
	// host is the listener's host and port.
	host   string
	server *http.Server
	// conns counts the connections that are served, and served is done when
	// the listener is closed.
	conns, served sync.WaitGroup
}

// address is what AWS_LAMBDA_RUNTIME_API says: a host and port, and the secret as
// the first segment of the path. A runtime makes "http://" + address +
// "/2018-06-01/..." of it, and so it sends the secret without knowing of one. It
// is in the process's environment, which no other user can read, and nowhere
// else.
func (a *runtimeAPI) address() string { return a.host + "/" + a.i.secret }

// listen starts an instance's Runtime API on a loopback port of its own.
func listen(i *instance) (*runtimeAPI, error) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening the instance's Runtime API: %w", err)
	}
	a := &runtimeAPI{i: i, host: ln.Addr().String()}
	root := "/" + i.secret + "/2018-06-01/runtime"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+root+"/invocation/next", a.next)
	mux.HandleFunc("POST "+root+"/invocation/{id}/response", a.response)
	mux.HandleFunc("POST "+root+"/invocation/{id}/error", a.error)
	mux.HandleFunc("POST "+root+"/init/error", a.initError)
	a.server = &http.Server{
		Handler:           a.guard(mux),
		ReadHeaderTimeout: 10 * time.Second,
		MaxHeaderBytes:    1 << 20, // aws-lambda-go sends up to 1 MiB of X-Ray cause in a header.
		ErrorLog:          log.New(io.Discard, "", 0),
		ConnState: func(_ net.Conn, s http.ConnState) {
			switch s {
			case http.StateNew:
				a.conns.Add(1)
			case http.StateClosed, http.StateHijacked:
				a.conns.Done()
			}
		},
	}
	a.served.Go(func() { a.server.Serve(ln) }) // It ends by close alone.
	return a, nil
}

// close ends the listener and waits until no request is served any more.
func (a *runtimeAPI) close() {
	a.i.kill() // Requests that wait end.
	a.server.Close()
	a.served.Wait()
	a.conns.Wait()
}

// guard keeps out who is not the instance's process: another user of the machine,
// who can reach a loopback port but does not know the secret, and a web page,
// which besides cannot leave out Origin when it posts, nor, rebinding a name to
// this address, send its Host. A stranger's connection is not kept.
func (a *runtimeAPI) guard(next http.Handler) http.Handler {
	secret := []byte(a.i.secret)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		if subtle.ConstantTimeCompare([]byte(given), secret) != 1 ||
			r.Host != a.host || r.Header["Origin"] != nil || r.Header["Sec-Fetch-Site"] != nil {
			w.Header().Set("Connection", "close")
			http.NewResponseController(w).SetReadDeadline(time.Now().Add(time.Second)) // The server waits for the body.
			refuse(w, http.StatusForbidden, "Forbidden", "this listener answers its own function only")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// next answers with an event, as soon as there is one.
func (a *runtimeAPI) next(w http.ResponseWriter, r *http.Request) {
	i := a.i
	if !i.f.ready(i) {
		select {
		case <-i.over:
			panic(http.ErrAbortHandler)
		default:
			refuse(w, http.StatusForbidden, "InvalidStateTransition", "Transition from Running to Ready is not allowed")
			return
		}
	}
	var inv *invocation
	select {
	case inv = <-i.work:
	case <-i.over:
		panic(http.ErrAbortHandler)
	case <-r.Context().Done():
		i.f.gone(i)
		return
	}
	i.log.request.Store(&inv.id)
	i.log.print(Start, "START RequestId: "+inv.id+" Version: $LATEST")
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set(headerRequestID, inv.id)
	h.Set(headerDeadline, strconv.FormatInt(inv.deadline.UnixMilli(), 10))
	h.Set(headerFunctionARN, i.f.arn)
	h.Set(headerTraceID, traceID(inv))
	h.Set("Content-Length", strconv.Itoa(len(inv.event)))
	w.Write(inv.event)
}

// traceID is an X-Ray trace header of the form that Lambda's runtimes parse:
// the time, then random digits, here those of the request id. Nothing is
// sampled.
func traceID(inv *invocation) string {
	digits := inv.id[0:8] + inv.id[9:13] + inv.id[14:18] + inv.id[19:23] + inv.id[24:36]
	return fmt.Sprintf("Root=1-%08x-%s;Parent=%s;Sampled=0", inv.begun.Unix(), digits[:24], digits[16:32])
}

// response takes a handler's answer.
func (a *runtimeAPI) response(w http.ResponseWriter, r *http.Request) {
	a.take(w, r, func(body []byte) answer {
		// Trailers are known once the body has been read.
		if kind := r.Trailer.Get(trailerErrorType); kind != "" {
			reported, err := base64.StdEncoding.DecodeString(r.Trailer.Get(trailerErrorBody))
			if err != nil {
				reported = nil
			}
			return reportedError(reported, kind)
		}
		return answer{reply: body}
	})
}

// error takes a handler's failure.
func (a *runtimeAPI) error(w http.ResponseWriter, r *http.Request) {
	a.take(w, r, func(body []byte) answer {
		return reportedError(body, r.Header.Get(headerErrorType))
	})
}

// take reads what the process posts and ends the invocation that it is about.
func (a *runtimeAPI) take(w http.ResponseWriter, r *http.Request, made func(body []byte) answer) {
	i, id := a.i, r.PathValue("id")
	if !i.f.holds(i, id) {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return
	}
	body, err := readBody(r)
	if err != nil && err != errTooLarge {
		refuse(w, http.StatusBadRequest, "InvalidRequestBody", "The body could not be read")
		return
	}
	inv := i.f.complete(i, id)
	if inv == nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return
	}
	i.drain()
	if err == errTooLarge {
		i.finish(inv, tooLargeError())
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", maxResponse))
		return
	}
	i.finish(inv, made(body))
	accept(w)
}

// initError takes the reason why the code could not be loaded. The process ends
// by itself; if it does not, it is ended.
func (a *runtimeAPI) initError(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(r)
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "The body is too large")
		return
	}
	kind := r.Header.Get(headerErrorType)
	if kind == "" {
		var shape platformError
		if json.Unmarshal(body, &shape) == nil {
			kind = shape.ErrorType
		}
	}
	failure := reportedError(body, kind)
	a.i.mu.Lock()
	if a.i.initFailure == nil {
		a.i.initFailure = &failure
	}
	a.i.mu.Unlock()
	accept(w)
	http.NewResponseController(w).Flush() // The process is about to be ended.
	a.i.kill()
}

// errTooLarge is a body beyond maxResponse.
var errTooLarge = errors.New("the body is too large")

// maxDiscard is how much of a body that is too large is read all the same: only
// then does its sender look at the answer.
const maxDiscard = 256 << 20

// readBody reads a bounded body, of a length that may not be known.
func readBody(r *http.Request) ([]byte, error) {
	if n := r.ContentLength; n >= 0 && n <= maxResponse {
		body := make([]byte, n)
		_, err := io.ReadFull(r.Body, body)
		return body, err
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxResponse+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxResponse {
		io.CopyN(io.Discard, r.Body, maxDiscard)
		return nil, errTooLarge
	}
	return body, nil
}

// accept answers a post. Runtimes treat anything but 202 as fatal.
func accept(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	io.WriteString(w, `{"status":"OK"}`+"\n")
}

// refuse answers with an error.
func refuse(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(platformError{kind, message})
}

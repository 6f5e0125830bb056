package doorwright

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/sigv4"
)

// What `doorwright token` and `doorwright secret` ask of a running stage goes to the
// AWS endpoint, signed with the stage's root keys: whoever may read the stage's
// folder, and nobody else, can have a token of anybody.
const (
	controlService = "doorwright"
	controlTarget  = "Doorwright."
	tokenTarget    = controlTarget + "Token"
	secretTarget   = controlTarget + "Secret"
	explainTarget  = controlTarget + "Explain"
	dryTarget      = controlTarget + "ExplainDry"
	usersTarget    = controlTarget + "Users"
	callTarget     = controlTarget + "Call"
	keysTarget     = controlTarget + "Keys"
	consoleTarget  = controlTarget + "Console"
	matrixTarget   = controlTarget + "Matrix"
	helloTarget    = controlTarget + "Hello" // asks for nothing but a proof

	maxControl = 64 << 10 // of a question, and of an answer that is one thing
	maxStory   = 4 << 20  // of an answer that tells of requests, users or lines

	// proofHeader of an answer proves that who gave it has the stage's root keys.
	proofHeader = "X-Doorwright-Proof"
)

// A control is a question that a running stage answers.
type control struct {
	target string
	most   int64 // bytes of the answer
	answer func(ctx context.Context, question []byte) (any, error)
}

// controls are all of them.
func (a *App) controls() []control {
	return []control{
		{tokenTarget, maxControl, asked(a.queriedToken)},
		{secretTarget, maxControl, asked(a.queriedSecret)},
		{explainTarget, maxStory, asked(a.queriedExplanation)},
		{dryTarget, maxStory, asked(a.queriedDryRun)},
		{usersTarget, maxStory, asked(a.queriedUsers)},
		{callTarget, maxControl, asked(a.queriedCall)},
		{keysTarget, maxControl, asked(a.queriedKeys)},
		{consoleTarget, maxControl, asked(a.queriedConsole)},
		{matrixTarget, maxStory, asked(a.queriedMatrix)},
		{helloTarget, maxControl, asked(func(context.Context, struct{}) (any, error) { return struct{}{}, nil })},
	}
}

// asked reads the question that a control takes.
func asked[Q any](answer func(context.Context, Q) (any, error)) func(context.Context, []byte) (any, error) {
	return func(ctx context.Context, question []byte) (any, error) {
		var q Q
		if err := json.Unmarshal(question, &q); err != nil {
			return nil, fmt.Errorf("reading the request: %w", err)
		}
		return answer(ctx, q)
	}
}

// TokenQuery says whose tokens are wanted of a running stage. With Pool or Client,
// or in a declaration without tenants, they are a user pool's.
type TokenQuery struct {
	Tenant, Application, API, Scope string
	Pool, Client                    string
	User                            string
	// IDToken says that the ID token is wanted: of a tenant the scope openid is asked for.
	IDToken bool
}

// ReadToken asks the running stage of the app in dir for tokens.
func ReadToken(ctx context.Context, dir, stage string, q TokenQuery) (Tokens, error) {
	var tokens Tokens
	if err := askStage(ctx, dir, stage, tokenTarget, q, &tokens); err != nil {
		return Tokens{}, err
	}
	return tokens, nil
}

// notRunningError says that nobody answers for a stage.
type notRunningError struct{ dir, stage string }

func (e *notRunningError) Error() string {
	return fmt.Sprintf("stage %s of the app in %s is not running: start it with `%s`", e.stage, e.dir, startCommand(e.dir, e.stage))
}

// controlError is a running stage's answer to a question that it does not answer.
type controlError struct {
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
}

func (r *controlError) Error() string { return r.Message }
func (r *controlError) Hint() string  { return r.Fix }

// notStageError says that somebody else answers for a stage, such as another user of the
// machine, who has taken the port of one that was killed.
type notStageError struct {
	endpoint, dir, stage string
	status               int
}

func (e *notStageError) Error() string {
	return fmt.Sprintf("who answers at %s, with status %d, is not stage %s of the app in %s: it does not have the stage's keys", e.endpoint, e.status, e.stage, e.dir)
}
func (e *notStageError) Hint() string {
	return fmt.Sprintf("start the stage anew with `%s`", startCommand(e.dir, e.stage))
}

// askStage asks the running stage of the app in dir.
func askStage(ctx context.Context, dir, stage, target string, question, answer any) error {
	r, err := reachStage(ctx, dir, stage)
	if err != nil {
		return err
	}
	defer r.client.CloseIdleConnections()
	return r.ask(ctx, target, question, answer)
}

// A reached is a stage that has proved to be the one of an app, by the connection that
// everything else is asked on: it may be killed, and another take its port.
type reached struct {
	dir, stage string
	env        Environment
	client     *http.Client
}

// reachStage reaches the running stage of the app in dir. What is asked may hold a password
// or a token: who answers has to prove to be the stage before it is said.
func reachStage(ctx context.Context, dir, stage string) (*reached, error) {
	env, err := ReadEnvironment(dir, stage)
	if err != nil {
		return nil, err
	}
	r := &reached{dir, stage, env, localClient()}
	if err := r.ask(ctx, helloTarget, struct{}{}, &struct{}{}); err != nil {
		r.client.CloseIdleConnections()
		return nil, err
	}
	return r, nil
}

func (r *reached) ask(ctx context.Context, target string, question, answer any) error {
	err := askEndpoint(ctx, r.client, r.env, target, question, answer)
	var other *notStageError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, errHungUp):
		return &notRunningError{r.dir, r.stage}
	case errors.As(err, &other):
		other.dir, other.stage = r.dir, r.stage
	}
	var refused *controlError
	if err == nil || errors.As(err, &refused) || other != nil {
		return err
	}
	return fmt.Errorf("asking stage %s: %w", r.stage, err)
}

func askEndpoint(ctx context.Context, client *http.Client, env Environment, target string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, env.Endpoint+"/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("X-Amz-Target", target)
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	sigv4.Sign(r, body, sigv4.Credentials{AccessKeyID: env.AccessKeyID, SecretAccessKey: env.SecretAccessKey}, controlService, env.Region, time.Now())
	res, err := client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	reply, err := io.ReadAll(io.LimitReader(res.Body, maxStory+1)) // and the end of its line
	if err != nil {
		return fmt.Errorf("reading the answer of status %d: %w", res.StatusCode, err)
	}
	if !hmac.Equal([]byte(res.Header.Get(proofHeader)), []byte(proof(env.SecretAccessKey, r, reply))) {
		return &notStageError{endpoint: env.Endpoint, status: res.StatusCode}
	}
	if res.StatusCode != http.StatusOK {
		answer = &controlError{}
	}
	if err := json.Unmarshal(reply, answer); err != nil {
		return fmt.Errorf("reading the answer of status %d: %w", res.StatusCode, err)
	}
	if refused, ok := answer.(*controlError); ok {
		return refused
	}
	return nil
}

// proof is what only a holder of the root's secret can say of an answer to a request,
// which its signature stands for.
func proof(secret string, r *http.Request, answer []byte) string {
	h := hmac.New(sha256.New, []byte("doorwright proof "+secret))
	signature := r.Header.Get("Authorization")
	fmt.Fprintf(h, "%d %s", len(signature), signature)
	h.Write(answer)
	return hex.EncodeToString(h.Sum(nil))
}

// errHungUp says that the one connection to a stage has ended.
var errHungUp = errors.New("the stage has ended the connection")

// localClient asks this machine on one connection, without a proxy, and follows no
// redirect: what is asked may hold a password.
func localClient() *http.Client {
	var once atomic.Bool
	var dialer net.Dialer
	return &http.Client{
		Timeout: 30 * time.Second, Transport: &http.Transport{MaxConnsPerHost: 1, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if once.Swap(true) {
				return nil, errHungUp
			}
			return dialer.DialContext(ctx, network, address)
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// serveControl answers askStage.
func (a *App) serveControl(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	status := http.StatusOK
	body, err := a.rootsQuestion(w, r)
	isRoot := err == nil
	var answer any
	if isRoot {
		answer, err = a.controlled(r, body)
	}
	if err != nil {
		refused := controlError{Message: err.Error()}
		status = http.StatusBadRequest
		var denied *aws.Error
		if errors.As(err, &denied) {
			status, refused.Message = http.StatusForbidden, denied.Code+": "+denied.Message
			if isRoot && denied.Err != nil { // who asks with root keys is who sees the terminal
				refused.Fix = printable(a.byHandler(denied.Err.Error(), slices.Collect(maps.Keys(a.handlerOf))))
			}
		}
		var fix interface{ Hint() string }
		if errors.As(err, &fix) {
			refused.Fix = fix.Hint()
		}
		answer = refused
	}
	text, err := json.Marshal(answer)
	if err != nil { // bounded has made it JSON
		status, text = http.StatusInternalServerError, []byte("{}")
	}
	text = append(text, '\n')
	if isRoot {
		w.Header().Set(proofHeader, proof(a.root.SecretAccessKey, r, text))
	}
	w.WriteHeader(status)
	_, _ = w.Write(text) // the client went away
}

// rootsQuestion reads a question that is signed with the stage's root keys.
func (a *App) rootsQuestion(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxControl))
	if err != nil {
		return nil, fmt.Errorf("reading the request: %w", err)
	}
	who, err := a.authenticate(controlService)(r, body)
	if err != nil {
		return nil, err
	}
	if !who.Root { // a function has keys too
		return nil, &aws.Error{Code: "AccessDeniedException", Message: "what a running stage tells is for its root keys alone", Status: http.StatusForbidden}
	}
	return body, nil
}

// controlled gives what the stage's root keys may ask for.
func (a *App) controlled(r *http.Request, body []byte) (any, error) {
	if r.Method == http.MethodPost {
		target := r.Header.Get("X-Amz-Target")
		for _, c := range a.controls() {
			if c.target == target {
				return c.bounded(r.Context(), body)
			}
		}
	}
	return nil, errors.New("a running stage is not asked for this: the program that asks may be of another version")
}

// bounded answers, within the bound.
func (c control) bounded(ctx context.Context, question []byte) (any, error) {
	answer, err := c.answer(ctx, question)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return nil, fmt.Errorf("answering %s: %w", c.target, err)
	}
	if int64(len(text)) > c.most {
		return nil, fmt.Errorf("the answer to %s has %d bytes, %d at most: ask for less", c.target, len(text), c.most)
	}
	return json.RawMessage(text), nil
}

// ofPool refuses what a user pool would pass over.
func (q TokenQuery) ofPool() error {
	switch {
	case q.User == "":
		return fixable(errors.New("a user pool's token needs a user"), "say --user ADDRESS; who does not exist is made")
	case q.Tenant != "" || q.Application != "" || q.API != "":
		return fixable(errors.New("a tenant, an application and its API are a tenant's, and this token is a user pool's"), "leave them out, or leave --pool and --client out")
	case q.Scope != "":
		return fixable(errors.New("nobody asks a user pool's sign-in for scopes: its tokens have aws.cognito.signin.user.admin"),
			"leave --scope out; other scopes are given at the pool's domain, to clients with oauthScopes")
	}
	return nil
}

func (a *App) queriedToken(ctx context.Context, q TokenQuery) (any, error) {
	if q.Pool != "" || q.Client != "" || a.decl.Tenants.Len() == 0 {
		if err := q.ofPool(); err != nil {
			return nil, err
		}
		return a.Token(ctx, TokenRequest{Pool: q.Pool, Client: q.Client, User: q.User})
	}
	if q.IDToken && !slices.Contains(strings.Fields(q.Scope), "openid") {
		q.Scope = strings.TrimSpace("openid " + q.Scope)
	}
	return a.TenantToken(ctx, TenantTokenRequest{Tenant: q.Tenant, Application: q.Application, API: q.API, User: q.User, Scope: q.Scope})
}

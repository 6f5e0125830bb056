package doorwright

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"syscall"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/sigv4"
)

// What `doorwright token` asks of a running stage goes to the AWS endpoint, signed
// with the stage's root keys: whoever may read the stage's folder, and nobody
// else, can have a token of anybody.
const (
	controlService = "doorwright"
	tokenTarget    = "Doorwright.Token"
	maxControl     = 64 << 10
)

// TokenQuery says whose tokens are wanted of a running stage. With Pool or Client,
// or in a declaration without tenants, they are a user pool's.
type TokenQuery struct {
	Tenant, Application, API, Scope string
	Pool, Client                    string
	User                            string
}

// ReadToken asks the running stage of the app in dir for tokens.
func ReadToken(ctx context.Context, dir, stage string, q TokenQuery) (Tokens, error) {
	env, err := ReadEnvironment(dir, stage)
	if err != nil {
		return Tokens{}, err
	}
	body, err := json.Marshal(q)
	if err != nil {
		return Tokens{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, env.Endpoint+"/", bytes.NewReader(body))
	if err != nil {
		return Tokens{}, err
	}
	r.Header.Set("X-Amz-Target", tokenTarget)
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	sigv4.Sign(r, body, sigv4.Credentials{AccessKeyID: env.AccessKeyID, SecretAccessKey: env.SecretAccessKey}, controlService, env.Region, time.Now())
	client := http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}} // no proxy: it is this machine
	res, err := client.Do(r)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return Tokens{}, fmt.Errorf("stage %s of the app in %s is not running: start it with `doorwright start %s`", stage, dir, dir)
	}
	if err != nil {
		return Tokens{}, fmt.Errorf("asking stage %s for a token: %w", stage, err)
	}
	defer res.Body.Close()
	var answer struct {
		Tokens
		Message string `json:"message"`
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxControl)).Decode(&answer); err != nil {
		return Tokens{}, fmt.Errorf("asking stage %s for a token: reading the answer of status %d: %w", stage, res.StatusCode, err)
	}
	if res.StatusCode != http.StatusOK {
		return Tokens{}, errors.New(answer.Message)
	}
	return answer.Tokens, nil
}

// serveToken answers ReadToken.
func (a *App) serveToken(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	tokens, err := a.queriedToken(w, r)
	if err != nil {
		status := http.StatusBadRequest
		var refused *aws.Error
		if errors.As(err, &refused) {
			err = errors.New(refused.Code + ": " + refused.Message)
			status = http.StatusForbidden
		}
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"message": err.Error()}) // the client went away
		return
	}
	_ = json.NewEncoder(w).Encode(tokens)
}

func (a *App) queriedToken(w http.ResponseWriter, r *http.Request) (Tokens, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxControl))
	if err != nil {
		return Tokens{}, fmt.Errorf("reading the request: %w", err)
	}
	who, err := a.authenticate(controlService)(r, body)
	if err != nil {
		return Tokens{}, err
	}
	if !who.Root { // a function has keys too
		return Tokens{}, &aws.Error{Code: "AccessDeniedException", Message: "tokens are for the stage's root keys alone", Status: http.StatusForbidden}
	}
	var q TokenQuery
	if err := json.Unmarshal(body, &q); err != nil {
		return Tokens{}, fmt.Errorf("reading the request: %w", err)
	}
	if q.Pool != "" || q.Client != "" || a.decl.Tenants.Len() == 0 {
		return a.Token(r.Context(), TokenRequest{Pool: q.Pool, Client: q.Client, User: q.User})
	}
	return a.TenantToken(r.Context(), TenantTokenRequest{Tenant: q.Tenant, Application: q.Application, API: q.API, User: q.User, Scope: q.Scope})
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/lambda"
	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

// The rows of authorizer functions.
const (
	rowAuthorizerCold = "lambda-authorizer-cold"
	rowAuthorizerCall = "lambda-authorizer-call"
	rowAuthorizerJWT  = "lambda-authorizer-golang-jwt"
	whatCold          = "first answer of a Lambda authorizer from a cold start, keys fetched: lambdaauth, of the walk-through's in Node.js"
	whatCall          = "p50 of a further answer of the same"
	whatJWT           = "first answer of a Lambda authorizer from a cold start: lambdaauth, of golang-jwt's"
)

// guarding is an authorizer function, in a runtime of its own.
type guarding struct {
	config lambda.Config
	event  []byte
	want   string // what an answer has in it
}

// measureAuthorizer sets an authorizer of lambdaauth beside one of golang-jwt, and
// beside the walk-through's in JavaScript, each verifying the token of a TOKEN event
// by the keys of an issuer on loopback.
func measureAuthorizer(ctx context.Context, b *bench) ([]result, error) {
	issuer := verifytest.NewIssuer(verify.RS256)
	defer issuer.Close()
	const audience = "https://api.danillouz.dev/account"
	event, err := json.Marshal(map[string]string{
		"type": "TOKEN", "methodArn": "arn:aws:execute-api:eu-central-1:000000000000:abcdefghij/dev/GET/profile",
		"authorizationToken": "Bearer " + issuer.Token(verifytest.Claims{"aud": audience, "exp": time.Now().Add(time.Hour).Unix()}),
	})
	if err != nil {
		return nil, err
	}
	guard := func(dir, handler, cache, want string) (*guarding, error) {
		g := &guarding{event: event, want: want, config: lambda.Config{
			Dir: dir, Cache: filepath.Join(b.dir, cache), Region: "eu-central-1", NoWatch: true,
			Functions: []lambda.Function{{Name: "authorizer", Handler: handler, Environment: map[string]string{
				"TOKEN_ISSUER": issuer.URL(), "JWKS_URI": issuer.JWKSURL(), "AUDIENCE": audience,
			}}},
		}}
		_, err := g.cold(ctx) // builds it
		return g, err
	}
	ours, err := guard(filepath.Join(b.root, "examples", "account-api-go"), "authorizer", "authorizer-go", `"Effect":"Allow"`)
	if err != nil {
		return nil, err
	}
	var rows []result
	// A module of its own, so that golang-jwt is nobody's dependency.
	golangJWT, err := guard(filepath.Join(b.root, "internal", "bench", "testdata", "golangjwt"), "authorizer", "authorizer-golang-jwt", `"Effect":"Allow"`)
	if err != nil {
		rows = append(rows, skipped(rowAuthorizerJWT, whatJWT, fmt.Sprintf("building it: %v", err)))
	} else {
		row, err := alternate(b.pick(41, 1), coldSide(ctx, ours), coldSide(ctx, golangJWT))
		if err != nil {
			return nil, err
		}
		row.Row, row.What, row.Unit = rowAuthorizerJWT, whatJWT, "ns"
		rows = append(rows, row.atMost(1.2))
	}
	script := filepath.Join(b.root, "examples", "account-api")
	why := ""
	if _, err := exec.LookPath("node"); err != nil {
		why = "node is not on the PATH"
	} else if _, err := os.Stat(filepath.Join(script, "node_modules")); err != nil {
		why = "run npm ci in examples/account-api"
	}
	if why != "" {
		return append(rows, skipped(rowAuthorizerCold, whatCold, why), skipped(rowAuthorizerCall, whatCall, why)), nil
	}
	theirs, err := guard(script, "authorizer/src/auth0.verifyBearer", "authorizer-node", `"Effect":"Allow"`)
	if err != nil {
		return nil, err
	}
	bare, err := guard(filepath.Join(b.root, "examples", "quickstart"), "functions/public", "authorizer-bare", "Hello")
	if err != nil {
		return nil, err
	}
	more, err := compareAuthorizers(ctx, b, ours, theirs, bare)
	return append(rows, more...), err
}

func coldSide(ctx context.Context, g *guarding) side {
	return func() (float64, error) { return g.cold(ctx) }
}

func compareAuthorizers(ctx context.Context, b *bench, ours, theirs, bare *guarding) ([]result, error) {
	rounds := b.pick(21, 1)
	cold, err := alternate(rounds, coldSide(ctx, ours), coldSide(ctx, theirs))
	if err != nil {
		return nil, err
	}
	least, err := alternate(rounds, coldSide(ctx, ours), coldSide(ctx, bare))
	if err != nil {
		return nil, err
	}
	cold.Row, cold.What, cold.Unit = rowAuthorizerCold, whatCold, "ns"
	cold.Note = fmt.Sprintf("of a bare Go handler that verifies nothing and fetches nothing: %.2f (%s)", least.Ratio, format(least.Limit, "ns"))

	callOurs, stopOurs, err := ours.warm(ctx)
	if err != nil {
		return nil, err
	}
	defer stopOurs()
	callTheirs, stopTheirs, err := theirs.warm(ctx)
	if err != nil {
		return nil, err
	}
	defer stopTheirs()
	calls := b.pick(100, 3)
	call, err := alternate(rounds, middle(calls, callOurs), middle(calls, callTheirs))
	if err != nil {
		return nil, err
	}
	call.Row, call.What, call.Unit = rowAuthorizerCall, whatCall, "ns"
	return []result{cold.atMost(1), call.atMost(1)}, nil
}

// cold gives the time from the start of a function's process to its first answer,
// in ns.
func (g *guarding) cold(ctx context.Context) (float64, error) {
	start := time.Now()
	call, stop, err := g.runtime(ctx, func() { start = time.Now() })
	if err != nil {
		return 0, err
	}
	defer stop()
	err = call()
	return float64(time.Since(start)), err
}

// warm gives calls of a function that has answered before.
func (g *guarding) warm(ctx context.Context) (call func() error, stop func(), err error) {
	if call, stop, err = g.runtime(ctx, func() {}); err != nil {
		return nil, nil, err
	}
	if err := call(); err != nil {
		stop()
		return nil, nil, err
	}
	return call, stop, nil
}

// runtime starts the function; built is called when all but that is done.
func (g *guarding) runtime(ctx context.Context, built func()) (call func() error, stop func(), err error) {
	functions, err := lambda.New(g.config)
	if err != nil {
		return nil, nil, err
	}
	if err := functions.Build(ctx); err != nil {
		return nil, nil, err
	}
	built()
	running, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- functions.Run(running) }() // ends by stop, which awaits it
	call = func() error {
		reply, functionError, err := functions.Invoke(ctx, "authorizer", g.event)
		if err != nil || functionError != "" || !strings.Contains(string(reply), g.want) {
			return fmt.Errorf("the authorizer's answer is %s %s %w", functionError, reply, err)
		}
		return nil
	}
	return call, func() { cancel(); <-ended }, nil
}

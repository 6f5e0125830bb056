package doorwright

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/cognito"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/lambda"
	"github.com/doorwright/doorwright/sigv4"
)

// The settings under which the root keys and the master keys of sessions are kept.
const (
	rootAccessKeyIDKey     = "root.accessKeyId"
	rootSecretAccessKeyKey = "root.secretAccessKey"
	masterKeysKey          = "iam.masterKeys"
)

// openAccount makes the stage's account of its keys, which are made the first time
// and random for each stage, and of its roles.
func (a *App) openAccount(ctx context.Context) error {
	root, err := a.rootKeys(ctx)
	if err != nil {
		return err
	}
	masters, err := a.masterKeys(ctx)
	if err != nil {
		return err
	}
	roles, err := a.roles()
	if err != nil {
		return err
	}
	a.root = root
	a.account, err = iam.New(iam.Config{
		AccountID: aws.AccountID, Region: a.decl.Region, Root: root, Keys: masters, Roles: roles, Now: a.cfg.Now,
	})
	return err
}

// openSTS opens STS, once those are open whose tokens it takes.
func (a *App) openSTS(context.Context) (err error) {
	a.sts, err = iam.NewSTS(iam.STSConfig{
		Account: a.account, Log: a.stsEvent, Providers: []iam.WebIdentityProvider{a.identityProvider()},
	})
	return err
}

// rootKeys reads the stage's root keys. There are no default ones.
func (a *App) rootKeys(ctx context.Context) (sigv4.Credentials, error) {
	keys, err := iam.NewRootKeys(aws.AccountID)
	if err != nil {
		return sigv4.Credentials{}, err
	}
	for key, value := range map[string]*string{rootAccessKeyIDKey: &keys.AccessKeyID, rootSecretAccessKeyKey: &keys.SecretAccessKey} {
		kept, ok, err := a.state.Recall(ctx, key)
		if err != nil {
			return sigv4.Credentials{}, err
		}
		if ok {
			*value = kept
		} else if err := a.state.Remember(ctx, key, *value); err != nil {
			return sigv4.Credentials{}, err
		}
	}
	return keys, nil
}

// masterKey is a master key of sessions as it is kept.
type masterKey struct {
	Key  []byte    `json:"key"`
	Made time.Time `json:"made"`
}

// masterKeyAge is how old a master key gets before a start makes the next. The one
// before stays for what it has sealed, which lives for a day and a half at most.
const masterKeyAge = 90 * 24 * time.Hour

// masterKeys reads the master keys of sessions, the newest first.
func (a *App) masterKeys(ctx context.Context) ([][]byte, error) {
	var kept []masterKey
	text, ok, err := a.state.Recall(ctx, masterKeysKey)
	if err != nil {
		return nil, err
	}
	if ok {
		if err := json.Unmarshal([]byte(text), &kept); err != nil {
			return nil, fmt.Errorf("reading the master keys of sessions: %w", err)
		}
	}
	if now := a.cfg.Now(); len(kept) == 0 || now.Sub(kept[0].Made) > masterKeyAge {
		fresh := masterKey{Key: make([]byte, 32), Made: now.UTC()}
		rand.Read(fresh.Key)
		kept = append([]masterKey{fresh}, kept[:min(len(kept), 1)]...)
		text, err := json.Marshal(kept)
		if err != nil {
			return nil, err
		}
		if err := a.state.Remember(ctx, masterKeysKey, string(text)); err != nil {
			return nil, err
		}
	}
	keys := make([][]byte, 0, len(kept))
	for _, k := range kept {
		keys = append(keys, k.Key)
	}
	return keys, nil
}

// How long a function's keys live, and how long before their end a process gets no
// more events: as long as an invocation can take. It is then replaced by one with
// new keys, as on Lambda, where no environment gets old. A session without an end
// would let keys that have leaked be good forever, also those of a role that is
// declared anew.
const (
	functionSession = 12 * time.Hour
	functionMargin  = 15 * time.Minute
)

// functionCredentials gives a process of a function its keys, which are a session
// of the function's role.
func (a *App) functionCredentials(name string) (lambda.Credentials, error) {
	c, err := a.account.Assume(iam.AssumeRequest{Role: name, Session: name, Duration: functionSession})
	if err != nil {
		return lambda.Credentials{}, err
	}
	last := c.Expiration.Add(-functionMargin)
	return lambda.Credentials{
		AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken,
		Stale: func() bool { return a.cfg.Now().After(last) },
	}, nil
}

// signedBy says who has signed a request to a service, which answers errors of
// package sigv4 in its own words.
func (a *App) signedBy(service string) func(*http.Request, []byte) (iam.Principal, error) {
	v := &sigv4.Verifier{Service: service, Region: a.decl.Region, Lookup: a.secretOf, Now: a.cfg.Now}
	return func(r *http.Request, body []byte) (iam.Principal, error) {
		id, err := v.Verify(r, body)
		if err != nil {
			return iam.Principal{}, err
		}
		return a.account.Principal(id.AccessKeyID, id.SessionToken)
	}
}

// secretOf is the account's, which may be opened after who asks it was made.
func (a *App) secretOf(ctx context.Context, accessKeyID, sessionToken string) (string, error) {
	return a.account.SecretOf(ctx, accessKeyID, sessionToken)
}

// authenticate verifies the signature of a request to a service whose
// protocol is AWS JSON.
func (a *App) authenticate(service string) func(*http.Request, []byte) (cognito.Principal, error) {
	signedBy := a.signedBy(service)
	return func(r *http.Request, body []byte) (cognito.Principal, error) {
		p, err := signedBy(r, body)
		if err != nil {
			return cognito.Principal{}, signatureError(err)
		}
		return cognito.Principal{Root: p.Root, ARN: p.ARN, Authorize: func(action, resource string) (iam.Decision, error) {
			return a.refusal(p, iam.Request{Action: action, Resource: resource, Context: iam.OfHTTP(r)})
		}}, nil
	}
}

// refusal decides by IAM alone. The error's text is AWS's.
func (a *App) refusal(p iam.Principal, r iam.Request) (iam.Decision, error) {
	d := a.account.Decide(p, r, nil)
	if !d.Allowed {
		return d, refusal{d}
	}
	return d, nil
}

// A refusal is a decision of IAM against a caller: what AWS says of it, and below it,
// for the terminal, what decided.
type refusal struct{ iam.Decision }

func (r refusal) Error() string { return r.Message() }

func (r refusal) Unwrap() error {
	return errors.New(r.Explanation())
}

// signatureError says a refused signature in the words of AWS's JSON services,
// which answer all of them with 400.
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/CommonErrors.html
func signatureError(err error) error {
	var refused *sigv4.Error
	if !errors.As(err, &refused) {
		return err
	}
	return &aws.Error{Code: refused.Reason.Code(), Message: refused.Message, Status: http.StatusBadRequest, Err: err}
}

package doorwright

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"sync"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/cognito"
	"github.com/doorwright/doorwright/internal/lambda"
	"github.com/doorwright/doorwright/internal/store"
	"github.com/doorwright/doorwright/sigv4"
)

// The settings under which the root keys are kept.
const (
	rootAccessKeyIDKey     = "root.accessKeyId"
	rootSecretAccessKeyKey = "root.secretAccessKey"
)

// keyring knows the access keys of a stage: the root's, which are kept, and
// the functions' temporary ones, which end with the process.
type keyring struct {
	root sigv4.Credentials

	mu        sync.RWMutex
	functions map[string]functionKey // by access key id; guarded by mu
}

type functionKey struct {
	name        string
	credentials sigv4.Credentials
	arn         string
}

// openKeyring reads the stage's root keys, and makes them the first time. They
// are random for each stage: there are no default credentials.
func openKeyring(ctx context.Context, state *store.Stage) (*keyring, error) {
	k := &keyring{functions: map[string]functionKey{}}
	for _, v := range []struct {
		key   string
		value *string
		make  func() string
	}{
		{rootAccessKeyIDKey, &k.root.AccessKeyID, func() string { return newAccessKeyID("AKIA") }},
		{rootSecretAccessKeyKey, &k.root.SecretAccessKey, newSecretAccessKey},
	} {
		kept, ok, err := state.Recall(ctx, v.key)
		if err != nil {
			return nil, err
		}
		if !ok {
			kept = v.make()
			if err := state.Remember(ctx, v.key, kept); err != nil {
				return nil, err
			}
		}
		*v.value = kept
	}
	return k, nil
}

// forFunction gives the temporary keys of a function, and makes them the first
// time. They say who it is; as on AWS, without a permission they allow nothing.
func (k *keyring) forFunction(name string) (lambda.Credentials, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, f := range k.functions {
		if f.name == name {
			return lambda.Credentials(f.credentials), nil
		}
	}
	c := sigv4.Credentials{
		AccessKeyID:     newAccessKeyID("ASIA"),
		SecretAccessKey: newSecretAccessKey(),
		SessionToken:    newSecretAccessKey() + newSecretAccessKey(),
	}
	arn := aws.ARN{Service: "sts", AccountID: aws.AccountID, Resource: "assumed-role/" + name + "/" + name}
	k.functions[c.AccessKeyID] = functionKey{name: name, credentials: c, arn: arn.String()}
	return lambda.Credentials(c), nil
}

// lookup finds the secret of an access key, for sigv4.
func (k *keyring) lookup(_ context.Context, accessKeyID, sessionToken string) (string, error) {
	if accessKeyID == k.root.AccessKeyID && sessionToken == "" {
		return k.root.SecretAccessKey, nil
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	f, ok := k.functions[accessKeyID]
	if !ok || subtle.ConstantTimeCompare([]byte(f.credentials.SessionToken), []byte(sessionToken)) != 1 {
		return "", sigv4.ErrUnknownKey
	}
	return f.credentials.SecretAccessKey, nil
}

// principal says who an access key belongs to.
func (k *keyring) principal(accessKeyID string) cognito.Principal {
	if accessKeyID == k.root.AccessKeyID {
		return cognito.Principal{ARN: aws.ARN{Service: "iam", AccountID: aws.AccountID, Resource: "root"}.String(), Root: true}
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	return cognito.Principal{ARN: k.functions[accessKeyID].arn}
}

// authenticate verifies the signature of a request to a service whose
// protocol is AWS JSON.
func (a *App) authenticate(service string) func(*http.Request, []byte) (cognito.Principal, error) {
	v := &sigv4.Verifier{Service: service, Region: a.decl.Region, Lookup: a.keys.lookup, Now: a.cfg.Now}
	return func(r *http.Request, body []byte) (cognito.Principal, error) {
		id, err := v.Verify(r, body)
		if err != nil {
			return cognito.Principal{}, signatureError(err)
		}
		return a.keys.principal(id.AccessKeyID), nil
	}
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

package doorwright

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/auth0"
	"github.com/doorwright/doorwright/internal/bucket"
	"github.com/doorwright/doorwright/internal/cognito"
	"github.com/doorwright/doorwright/internal/identity"
	"github.com/doorwright/doorwright/internal/oidc"
	"github.com/doorwright/doorwright/internal/store"
)

// ReadSecret gives a secret of the running or last stage of the app in dir, by its
// reference, such as tenants.Auth0.applications.web.clientSecret. A running stage is
// asked for it; of the last one it is read from the stage's folder, also where another
// stage has its port by now.
func ReadSecret(ctx context.Context, dir, stage, ref string) (string, error) {
	var answer struct{ Value string }
	err := askStage(ctx, dir, stage, secretTarget, secretQuery{ref}, &answer)
	if stopped := (*notRunningError)(nil); errors.As(err, &stopped) {
		return lastSecret(ctx, dir, stage, ref)
	}
	if other := (*notStageError)(nil); errors.As(err, &other) {
		// A stage that runs holds its folder.
		if value, lastErr := lastSecret(ctx, dir, stage, ref); lastErr == nil {
			return value, nil
		}
	}
	return answer.Value, err
}

// secretQuery asks a running stage for a secret.
type secretQuery struct{ Ref string }

// queriedSecret answers ReadSecret.
func (a *App) queriedSecret(_ context.Context, q secretQuery) (any, error) {
	ref, err := a.decl.SecretRef(q.Ref)
	if err != nil {
		return nil, err
	}
	value, err := a.attribute(ref)
	if err != nil {
		return nil, err
	}
	return map[string]string{"Value": value}, nil
}

// lastSecret reads a secret of a stage that is not running.
func lastSecret(ctx context.Context, dir, stage, text string) (value string, err error) {
	decl, err := app.Load(dir, app.Options{Stage: stage, Env: os.LookupEnv})
	if err != nil {
		return "", err
	}
	ref, err := decl.SecretRef(text)
	if err != nil {
		return "", err
	}
	state, err := store.Open(ctx, store.Path(dir, stage), store.Options{Migrations: migrations()})
	if err != nil {
		return "", fmt.Errorf("opening stage %s: %w", stage, err)
	}
	defer func() { err = errors.Join(err, state.Close()) }()
	switch ref.Kind {
	case app.RefTenantApplication:
		value, err = auth0.KeptSecret(ctx, state.DB(), ref.Name, ref.Client)
	case app.RefUserPoolClient:
		value, err = cognito.KeptSecret(ctx, state.DB(), decl.Region, ref.Name, ref.Client)
	case app.RefAPIKey:
		api, _ := decl.APIs.Get(ref.Name)
		if key, _ := api.APIKeys.Get(ref.Client); !key.Value.IsZero() {
			return decl.Resolve(key.Value, func(r app.Ref) (string, error) { return "", fmt.Errorf("%s cannot be resolved", r) })
		}
		value, _, err = state.Recall(ctx, apiKeySetting(ref.Name, ref.Client))
	}
	if err == nil && value == "" {
		err = fmt.Errorf("stage %s has not run since %s was declared: start it with `doorwright start %s`", stage, text, dir)
	}
	return value, err
}

// migrations are those of all rooms.
func migrations() []store.Migration {
	return slices.Concat(cognito.Migrations(), oidc.Migrations(), auth0.Migrations(), bucket.Migrations(), identity.Migrations())
}

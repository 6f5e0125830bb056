package doorwright

import (
	"context"
	"fmt"
	"sync"

	"github.com/doorwright/doorwright/internal/store"
)

// emptyState is the database that temporary states begin with. To make its tables takes
// longer than the rest of a start, and a test starts many.
var emptyState = sync.OnceValues(func() ([]byte, error) {
	return store.Empty(context.Background(), migrations())
})

// temporaryKey is kept in a state that was begun as a temporary one.
const temporaryKey = "temporary"

// checkTemporary tells temporary states from those that stay, for good: what is kept
// weakly in one is never found in the other.
func (a *App) checkTemporary(ctx context.Context) error {
	_, temporary, err := a.state.Recall(ctx, temporaryKey)
	if err != nil || temporary && a.cfg.Temporary {
		return err
	}
	if temporary {
		return fmt.Errorf("the state in %s was begun by a test, which keeps passwords weakly: delete the folder", a.state.Dir())
	}
	if !a.cfg.Temporary {
		return nil
	}
	if _, begun, err := a.state.Recall(ctx, rootAccessKeyIDKey); err != nil {
		return err
	} else if begun {
		return fmt.Errorf("the state in %s is not a temporary one: a test has a folder of its own", a.state.Dir())
	}
	return a.state.Remember(ctx, temporaryKey, "true")
}

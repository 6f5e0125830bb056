package doorwright

import (
	"context"
	"crypto/rsa"
	"database/sql"
	"time"

	"github.com/doorwright/doorwright/internal/console"
)

// SetDrain makes the drain short enough for a test to outlast it.
func (a *App) SetDrain(d time.Duration) { a.drain = d }

// SetGenerateKey replaces the making of signing keys, which is slow.
func (a *App) SetGenerateKey(f func() (*rsa.PrivateKey, error)) { a.generateKey = f }

// SetPortShift has the app look for its ports elsewhere than the program does.
func (a *App) SetPortShift(n int) { a.portShift = n }

// Call runs an operation on user pools as an administrator.
func (a *App) Call(ctx context.Context, operation string, in any) error {
	return a.pools.Call(ctx, operation, in, nil)
}

// DescriptorLimit is how many descriptors the process may have: Go raises the
// soft limit to the hard one as it starts.
func DescriptorLimit() int { return descriptorLimit() }

// NewFunctionLog gives what keeps the lines of functions in a folder.
func NewFunctionLog(dir string) (add func(LogLine) error, closed func() error) {
	l := newFunctionLog(dir)
	return l.add, l.close
}

// Feed, NewFeed and FeedEvent are what the console shows of what happens.
type (
	Feed      = feed
	FeedEvent = console.Event
)

func NewFeed(seq uint64) *Feed  { return newFeed(seq) }
func (f *feed) Publish(e Event) { f.publish(e, false) }

// Controls are all questions that a running stage answers.
func Controls() (targets []string) {
	for _, c := range new(App).controls() {
		targets = append(targets, c.target)
	}
	return targets
}

// MatrixPlan is a matrix with what its callers send.
type MatrixPlan = matrixPlan

// MatrixPlan gives the matrix with what its callers send.
func (a *App) MatrixPlan(ctx context.Context) (*MatrixPlan, error) { return a.matrixPlan(ctx) }

// CountRows counts what the state has in each table.
func (a *App) CountRows(ctx context.Context) (map[string]int, error) {
	counts := map[string]int{}
	err := a.state.DB().Read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, "SELECT name FROM sqlite_master WHERE type = 'table'")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				return err
			}
			counts[name] = 0
		}
		return rows.Err()
	})
	for name := range counts {
		if err == nil {
			err = a.state.DB().Read(ctx, func(tx *sql.Tx) error {
				var n int
				err := tx.QueryRowContext(ctx, "SELECT count(*) FROM "+name).Scan(&n)
				counts[name] = n
				return err
			})
		}
	}
	return counts, err
}

package doorwright

import (
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/store"
)

// LocalState is what a local stage has kept: its users and keys, what is in
// its tables and buckets, its outputs, logs and built functions.
type LocalState struct {
	Dir   string `json:"dir"` // absolute
	Files int    `json:"files"`
	Bytes int64  `json:"bytes"`
}

// ReadLocalState says what stage of the app in dir has kept, and whether there
// is anything. It takes no lock: the stage may be running.
func ReadLocalState(dir, stage string) (state LocalState, found bool, err error) {
	if err := app.CheckStage(stage); err != nil {
		return LocalState{}, false, err
	}
	path, err := filepath.Abs(store.Path(dir, stage))
	if err != nil {
		return LocalState{}, false, err
	}
	size, err := store.Measure(path)
	if errors.Is(err, fs.ErrNotExist) {
		return LocalState{}, false, nil
	}
	if err != nil {
		return LocalState{}, false, err
	}
	return LocalState{Dir: path, Files: size.Files, Bytes: size.Bytes}, true, nil
}

// RemoveLocalState deletes what stage of the app in dir has kept. It refuses
// while the stage runs, and says who runs it.
func RemoveLocalState(dir, stage, command string) error {
	if err := app.CheckStage(stage); err != nil {
		return err
	}
	path, err := filepath.Abs(store.Path(dir, stage))
	if err != nil {
		return err
	}
	return store.Remove(path, command, time.Now())
}

package doorwright

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/doorwright/doorwright/internal/gateway"
)

// accessLogFile is the file of an API's access log in the stage's folder, which is kept
// within bounds as that of functions is.
func accessLogFile(api string) string { return "access-" + api + ".log" }

// accessLog has an API's requests logged as the declaration says, or gives nil.
func (a *App) accessLog(s *servedAPI) *gateway.AccessLog {
	if s.decl.AccessLog == nil {
		return nil
	}
	s.access = &lineLog{path: filepath.Join(a.state.Dir(), accessLogFile(s.name)), what: "the access log of " + s.name}
	return &gateway.AccessLog{Format: s.decl.AccessLog.Format, Write: func(line []byte) {
		if err := s.access.keep(line); err != nil {
			a.observe(Event{Kind: KindWarning, Source: s.name, Text: err.Error() + "; it will miss lines"})
		}
	}}
}

// ReadAccessLog gives each line of the access log of an API of the running or last stage
// of the app in dir, the oldest first; with follow also what is written from then on,
// until the context ends.
func ReadAccessLog(ctx context.Context, dir, stage, api string, follow bool, each func(line string) error) error {
	decl, err := Check(dir, stage)
	if err != nil {
		return err
	}
	if a, ok := decl.APIs.Get(api); !ok {
		return fmt.Errorf("there is no API %q: the APIs are %s", api, strings.Join(decl.APIs.Keys(), ", "))
	} else if a.AccessLog == nil {
		return fmt.Errorf("the API %s has no access log: add accessLog: to it", api)
	}
	folder, err := stageFolder(dir, stage)
	if err != nil {
		return err
	}
	return readLines(ctx, filepath.Join(folder, accessLogFile(api)), follow, func(line []byte) error {
		return each(printable(string(line)))
	})
}

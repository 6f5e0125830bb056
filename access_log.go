package doorwright

import (
	"path/filepath"

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

package auth0

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/oidc"
)

// Call runs an operation of the Management API without HTTP and with every scope: for
// a program that embeds the stage. Path, with its query, is what follows /api/v2; in
// is the body, or nil, and out, which may be nil, is filled from the result. A refusal
// is an *aws.Error.
func (t *Tenant) Call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		raw, err := marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(ctx, method, t.cfg.Origin+managementPath+path, body)
	if err != nil {
		return err
	}
	if body == nil {
		r.Body = http.NoBody
	}
	r.Header.Set("Content-Type", "application/json")
	start := t.svc.cfg.Now()
	m := &managed{r: r, c: &call{event: Event{Operation: method + " " + r.URL.Path, Tenant: t.cfg.Name}}, ctx: ctx, scopes: ManagementScopes()}
	result, err := t.called(m)
	if err != nil {
		m.failed(err)
	}
	m.c.event.Time = t.svc.cfg.Now()
	m.c.event.Duration = m.c.event.Time.Sub(start)
	if err != nil || method != http.MethodGet { // a look is no line of the log
		t.svc.cfg.Log(m.c.event)
	}
	switch refusal := (*apiError)(nil); {
	case errors.As(err, &refusal):
		return refusal.coded()
	case err != nil:
		return fmt.Errorf("%s %s: %w", method, path, err)
	case out == nil || result == nil:
		return nil
	}
	raw, err := marshal(result)
	if err == nil {
		err = json.Unmarshal(raw, out)
	}
	if err != nil {
		return fmt.Errorf("reading the result of %s %s: %w", method, path, err)
	}
	return nil
}

// called finds the operation of a request by its path, and runs it.
func (t *Tenant) called(m *managed) (any, error) {
	given := strings.Split(strings.TrimPrefix(m.r.URL.EscapedPath(), managementPath), "/")
	for _, o := range operations() {
		pattern := strings.Split(o.path, "/")
		if o.method != m.r.Method || len(pattern) != len(given) {
			continue
		}
		fits := true
		for i, part := range pattern {
			value, err := url.PathUnescape(given[i])
			if name, isName := strings.CutPrefix(part, "{"); isName && err == nil {
				m.r.SetPathValue(strings.TrimSuffix(name, "}"), value)
				continue
			}
			fits = fits && part == value
		}
		if fits {
			return t.perform(o, m)
		}
	}
	return nil, notFound("Not Found", "")
}

// failed notes an error for the log, and gives its words for the caller.
func (m *managed) failed(err error) *apiError {
	var e *apiError
	if !errors.As(err, &e) {
		m.c.event.Code, m.c.event.Reason = oidc.ServerError, err.Error()
		return &apiError{status: http.StatusInternalServerError, message: "Internal Server Error"}
	}
	m.c.event.Code, m.c.event.Description, m.c.event.Reason = e.code, e.message, e.reason
	if e.code == "" {
		m.c.event.Code = fmt.Sprint(e.status)
	}
	return e
}

// coded gives a refusal in the words that all rooms share.
func (e *apiError) coded() *aws.Error {
	return &aws.Error{Code: or(e.code, http.StatusText(e.status)), Message: e.message, Status: e.status}
}

package cognito

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/oidc"
	"github.com/doorwright/doorwright/internal/wire/awsjson"
)

// hostedSessionLife is how long a browser stays signed in: "an hour", from the
// sign-in on
// (https://docs.aws.amazon.com/cognito/latest/developerguide/managed-login-endpoints.html).
const hostedSessionLife = time.Hour

// sessionCookie is the cookie of a browser that is signed in. Cognito names
// its own so too.
const sessionCookie = "cognito"

// IsCookie says whether a cookie is one of a pool's domain, of this stage or of
// another. Browsers send them to every server on localhost.
func IsCookie(name string) bool { return oidc.IsCookie(name, sessionCookie, isPoolID) }

func isPoolID(text string) bool {
	region, id, ok := strings.Cut(text, "_")
	return ok && strings.Count(region, "-") >= 2 && len(id) == poolIDLength && strings.Trim(id, alnum) == ""
}

// domain is a pool's domain as it was at one moment: its hosted pages and OAuth
// endpoints, on an origin of their own. domain_authorize.go, domain_token.go
// and domain_userinfo.go have the endpoints, page*.go the pages.
type domain struct {
	pool   *Pool
	prefix string
	engine *oidc.Engine
}

func newDomain(p *Pool, prefix, origin string) *domain {
	return &domain{pool: p, prefix: prefix, engine: &oidc.Engine{
		Tenant: p.id, Origin: origin, Secret: p.secret, SessionLife: hostedSessionLife, Now: p.svc.cfg.Now,
	}}
}

// endpoint answers a request, and says in c what the log is to say.
type endpoint func(d *domain, w http.ResponseWriter, r *http.Request, c *call)

// domainEndpoints are what a domain answers to.
func domainEndpoints() map[string]endpoint {
	return map[string]endpoint{
		"GET /oauth2/authorize":  (*domain).authorize,
		"POST /oauth2/token":     (*domain).token,
		"GET /oauth2/userInfo":   (*domain).userInfo,
		"POST /oauth2/userInfo":  (*domain).userInfo,
		"POST /oauth2/revoke":    (*domain).revoke,
		"OPTIONS /oauth2/{path}": (*domain).preflight,
		"GET /logout":            (*domain).logout,
		"GET " + responsePath:    (*domain).idpResponse,
		"GET /login":             (*domain).showLogin,
		"POST /login":            (*domain).login,
		"POST /newPassword":      (*domain).newPassword,
		"POST /mfa":              (*domain).answerFactor,
		"POST /selectMfa":        (*domain).selectFactor,
		"POST /setUpMfa":         (*domain).setUpFactor,
		"POST /verifyToken":      (*domain).verifyToken,
		"GET /signup":            (*domain).showSignUp,
		"POST /signup":           (*domain).signUp,
		"GET /confirm":           (*domain).showConfirm,
		"POST /confirm":          (*domain).confirm,
		"POST /resendcode":       (*domain).resendCode,
		"GET /forgotPassword":    (*domain).showForgotPassword,
		"POST /forgotPassword":   (*domain).forgotPassword,
		"GET /resetPassword":     (*domain).showResetPassword,
		"POST /resetPassword":    (*domain).resetPassword,
		"GET /error":             (*domain).showError,
		"GET /assets/hosted.css": func(_ *domain, w http.ResponseWriter, r *http.Request, _ *call) { oidc.Style(w, r) },
		"GET /assets/look.css":   (*domain).lookStyle,
		"GET /assets/logo":       (*domain).logo,
	}
}

// Domain is the handler of the pool's domain, or nil for a pool without one. It
// serves the pool as it is at each request.
func (p *Pool) Domain() http.Handler {
	if p.domain == nil {
		return nil
	}
	return p.svc.domainMux(p.id)
}

// domainPrefix gives the prefix of the pool's domain, or "".
func (p *Pool) domainPrefix() string {
	if p.domain == nil {
		return ""
	}
	return p.domain.prefix
}

func (s *Service) domainMux(id string) http.Handler {
	mux := http.NewServeMux()
	for pattern, serve := range domainEndpoints() {
		mux.Handle(pattern, s.domainHandler(id, pattern, serve))
	}
	return mux
}

// domainHandler runs an endpoint as an operation: with a log line, and with
// what triggers are told.
func (s *Service) domainHandler(id, pattern string, serve endpoint) http.Handler {
	quiet := strings.Contains(pattern, "/assets/") || strings.HasPrefix(pattern, "OPTIONS")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := s.served.Load().byID[id]
		if p == nil || p.domain == nil {
			plain(w, http.StatusNotFound, "Not Found")
			return
		}
		c := &call{svc: s, event: Event{Outcome: aws.Begin(r, r.Method+" "+r.URL.Path, s.cfg.Now())}}
		c.about(p, "")
		aws.SetDate(w, c.event.Time)
		w.Header().Set("x-amz-cognito-request-id", c.event.RequestID)
		serve(p.domain, w, r.WithContext(withCall(r.Context(), c, nil)), c)
		c.event.End(s.cfg.Now())
		if !quiet {
			s.log(c.event)
		}
	})
}

// failed notes an error for the log, and gives its words for the client.
func (c *call) failed(err error) *aws.Error {
	refusal := awsjson.Refusal(err)
	c.event.Refuse(refusal)
	c.event.Fix = fixOf(refusal.Err)
	return refusal
}

// refused notes an OAuth error for the log, and gives what goes to the client.
// What is neither OAuth's nor Cognito's is a server_error.
func (c *call) refused(err error) *oidc.Error {
	var refusal *oidc.Error
	if errors.As(err, &refusal) {
		c.event.Code = refusal.Code
		if refusal.Reason != "" {
			c.note(refusal.Reason)
		}
		return refusal
	}
	if coded := c.failed(err); coded.Code != codeInternalError {
		return &oidc.Error{Code: oidc.InvalidRequest, Description: coded.Message}
	}
	return &oidc.Error{Code: oidc.ServerError}
}

// clientOf gives the client of an id in this pool, if it may use the domain.
func (d *domain) clientOf(c *call, id string) (*Client, error) {
	cl := d.pool.clientOfID(id)
	switch {
	case cl == nil:
		return nil, &oidc.Error{Code: oidc.InvalidClient, Reason: fmt.Sprintf("the pool has no client %.64q", id)}
	case !cl.cfg.AllowedOAuthFlowsUserPoolClient:
		return nil, &oidc.Error{Code: oidc.UnauthorizedClient, Reason: "the client is not enabled for OAuth: declare oauthFlows"}
	}
	c.client = cl
	return cl, nil
}

// signedIn gives the session of a browser and its user as it is now, or nil.
func (d *domain) signedIn(ctx context.Context, r *http.Request) (session *oidc.Session, u *user, err error) {
	err = d.pool.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		session, u, err = d.sessionIn(ctx, tx, d.engine.Cookie(r, sessionCookie))
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("reading who is signed in: %w", err)
	}
	return session, u, nil
}

// sessionIn is signedIn in a transaction. Who could not sign in now is not
// signed in.
func (d *domain) sessionIn(ctx context.Context, tx *sql.Tx, cookie string) (*oidc.Session, *user, error) {
	session, err := d.engine.Session(ctx, tx, cookie)
	if err != nil || session == nil {
		return nil, nil, err
	}
	u, err := d.pool.userOf(ctx, tx, session.Subject)
	if err != nil || u == nil || !u.enabled || u.status != statusConfirmed && u.status != statusExternal {
		return nil, nil, err
	}
	return session, u, nil
}

// preflight answers what browsers ask before a script's request: "CORS" is
// open at the token, userInfo and revoke endpoints.
func (d *domain) preflight(w http.ResponseWriter, r *http.Request, _ *call) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
	if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
		h.Set("Access-Control-Allow-Headers", asked)
	}
	h.Set("Access-Control-Max-Age", "600")
}

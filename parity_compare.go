package doorwright

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/internal/matrix"
)

// errNotAsked ends a cell that has nothing to ask.
var errNotAsked = errors.New("not asked")

// cell compares what one caller gets at one route. Why says why it was not asked.
func (c *comparison) cell(ctx context.Context, i, j int) (_ []ParityDifference, why string, _ error) {
	row, column, q := c.plan.Rows[i], c.plan.Columns[j], c.plan.Questions[i]
	cell := row.Cells[j]
	base, ok := c.urls[row.API]
	switch {
	case cell.Outcome == matrix.NotAsked:
		return nil, "", errNotAsked
	case !ok:
		return nil, "where it is deployed is not known: --url " + row.API + "=URL", nil
	case cell.Outcome == matrix.Unreachable:
		return nil, "other routes are in front of it", nil
	case cell.Outcome == matrix.NoToken:
		return nil, "there is no token of the local stage: " + cell.Why, nil
	case !c.cfg.AllMethods && mayAct(q, cell, column.Kind):
		return nil, q.Method + " would act: --all-methods", nil
	}
	ours, theirs, why := c.credentials(i, j)
	if why != "" {
		return nil, why, nil
	}
	here, err := answerOf(ctx, c.local, q, c.plan.URLs[row.API], ours)
	if err != nil {
		return nil, "", fmt.Errorf("asking the local stage for %s %s: %w", row.API, row.Route, err)
	}
	if c.region != "" {
		q.Region = c.region
	}
	there, err := answerOf(ctx, c.remote, q, base, theirs)
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	difference := ParityDifference{API: row.API, Route: row.Route, Caller: column.Name, Why: cell.Why}
	if err != nil {
		difference.What, difference.Local, difference.Deployed = "answer", strconv.Itoa(here.status), printable(err.Error())
		return []ParityDifference{difference}, "", nil
	}
	var all []ParityDifference
	for _, d := range compareAnswers(here, there, cell.Outcome == strconv.Itoa(here.status)) {
		difference.What, difference.Local, difference.Deployed = d[0], shown(d[1], ours), shown(d[2], theirs)
		all = append(all, difference)
	}
	return all, "", nil
}

// mayAct says whether a request may change something. A function that decides may let
// in who has a forged token.
func mayAct(q matrix.Question, cell matrix.Cell, kind matrix.Kind) bool {
	safe := slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions}, q.Method)
	return !safe && (cell.Outcome == matrix.Allowed || q.Function && kind != matrix.Nothing)
}

// credentials gives what a caller sends to the local and to the deployed side, or why
// that is not known. Who has one thing wrong has it wrong of the same caller's on both.
func (c *comparison) credentials(i, j int) (ours, theirs matrix.Credentials, why string) {
	column, q := c.plan.Columns[j], c.plan.Questions[i]
	ours = c.plan.Credentials[c.plan.Sent[i][j]]
	switch column.Kind {
	case matrix.Nothing:
	case matrix.Token:
		theirs.Token, why = c.tokenOf(column.Name, i, j)
	case matrix.Keys:
		theirs, why = c.keysOf(column.Name)
	default:
		apiKey := ours.APIKey
		if ours, theirs, why = c.right(i, j); why != "" && c.plan.Rows[i].Authorizer == gateway.None {
			ours.Token, theirs.Token, why = madeUpToken, madeUpToken, "" // nobody looks at it
		}
		ours.APIKey = apiKey
		for _, of := range []*matrix.Credentials{&ours, &theirs} {
			of.Forged = column.Kind == matrix.Forged
			of.Expired = column.Kind == matrix.Expired && of.AccessKeyID != ""
		}
	}
	switch {
	case why != "", !q.APIKey, column.Kind == matrix.NoAPIKey:
	case column.Kind == matrix.WrongAPIKey:
		theirs.APIKey = wrongAPIKey
	case c.cfg.APIKey == "":
		why = "no API key: --api-key @FILE"
	default:
		theirs.APIKey = c.cfg.APIKey
	}
	if why != "" {
		return matrix.Credentials{}, matrix.Credentials{}, why
	}
	return ours, theirs, ""
}

// right gives credentials that a route takes, of a caller whose deployed ones were
// given: one who is allowed here, or else anybody.
func (c *comparison) right(i, j int) (ours, theirs matrix.Credentials, why string) {
	signed, column := c.plan.Questions[i].Signed, c.plan.Columns[j]
	if column.Kind == matrix.Expired && !signed {
		theirs.Token, why = c.tokenOf(column.Name, i, j)
		return c.plan.Credentials[c.plan.Sent[i][j]], theirs, why
	}
	found := false
	for at, other := range c.plan.Columns {
		of, why := matrix.Credentials{}, "another kind"
		if signed && other.Kind == matrix.Keys {
			of, why = c.keysOf(other.Name)
		} else if !signed && other.Kind == matrix.Token {
			of.Token, why = c.tokenOf(other.Name, i, at)
		}
		allowed := c.plan.Rows[i].Cells[at].Outcome == matrix.Allowed
		if why != "" || found && !allowed {
			continue
		}
		ours, theirs, found = c.plan.Credentials[c.plan.Sent[i][at]], of, true
		if allowed {
			break
		}
	}
	switch {
	case found:
		return ours, theirs, ""
	case signed:
		return ours, theirs, "no credentials to begin with: --profile CALLER=PROFILE"
	}
	return ours, theirs, "no token to begin with: --token CALLER=@FILE"
}

// tokenOf gives a token of a caller that is what the local one is: an ID token or an
// access token, and for the same API.
func (c *comparison) tokenOf(caller string, i, j int) (_, why string) {
	given := c.tokens[caller]
	if len(given) == 0 {
		return "", "no token: --token " + caller + "=@FILE"
	}
	ours := claimsOf(c.plan.Credentials[c.plan.Sent[i][j]].Token)
	for _, token := range given {
		if theirs := claimsOf(token); ours.like(theirs) {
			return token, ""
		}
	}
	what := "an access token"
	switch {
	case ours.Use == "id":
		what = "an ID token"
	case ours.Use == "" && len(ours.Audience) > 0:
		what = "a token for " + ours.Audience[0]
	}
	return "", "no token of the kind: give " + what + " too, by --token " + caller + "=@FILE"
}

// tokenClaims are what tells kinds of tokens apart. Nobody has verified them.
type tokenClaims struct {
	Use      string   `json:"token_use"` // of Cognito's
	Audience audience `json:"aud"`
	// Auth0's access tokens have one of these, and its ID tokens none.
	Party  string `json:"azp"`
	Client string `json:"client_id"`
}

type audience []string

// UnmarshalJSON reads one audience or several (RFC 7519 section 4.1.3).
func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	var several []string
	err := json.Unmarshal(b, &several)
	*a = several
	return err
}

// claimsOf reads a token's claims; those of no JWS are empty.
func claimsOf(token string) (claims tokenClaims) {
	part := strings.Split(token, ".")
	if len(part) != 3 {
		return tokenClaims{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(part[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return tokenClaims{}
	}
	return claims
}

// like says whether two tokens are of one kind. The clients of two stages are different
// ones, their APIs the same.
func (c tokenClaims) like(other tokenClaims) bool {
	switch {
	case c.Use != other.Use:
		return false
	case c.Use != "" || c.Party == "" && c.Client == "":
		return true
	}
	return slices.ContainsFunc(c.Audience, func(a string) bool { return slices.Contains(other.Audience, a) })
}

func (c *comparison) keysOf(caller string) (_ matrix.Credentials, why string) {
	keys, ok := c.cfg.Keys[caller]
	if !ok {
		return matrix.Credentials{}, "no credentials: --profile " + caller + "=PROFILE"
	}
	return matrix.Credentials{AccessKeyID: keys.AccessKeyID, SecretKey: keys.SecretAccessKey, SessionToken: keys.SessionToken}, ""
}

// An answer is what is compared of one.
type answer struct {
	status  int
	headers [len(comparedHeaders)]string
	body    string
}

// comparedHeaders are those that tell a client why.
var comparedHeaders = [...]string{"Content-Type", "Www-Authenticate", "X-Amzn-Errortype"}

// maxAnswer bounds what is read of a body. A refusal has some hundred bytes.
const maxAnswer = 64 << 10

// answerOf sends a request. What goes wrong never says its URL, which may have a token.
func answerOf(ctx context.Context, client *http.Client, q matrix.Question, base string, c matrix.Credentials) (answer, error) {
	r, err := q.Request(ctx, base, c, time.Now())
	if err != nil {
		return answer{}, withoutURL(err)
	}
	resp, err := client.Do(r)
	if err != nil {
		return answer{}, withoutURL(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return answer{}, fmt.Errorf("reading the answer of status %d: %w", resp.StatusCode, withoutURL(err))
	}
	a := answer{status: resp.StatusCode, body: string(body)}
	for i, name := range comparedHeaders {
		a.headers[i] = strings.Join(resp.Header.Values(name), ", ")
	}
	return a, nil
}

func withoutURL(err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// compareAnswers gives what differs, as what, here and there. The body of who is let in
// is the function's, unless it refuses too.
func compareAnswers(here, there answer, denied bool) (all [][3]string) {
	add := func(what, a, b string) {
		if a != b {
			all = append(all, [3]string{what, a, b})
		}
	}
	add("status", strconv.Itoa(here.status), strconv.Itoa(there.status))
	for i, name := range comparedHeaders {
		add(strings.ToLower(name), here.headers[i], there.headers[i])
	}
	if denied || here.status == http.StatusUnauthorized || here.status == http.StatusForbidden {
		add("body", unnamed(here.body), unnamed(there.body))
	}
	return all
}

// What the messages of IAM and of signatures say of one account and moment.
var (
	arnText       = regexp.MustCompile(`arn:aws[a-z-]*:[^\s"\\]+`)
	timeText      = regexp.MustCompile(`[0-9]{8}T[0-9]{6}Z`)
	canonicalText = regexp.MustCompile(`(?s)(\\n){2}The Canonical String.*`)
)

// unnamed gives a body without what differs from account to account and from request to
// request.
func unnamed(body string) string {
	body = canonicalText.ReplaceAllString(body, "")
	return timeText.ReplaceAllString(arnText.ReplaceAllString(body, "arn:…"), "…")
}

// shown gives a text for eyes: bounded, and without what was sent.
func shown(text string, c matrix.Credentials) string {
	const most = 300
	for _, secret := range []string{c.Token, matrix.Forge(c.Token), c.SecretKey, c.SessionToken, c.APIKey} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return printable(text)
}

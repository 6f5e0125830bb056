package cognito

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/doorwright/doorwright/internal/wire/awsjson"
)

// allClients is the ClientId that stands for every client without a look of its
// own.
const allClients = "ALL"

// maxLooks bounds the looks of a pool, each of which can be a quarter of a
// megabyte.
const maxLooks = 20

// look is how the hosted pages look for a client, or for all.
type look struct {
	CSS   string `json:"css,omitempty"`
	Image []byte `json:"image,omitempty"`
	// Version is a name for this CSS, as CSSVersion is.
	Version           string `json:"version,omitempty"`
	Created, Modified int64  // in milliseconds since the epoch
}

// setUICustomization replaces the look of the hosted pages for a client, or for
// all: "To use this API, your user pool must have a domain associated with it."
// With neither CSS nor an image the pages have Doorwright's own look again.
//
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_SetUICustomization.html
func (s *Service) setUICustomization(ctx context.Context, c *call, in *setCustomizationInput) (*customizationOutput, error) {
	id := in.ClientID
	if id == "" {
		id = allClients
	}
	if _, err := parseCSS(in.CSS); err != nil {
		return nil, invalid("CSS: %s", err)
	}
	image, err := base64.StdEncoding.DecodeString(in.ImageFile)
	if err != nil {
		return nil, invalid("ImageFile is not base64.")
	}
	if len(image) > 0 && imageType(image) == "" {
		return nil, invalid("ImageFile is neither a PNG nor a JPEG image.")
	}
	p, err := s.amend(ctx, c, in.UserPoolID, func(_ *sql.Tx, p *Pool) error {
		if p.domain == nil {
			return invalid("There has to be an existing domain associated with this user pool")
		}
		if id != allClients && p.clientOfID(id) == nil {
			return noClient(id)
		}
		now := s.cfg.Now().UnixMilli()
		next := &look{CSS: in.CSS, Image: image, Version: strconv.FormatInt(now, 10), Created: now, Modified: now}
		if old := p.added.Looks[id]; old != nil {
			next.Created = old.Created
		}
		p.added.Looks = maps.Clone(p.added.Looks)
		if in.CSS == "" && len(image) == 0 {
			delete(p.added.Looks, id)
			return nil
		}
		if p.added.Looks == nil {
			p.added.Looks = map[string]*look{}
		}
		if p.added.Looks[id] = next; len(p.added.Looks) > maxLooks {
			return refuse(codeLimitExceeded, fmt.Sprintf("%d clients of a user pool can have a look of their own here.", maxLooks), "")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &customizationOutput{p.customization(id)}, nil
}

// getUICustomization shows the look of a client: its own, or that of all, or "an
// empty object if you haven't applied hosted UI branding to either the client or
// the user pool".
func (s *Service) getUICustomization(_ context.Context, c *call, in *customizationInput) (*customizationOutput, error) {
	p, err := s.pool(c, in.UserPoolID, "")
	if err != nil {
		return nil, err
	}
	id := in.ClientID
	if id == "" {
		id = allClients
	}
	if id != allClients && p.clientOfID(id) == nil {
		return nil, noClient(id)
	}
	if p.added.Looks[id] == nil {
		id = allClients
	}
	return &customizationOutput{p.customization(id)}, nil
}

// customization describes a look.
func (p *Pool) customization(id string) uiCustomization {
	l := p.added.Looks[id]
	if l == nil {
		return uiCustomization{}
	}
	w := uiCustomization{
		UserPoolID: p.id, ClientID: id, CSS: l.CSS, CSSVersion: l.Version,
		CreationDate: &awsjson.Time{Time: time.UnixMilli(l.Created)}, LastModifiedDate: &awsjson.Time{Time: time.UnixMilli(l.Modified)},
	}
	if len(l.Image) > 0 && p.domain != nil {
		w.ImageURL = p.domain.engine.Origin + "/assets/logo?client_id=" + url.QueryEscape(id)
	}
	return w
}

// lookOf gives the look that the pages have for a client, or nil.
func (p *Pool) lookOf(client string) *look {
	if l := p.added.Looks[client]; l != nil {
		return l
	}
	return p.added.Looks[allClients]
}

// pageLook is what a page loads of a look.
type pageLook struct {
	Client string
	Logo   bool
}

func (d *domain) pageLook(client string) *pageLook {
	l := d.pool.lookOf(client)
	if l == nil {
		return nil
	}
	return &pageLook{Client: client, Logo: len(l.Image) > 0}
}

// lookStyle serves the CSS of a client's look.
func (d *domain) lookStyle(w http.ResponseWriter, r *http.Request, _ *call) {
	l := d.pool.lookOf(r.URL.Query().Get("client_id"))
	if l == nil {
		plain(w, http.StatusNotFound, "Not Found")
		return
	}
	rules, _ := parseCSS(l.CSS) // it was parsed before it was kept
	asset(w, "text/css; charset=utf-8", []byte(rules))
}

// logo serves the image of a client's look.
func (d *domain) logo(w http.ResponseWriter, r *http.Request, _ *call) {
	l := d.pool.lookOf(r.URL.Query().Get("client_id"))
	if l == nil || len(l.Image) == 0 {
		plain(w, http.StatusNotFound, "Not Found")
		return
	}
	asset(w, imageType(l.Image), l.Image)
}

func asset(w http.ResponseWriter, kind string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	_, _ = w.Write(body) // the client went away
}

// imageType gives the media type of an image by its first bytes, or "".
func imageType(image []byte) string {
	kind := http.DetectContentType(image)
	if kind == "image/png" || kind == "image/jpeg" {
		return kind
	}
	return ""
}

// cssClasses are what the CSS of the hosted pages can be for: "You can use only
// these classes"
// (https://docs.aws.amazon.com/cognito/latest/developerguide/hosted-ui-classic-branding.html).
var cssClasses = []string{
	"background-customizable", "banner-customizable", "errorMessage-customizable", "idpButton-customizable", "idpDescription-customizable",
	"inputField-customizable", "label-customizable", "legalText-customizable", "logo-customizable", "panel-left-border", "panel-right-border",
	"passwordCheck-notValid-customizable", "passwordCheck-valid-customizable", "redirect-customizable", "socialButton-customizable",
	"submitButton-customizable", "textDescription-customizable",
}

var (
	cssComment  = regexp.MustCompile(`(?s)/\*.*?\*/`)
	cssSelector = regexp.MustCompile(`^\.([A-Za-z-]+)(:hover|:focus|:active)?$`)
	cssProperty = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z-]{1,60}$`) })
	cssValue    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9 #.,%()'"!+*/-]{1,200}$`) })
	cssFunction = regexp.MustCompile(`([A-Za-z-]*)\(`)
)

// parseCSS gives the rules of a style sheet, written anew: only what is
// understood here reaches a page. "@import, @supports, @page, or @media
// statements" and all that loads something are refused. Selectors stand below
// body, which puts them before the pages' own.
func parseCSS(text string) (string, error) {
	var b strings.Builder
	text = cssComment.ReplaceAllString(text, " ")
	if strings.Contains(text, "/*") {
		return "", errors.New("a comment has no end")
	}
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		head, body, ok := strings.Cut(rest, "{")
		if !ok {
			return "", fmt.Errorf("%.40q is not followed by a block", head)
		}
		if body, rest, ok = strings.Cut(body, "}"); !ok {
			return "", fmt.Errorf("the block of %.40q has no end", strings.TrimSpace(head))
		}
		var selectors []string
		for one := range strings.SplitSeq(head, ",") {
			m := cssSelector.FindStringSubmatch(strings.TrimSpace(one))
			if m == nil || !slices.Contains(cssClasses, m[1]) {
				return "", fmt.Errorf("%.40q is not one of the classes that can be customized", strings.TrimSpace(one))
			}
			selectors = append(selectors, "body ."+m[1]+m[2])
		}
		declarations, err := parseDeclarations(body)
		if err != nil {
			return "", err
		}
		b.WriteString(strings.Join(selectors, ", ") + " {" + declarations + " }\n")
	}
	return b.String(), nil
}

func parseDeclarations(body string) (string, error) {
	var b strings.Builder
	for one := range strings.SplitSeq(body, ";") {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		property, value, _ := strings.Cut(one, ":")
		property, value = strings.ToLower(strings.TrimSpace(property)), strings.TrimSpace(value)
		if !cssProperty().MatchString(property) || !cssValue().MatchString(value) {
			return "", fmt.Errorf("%.60q is not a declaration that is allowed", one)
		}
		for _, m := range cssFunction.FindAllStringSubmatch(value, -1) {
			if !slices.Contains([]string{"rgb", "rgba", "hsl", "hsla", "calc"}, strings.ToLower(m[1])) {
				return "", fmt.Errorf("%s() is not allowed", m[1])
			}
		}
		b.WriteString(" " + property + ": " + value + ";")
	}
	return b.String(), nil
}

// forgetLook drops the look of a client that is deleted.
func (p *Pool) forgetLook(client string) {
	if p.added.Looks[client] != nil {
		p.added.Looks = maps.Clone(p.added.Looks)
		delete(p.added.Looks, client)
	}
}

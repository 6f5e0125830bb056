package matrix

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/doorwright/doorwright/sigv4"
)

// A Question is a concrete request to a route, without a caller.
type Question struct {
	Method string `json:"method"`
	// Path is the path below the API's URL, and Query what follows it.
	Path  string `json:"path"`
	Query string `json:"query,omitempty"`
	// Header is what the route asks for beside credentials.
	Header map[string]string `json:"header,omitempty"`
	// Tokens are the places where the route's authorizer looks for a token.
	Tokens []Place `json:"tokens"`
	// Signed says that the route's authorizer wants signed requests.
	Signed bool `json:"signed,omitempty"`
	// Function says that the route's authorizer is a function, which may let in whom
	// it likes.
	Function bool `json:"function,omitempty"`
	// APIKey says that the route asks for an API key.
	APIKey bool `json:"apiKey,omitempty"`
	// Region is the one that signatures are for.
	Region string `json:"region"`
}

// A Place is a header or a query parameter; one of them is set.
type Place struct {
	Header string `json:"header,omitempty"`
	Query  string `json:"query,omitempty"`
}

// Bearer is the place of a token where nothing says otherwise.
var Bearer = Place{Header: "Authorization"}

// Credentials are what a caller has: a token, or keys of AWS, and an API key.
type Credentials struct {
	Token        string `json:"token,omitempty"`
	AccessKeyID  string `json:"accessKeyId,omitempty"`
	SecretKey    string `json:"secretAccessKey,omitempty"`
	SessionToken string `json:"sessionToken,omitempty"`
	APIKey       string `json:"apiKey,omitempty"`
	// Forged changes one bit of the signature, of the token or of the request.
	Forged bool `json:"forged,omitempty"`
	// Expired signs requests with a time of an hour ago. A token is expired by itself.
	Expired bool `json:"expired,omitempty"`
}

// service is the signing name of APIs.
const service = "execute-api"

// Request gives the request of a caller to an API at a base URL.
func (q Question) Request(ctx context.Context, base string, c Credentials, now time.Time) (*http.Request, error) {
	if !strings.HasPrefix(q.Path, "/") { // it would go on with the host's name
		return nil, fmt.Errorf("making a request of a route: the path %.40q does not begin with a slash", q.Path)
	}
	u, err := url.Parse(base + q.Path)
	if err != nil {
		return nil, fmt.Errorf("making a request of a route: %w", err)
	}
	u.RawQuery = q.Query
	header := http.Header{}
	for name, value := range q.Header {
		header.Set(name, value)
	}
	if q.APIKey && c.APIKey != "" {
		header.Set("X-Api-Key", c.APIKey)
	}
	if c.Token != "" {
		token := c.Token
		if c.Forged {
			token = Forge(token)
		}
		for _, p := range q.Tokens {
			p.put(token, header, u)
		}
	}
	r, err := http.NewRequestWithContext(ctx, q.Method, u.String(), http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("making a request of a route: %w", err)
	}
	r.Header = header
	if c.AccessKeyID != "" {
		if c.Expired {
			now = now.Add(-time.Hour) // AWS accepts five minutes
		}
		keys := sigv4.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretKey, SessionToken: c.SessionToken}
		sigv4.Sign(r, nil, keys, service, q.Region, now)
		if c.Forged {
			// "Signature=" and hex digits end the header (SigV4).
			header.Set("Authorization", flipHex(header.Get("Authorization")))
		}
	}
	return r, nil
}

func (p Place) put(token string, header http.Header, u *url.URL) {
	switch {
	case p.Query != "":
		query := u.Query()
		query.Set(p.Query, token)
		u.RawQuery = query.Encode()
	case strings.EqualFold(p.Header, Bearer.Header):
		header.Set(p.Header, "Bearer "+token)
	default:
		header.Set(p.Header, token)
	}
}

// Forge gives a token whose signature differs in one bit. A text that is no JWS has no
// signature: its last byte differs.
func Forge(token string) string {
	at := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.DecodeString(token[at+1:])
	if at < 0 || err != nil || len(signature) == 0 {
		return flipHex(token)
	}
	signature[len(signature)/2] ^= 1
	return token[:at+1] + base64.RawURLEncoding.EncodeToString(signature)
}

// flipHex changes the last character of a text, which may be a hexadecimal digit, to another.
func flipHex(text string) string {
	if text == "" {
		return ""
	}
	last := text[len(text)-1]
	if text = text[:len(text)-1]; last == '1' {
		return text + "0"
	}
	return text + "1"
}

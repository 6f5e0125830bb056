package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxDiscoveryBytes bounds a discovery document. The largest ones of known
// issuers have some 8 KiB.
const maxDiscoveryBytes = 64 << 10

// newClient gives the client of a Remote.
func newClient(given *http.Client) *http.Client {
	client := &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		// Fetches are hours apart: an idle connection would be two goroutines
		// and a descriptor kept for nothing.
		DisableKeepAlives: true,
		// A body is bounded as it is sent, not as it unfolds.
		DisableCompression:     true,
		MaxResponseHeaderBytes: 64 << 10,
	}}
	if given != nil {
		*client = *given
	}
	// A redirect would let an open redirector on the issuer's host choose the
	// keys. Issuers name the final address in their discovery document.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client.Jar = nil
	return client
}

// fetch gets the keys, and where they are if that is not known.
func (r *Remote) fetch(ctx context.Context) (*StaticKeySet, *Error) {
	address := r.config.JWKSURL
	if r.config.Issuer != "" {
		now := r.config.Now()
		if r.jwksURL == "" || now.Sub(r.discovered) >= r.config.MaxAge {
			found, err := r.discover(ctx)
			if err != nil {
				e := &Error{Reason: DiscoveryUnavailable, Err: err}
				if other := (*otherIssuer)(nil); errors.As(err, &other) {
					e.Got, e.Want = []string{other.got}, []string{other.want}
				}
				return nil, e
			}
			r.jwksURL, r.discovered = found, now
		}
		address = r.jwksURL
	}
	set, err := r.fetchKeys(ctx, address)
	if err != nil {
		r.jwksURL = "" // perhaps the keys have moved
		return nil, &Error{Reason: KeysUnavailable, Err: err}
	}
	return set, nil
}

// discover reads the discovery document (OpenID Connect Discovery 1.0 section 4)
// and gives the address of the keys.
func (r *Remote) discover(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, r.config.DiscoveryTimeout)
	defer cancel()
	// Section 4.1: a slash at the issuer's end is removed first.
	body, err := r.get(ctx, strings.TrimSuffix(r.config.Issuer, "/")+"/.well-known/openid-configuration", maxDiscoveryBytes)
	if err != nil {
		return "", err
	}
	o, err := parseObject(string(body))
	if err != nil {
		return "", fmt.Errorf("it %w", err)
	}
	// Section 4.3: the same issuer exactly, lest one issuer speak for another.
	if issuer, _ := o.get("issuer"); issuer != r.config.Issuer {
		text, _ := issuer.(string)
		return "", &otherIssuer{got: text, want: r.config.Issuer}
	}
	value, _ := o.get("jwks_uri")
	address, _ := value.(string)
	// An issuer on the network does not get to point at this machine's ports.
	if _, err := checkURL(address, strings.HasPrefix(r.config.Issuer, "http:")); err != nil {
		return "", fmt.Errorf("checking its jwks_uri %s: %w", quote(address), err)
	}
	return address, nil
}

// otherIssuer is the error of a discovery document that is another issuer's.
type otherIssuer struct{ got, want string }

func (e *otherIssuer) Error() string {
	return fmt.Sprintf("its issuer is %s, not %s", quote(e.got), quote(e.want))
}

func (r *Remote) fetchKeys(ctx context.Context, address string) (*StaticKeySet, error) {
	ctx, cancel := context.WithTimeout(ctx, r.config.JWKSTimeout)
	defer cancel()
	body, err := r.get(ctx, address, r.config.MaxBytes)
	if err != nil {
		return nil, err
	}
	return parseKeySet(body)
}

// get fetches a JSON document of at most max bytes.
func (r *Remote) get(ctx context.Context, address string, max int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	start := time.Now()
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, requestError(ctx, err, address, start)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		err := fmt.Errorf("%s answered status %d", quote(address), resp.StatusCode)
		if 300 <= resp.StatusCode && resp.StatusCode < 400 {
			err = fmt.Errorf("%w (redirects are not followed)", err)
		}
		return nil, err
	}
	if resp.ContentLength > max {
		return nil, fmt.Errorf("%s answered %d bytes, more than %d", quote(address), resp.ContentLength, max)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, max+1))
	if err != nil {
		return nil, requestError(ctx, err, address, start)
	}
	if int64(len(body)) > max {
		return nil, fmt.Errorf("%s answered more than %d bytes", quote(address), max)
	}
	return body, nil
}

// requestError names the address in a bounded way, and says "no answer" where
// net/http says "context deadline exceeded".
func requestError(ctx context.Context, err error, address string, start time.Time) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%s gave no answer in %v: %w", quote(address), time.Since(start).Round(100*time.Millisecond), context.DeadlineExceeded)
	}
	return fmt.Errorf("%s: %w", quote(address), err)
}

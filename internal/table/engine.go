package table

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/doorwright/doorwright/sigv4"
)

// engineKeys sign what an engine is sent. Engines want a signature and do not verify
// it; DynamoDB Local keeps the tables of each access key apart.
var engineKeys = sigv4.Credentials{AccessKeyID: "DOORWRIGHT", SecretAccessKey: "doorwright"}

// HTTPEngine is an engine that runs elsewhere, such as DynamoDB Local. It makes no
// difference who asks it, so nobody else should reach it.
type HTTPEngine struct {
	url, region string
	header      http.Header
	client      *http.Client
}

// NewHTTPEngine takes the engine's URL, http://host:port.
func NewHTTPEngine(address, region string) (*HTTPEngine, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Path != "" && u.Path != "/" || u.RawQuery != "" {
		return nil, fmt.Errorf("the engine %q of the tables is not http://host:port", address)
	}
	return newHTTPEngine(u.Scheme+"://"+u.Host+"/", region), nil
}

func newHTTPEngine(url, region string) *HTTPEngine {
	// An engine is asked directly: a proxy of the environment is for the internet.
	return &HTTPEngine{url: url, region: region, header: http.Header{}, client: &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 3 * time.Second, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       time.Minute,
	}}
}

// Do sends an operation.
func (e *HTTPEngine) Do(ctx context.Context, operation string, body []byte) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("asking the engine: %w", err)
	}
	for name, values := range e.header {
		r.Header[name] = values
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("X-Amz-Target", Target+"."+operation)
	sigv4.Sign(r, body, engineKeys, "dynamodb", e.region, time.Now())
	resp, err := e.client.Do(r)
	var refused *net.OpError
	if errors.As(err, &refused) && refused.Op == "dial" {
		return nil, &mendable{fmt.Sprintf("asking %s, the engine of the tables: %v", e.url, refused), "Start it, or name another in the tables' engine."}
	}
	if err != nil {
		return nil, fmt.Errorf("asking %s, the engine of the tables: %w", e.url, err)
	}
	return resp, nil
}

// close ends idle connections.
func (e *HTTPEngine) close() { e.client.CloseIdleConnections() }

package cognito

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/verify"
)

// Pool gives the pool of a declared name, or nil. It may be called after Open.
func (s *Service) Pool(name string) *Pool {
	for _, p := range s.served.Load().pools {
		if p.declared != nil && p.cfg.Name == name {
			return p
		}
	}
	return nil
}

// Pool is a user pool as it was at one moment: it does not change, and its
// successor takes its place in the directory. It is a verify.KeySet of the
// keys that sign its ID and access tokens, which all its successors share.
type Pool struct {
	svc *Service
	// declared is what the declaration says of it; nil for a pool that a request
	// made. cfg is what holds: that, or the request, with what was added.
	declared *PoolConfig
	added    additions
	cfg      *PoolConfig
	policy   PasswordPolicy
	schema   []schemaEntry
	id       string
	secret   []byte // keys the HMAC of codes, fake salts and paging tokens
	created  time.Time
	clients  []*Client // the declared ones in the declaration's order, then the others by age
	verifier *verify.Verifier
	keys     *lazyKeys
	domain   *domain // nil for a pool without one
	origin   string  // of a domain that a request made, once it is open
}

// Client is an app client of a pool as it was at one moment.
type Client struct {
	cfg  *ClientConfig
	pool *Pool
	// added is what a request said of it; nil for a declared client.
	added   *addedClient
	id      string
	secret  string // "" for a public client
	created time.Time
}

// ID gives the pool's id, such as us-east-1_AbC123xyz.
func (p *Pool) ID() string { return p.id }

// Name gives the declared name.
func (p *Pool) Name() string { return p.cfg.Name }

// ARN gives the pool's ARN.
func (p *Pool) ARN() string { return p.svc.poolARN(p.id) }

// Issuer gives what "iss" is in the pool's tokens.
func (p *Pool) Issuer() string { return p.svc.cfg.IssuerBase + "/" + p.id }

// JWKSURL gives where the pool's public keys are served.
func (p *Pool) JWKSURL() string { return p.Issuer() + jwksPath }

// Client gives the client of a declared name, or nil.
func (p *Pool) Client(name string) *Client {
	for _, c := range p.clients {
		if c.added == nil && c.cfg.Name == name {
			return c
		}
	}
	return nil
}

// ClientID gives the id of the client of a declared name, or "".
func (p *Pool) ClientID(name string) string {
	if c := p.Client(name); c != nil {
		return c.id
	}
	return ""
}

// ClientIDs gives the ids of the declared clients, in the declaration's order.
// An authorizer that names no clients accepts these: those that are made later
// are none of its list, as on AWS.
func (p *Pool) ClientIDs() []string {
	var ids []string
	for _, c := range p.clients {
		if c.added == nil {
			ids = append(ids, c.id)
		}
	}
	return ids
}

// clientOfID gives the client of an id, or nil.
func (p *Pool) clientOfID(id string) *Client {
	for _, c := range p.clients {
		if c.id == id {
			return c
		}
	}
	return nil
}

// ID gives the client's id.
func (c *Client) ID() string { return c.id }

// Name gives the declared name.
func (c *Client) Name() string { return c.cfg.Name }

// Secret gives the client's secret, or "" for a public client.
func (c *Client) Secret() string { return c.secret }

func (s *Service) poolARN(id string) string {
	return aws.ARN{
		Service: "cognito-idp", Region: s.cfg.Region, AccountID: s.cfg.AccountID, Resource: "userpool/" + id,
	}.String()
}

// srpName is what SRP hashes as the pool's name: the id after the underscore.
func (p *Pool) srpName() string {
	_, name, _ := strings.Cut(p.id, "_")
	return name
}

// fold gives the form in which names are compared.
func (p *Pool) fold(name string) string {
	if p.cfg.CaseSensitive {
		return name
	}
	return strings.ToLower(name)
}

// mac gives HMAC-SHA256 of the parts, each with its length before it so that
// no two lists of parts are one message.
func (p *Pool) mac(parts ...string) []byte { return macOf(p.secret)(parts...) }

func macOf(key []byte) macFunc {
	return func(parts ...string) []byte {
		h := hmac.New(sha256.New, key)
		for _, part := range parts {
			h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
			h.Write([]byte(part))
		}
		return h.Sum(nil)
	}
}

// Alphabets of ids: nine letters and digits for a pool, 26 lower-case ones for
// a client, about 51 for a secret.
const (
	alnumLower = "0123456789abcdefghijklmnopqrstuvwxyz"
	alnum      = alnumLower + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

	poolIDLength       = 9
	clientIDLength     = 26
	clientSecretLength = 51
)

package cognito

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"time"
)

// client gives the served client of an id and notes whom the call is about.
func (s *Service) client(c *call, id, name string) (*Client, error) {
	cl := s.served.Load().clients[id]
	if cl == nil {
		c.event.User = name
		return nil, noClient(id)
	}
	c.about(cl.pool, name)
	c.client = cl
	return cl, nil
}

// pool gives the served pool of an id and notes whom the call is about.
func (s *Service) pool(c *call, id, name string) (*Pool, error) {
	p := s.served.Load().byID[id]
	if p == nil {
		c.event.User = name
		return nil, noPool(id)
	}
	c.about(p, name)
	return p, nil
}

func noPool(id string) error {
	return refuse(codeResourceNotFound, "User pool "+id+" does not exist.", "")
}

// clientOf gives the client of an id in a pool of an id.
func (s *Service) clientOf(c *call, poolID, clientID, name string) (*Client, error) {
	p, err := s.pool(c, poolID, name)
	if err != nil {
		return nil, err
	}
	cl := p.clientOfID(clientID)
	if cl == nil {
		return nil, noClient(clientID)
	}
	c.client = cl
	return cl, nil
}

func noClient(id string) error {
	return refuse(codeResourceNotFound, "User pool client "+id+" does not exist.", "")
}

// identify gives the user that a request through a client names, or nil, after
// checking the request's secret hash.
func (cl *Client) identify(ctx context.Context, name, secretHash string) (*user, error) {
	if cl.secret != "" && secretHash == "" {
		return nil, cl.hashMissing()
	}
	u, err := cl.pool.findUser(ctx, name)
	if err != nil {
		return nil, err
	}
	names := []string{name}
	if u != nil {
		names = append(names, u.username, u.sub)
	}
	return u, cl.checkSecretHash(secretHash, names...)
}

// clientAndUser gives the served client of an id and the user that a request
// through it names, or a nil user, after checking the request's secret hash.
func (s *Service) clientAndUser(ctx context.Context, c *call, clientID, name, secretHash string) (*Client, *user, error) {
	cl, err := s.client(c, clientID, name)
	if err != nil {
		return nil, nil, err
	}
	found, err := cl.identify(ctx, name, secretHash)
	if err != nil {
		return nil, nil, err
	}
	return cl, found, nil
}

// checkSecretHash verifies base64(HMAC-SHA256(secret, username + client id))
// (https://docs.aws.amazon.com/cognito/latest/developerguide/signing-up-users-in-your-app.html#cognito-user-pools-computing-secret-hash)
// for any of the names: clients use the name that was typed, or the username
// that a challenge gave them.
func (cl *Client) checkSecretHash(hash string, names ...string) error {
	if cl.secret == "" && hash == "" {
		return nil
	}
	if hash == "" {
		return cl.hashMissing()
	}
	if cl.secret != "" {
		for _, name := range names {
			if hmac.Equal([]byte(hash), []byte(cl.secretHash(name))) {
				return nil
			}
		}
	}
	return notAuthorized("Unable to verify secret hash for client "+cl.id, "SECRET_HASH is not that of the name and the client's secret")
}

func (cl *Client) hashMissing() error {
	return notAuthorized("Client "+cl.id+" is configured with secret but SECRET_HASH was not received", "")
}

func (cl *Client) secretHash(name string) string { return SecretHash(cl.secret, name, cl.id) }

// SecretHash gives the SECRET_HASH that a client with a secret must send with
// a username.
func SecretHash(secret, username, clientID string) string {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(username + clientID))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// hides says whether the client must not learn which users exist.
func (cl *Client) hides() bool { return cl.cfg.PreventUserExistenceErrors }

// allows says whether a flow, named without ALLOW_, is enabled. Clients that
// list flows in the older form, without ALLOW_, may always refresh, and use
// SRP unless they are for custom challenges only
// (https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html).
func (cl *Client) allows(flow string) bool {
	flows := cl.cfg.ExplicitAuthFlows
	if flows == nil {
		flows = []string{"ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_CUSTOM_AUTH"}
	}
	if slices.Contains(flows, "ALLOW_"+flow) {
		return true
	}
	if len(flows) > 0 && strings.HasPrefix(flows[0], "ALLOW_") {
		return false
	}
	switch flow {
	case "REFRESH_TOKEN_AUTH":
		return true
	case "USER_SRP_AUTH":
		return !slices.Contains(flows, "CUSTOM_AUTH_FLOW_ONLY")
	case "CUSTOM_AUTH":
		return slices.Contains(flows, "CUSTOM_AUTH_FLOW_ONLY")
	case "ADMIN_USER_PASSWORD_AUTH":
		return slices.Contains(flows, "ADMIN_NO_SRP_AUTH")
	}
	return slices.Contains(flows, flow)
}

// The lifetimes of what a client's users get.

func (cl *Client) accessValidity() time.Duration { return or(cl.cfg.AccessTokenValidity, time.Hour) }
func (cl *Client) idValidity() time.Duration     { return or(cl.cfg.IDTokenValidity, time.Hour) }
func (cl *Client) refreshValidity() time.Duration {
	return or(cl.cfg.RefreshTokenValidity, 30*24*time.Hour)
}
func (cl *Client) sessionValidity() time.Duration {
	return or(cl.cfg.AuthSessionValidity, minSessionValidity)
}

func or(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

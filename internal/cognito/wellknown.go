package cognito

import (
	"encoding/json"
	"math/big"
	"net/http"
	"strings"

	"github.com/doorwright/doorwright/verify"
)

const (
	jwksPath      = "/.well-known/jwks.json"
	discoveryPath = "/.well-known/openid-configuration"
)

// jwk is a public key in a JWKS, with the members that Cognito's have.
type jwk struct {
	Algorithm string `json:"alg"`
	Exponent  string `json:"e"`
	KeyID     string `json:"kid"`
	Type      string `json:"kty"`
	Modulus   string `json:"n"`
	Use       string `json:"use"`
}

// discovery is the OpenID Connect discovery document. A pool without a domain
// has no endpoints to name.
type discovery struct {
	AuthorizationEndpoint             string   `json:"authorization_endpoint,omitempty"`
	EndSessionEndpoint                string   `json:"end_session_endpoint,omitempty"`
	IDTokenSigningAlgValuesSupported  []string `json:"id_token_signing_alg_values_supported"`
	Issuer                            string   `json:"issuer"`
	JWKSURI                           string   `json:"jwks_uri"`
	ResponseTypesSupported            []string `json:"response_types_supported"`
	RevocationEndpoint                string   `json:"revocation_endpoint,omitempty"`
	ScopesSupported                   []string `json:"scopes_supported"`
	SubjectTypesSupported             []string `json:"subject_types_supported"`
	TokenEndpoint                     string   `json:"token_endpoint,omitempty"`
	TokenEndpointAuthMethodsSupported []string `json:"token_endpoint_auth_methods_supported"`
	UserInfoEndpoint                  string   `json:"userinfo_endpoint,omitempty"`
}

// serveWellKnown answers GET /POOLID/.well-known/...: what a verifier needs.
// Anybody may read it, from any origin.
func (s *Service) serveWellKnown(w http.ResponseWriter, r *http.Request) {
	id, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	path := "/" + rest
	p := s.served.Load().byID[id]
	if p == nil {
		plain(w, http.StatusNotFound, "Not Found")
		return
	}
	p.serveDocument(w, r, path)
}

func (p *Pool) serveDocument(w http.ResponseWriter, r *http.Request, path string) {
	if path != jwksPath && path != discoveryPath {
		plain(w, http.StatusNotFound, "Not Found")
		return
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		plain(w, http.StatusMethodNotAllowed, "Method Not Allowed")
		return
	}
	var document any
	if path == discoveryPath {
		document = p.discovery()
	} else {
		keys, err := p.signingKeys(r.Context())
		if err != nil {
			p.svc.logFault("jwks.json", p.cfg.Name, err)
			plain(w, http.StatusInternalServerError, "Internal Server Error")
			return
		}
		document = map[string]any{"keys": []jwk{keys.id.jwk(), keys.access.jwk()}}
	}
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "public, max-age=3600")
	// The only error left is that the client went away.
	_ = json.NewEncoder(w).Encode(document)
}

func (k *signingKey) jwk() jwk {
	return jwk{
		Algorithm: string(verify.RS256), Exponent: encodeInt(big.NewInt(int64(k.private.E))), KeyID: k.kid,
		Type: "RSA", Modulus: encodeInt(k.private.N), Use: "sig",
	}
}

func (p *Pool) discovery() discovery {
	document := discovery{
		IDTokenSigningAlgValuesSupported:  []string{string(verify.RS256)},
		Issuer:                            p.Issuer(),
		JWKSURI:                           p.JWKSURL(),
		ResponseTypesSupported:            []string{"code", "token"},
		ScopesSupported:                   []string{"openid", "email", "phone", "profile"},
		SubjectTypesSupported:             []string{"public"},
		TokenEndpointAuthMethodsSupported: []string{"client_secret_basic", "client_secret_post"},
	}
	if p.domain != nil {
		origin := p.domain.engine.Origin
		document.AuthorizationEndpoint = origin + "/oauth2/authorize"
		document.EndSessionEndpoint = origin + "/logout"
		document.RevocationEndpoint = origin + "/oauth2/revoke"
		document.TokenEndpoint = origin + "/oauth2/token"
		document.UserInfoEndpoint = origin + "/oauth2/userInfo"
	}
	return document
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}

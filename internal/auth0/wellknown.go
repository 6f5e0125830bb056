package auth0

import (
	"encoding/json"
	"net/http"
)

const (
	jwksPath      = "/.well-known/jwks.json"
	discoveryPath = "/.well-known/openid-configuration"
)

// discoveryDocument is Auth0's, without what this tenant does not have.
type discoveryDocument struct {
	Issuer                 string   `json:"issuer"`
	Authorization          string   `json:"authorization_endpoint"`
	Token                  string   `json:"token_endpoint"`
	UserInfo               string   `json:"userinfo_endpoint"`
	JWKS                   string   `json:"jwks_uri"`
	Revocation             string   `json:"revocation_endpoint"`
	EndSession             string   `json:"end_session_endpoint"`
	Scopes                 []string `json:"scopes_supported"`
	ResponseTypes          []string `json:"response_types_supported"`
	ChallengeMethods       []string `json:"code_challenge_methods_supported"`
	ResponseModes          []string `json:"response_modes_supported"`
	SubjectTypes           []string `json:"subject_types_supported"`
	TokenAuthMethods       []string `json:"token_endpoint_auth_methods_supported"`
	Claims                 []string `json:"claims_supported"`
	RequestURI             bool     `json:"request_uri_parameter_supported"`
	Request                bool     `json:"request_parameter_supported"`
	IDTokenAlgorithms      []string `json:"id_token_signing_alg_values_supported"`
	BackchannelLogout      bool     `json:"backchannel_logout_supported"`
	BackchannelLogoutBySID bool     `json:"backchannel_logout_session_supported"`
}

func (t *Tenant) discovery(w http.ResponseWriter, _ *http.Request, _ *call) {
	base := t.cfg.Origin
	serveDocument(w, discoveryDocument{
		Issuer: t.issuer, Authorization: base + "/authorize", Token: base + "/oauth/token", UserInfo: base + "/userinfo",
		JWKS: base + jwksPath, Revocation: base + "/oauth/revoke", EndSession: base + "/oidc/logout",
		Scopes: []string{
			"openid", "profile", "offline_access", "name", "given_name", "family_name", "nickname", "email", "email_verified",
			"picture", "created_at", "identities", "phone", "address",
		},
		ResponseTypes: []string{"code", "token", "id_token", "code token", "code id_token", "token id_token", "code token id_token"},
		ResponseModes: []string{"query", "fragment", "form_post"}, ChallengeMethods: []string{"S256"},
		SubjectTypes: []string{"public"}, TokenAuthMethods: []string{"client_secret_basic", "client_secret_post"},
		Claims: []string{
			"aud", "auth_time", "created_at", "email", "email_verified", "exp", "family_name", "given_name", "iat", "identities",
			"iss", "name", "nickname", "phone_number", "picture", "sub",
		},
		IDTokenAlgorithms: []string{"RS256"},
	})
}

func (t *Tenant) jwks(w http.ResponseWriter, _ *http.Request, c *call) {
	key, err := t.signingKey()
	if err != nil {
		writeFailure(w, c.failed(err))
		return
	}
	serveDocument(w, map[string]any{"keys": []jwk{key.jwk()}})
}

// serveDocument writes what anybody may read, from any origin.
func serveDocument(w http.ResponseWriter, document any) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=15, stale-while-revalidate=15, stale-if-error=86400")
	_ = json.NewEncoder(w).Encode(document) // the client went away
}

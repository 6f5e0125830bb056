package oidc

// The error codes of RFC 6749 (sections 4.1.2.1 and 5.2), RFC 7009, RFC 6750
// and OpenID Connect (section 3.1.2.6) that are used.
const (
	InvalidRequest       = "invalid_request"
	InvalidClient        = "invalid_client"
	InvalidGrant         = "invalid_grant"
	InvalidScope         = "invalid_scope"
	InvalidToken         = "invalid_token"
	UnauthorizedClient   = "unauthorized_client"
	UnsupportedGrantType = "unsupported_grant_type"
	UnsupportedTokenType = "unsupported_token_type"
	UnsupportedResponse  = "unsupported_response_type"
	ServerError          = "server_error"
	AccessDenied         = "access_denied"
	LoginRequired        = "login_required"
)

// Error is a refusal in OAuth's words. Rooms say it as their service does.
type Error struct {
	// Code is what goes to the client as "error".
	Code string
	// Description goes to the client as "error_description", if the service
	// says one there.
	Description string
	// Reason says why, in words that are for the log alone.
	Reason string
	// Verifier says that it is the PKCE verifier of a code that was refused, for
	// services that say so.
	Verifier bool
}

func (e *Error) Error() string {
	if e.Reason != "" {
		return e.Code + ": " + e.Reason
	}
	return e.Code
}

// refuse gives an error whose reason is for the log alone.
func refuse(code, reason string) *Error { return &Error{Code: code, Reason: reason} }

// ReuseError says that an authorization code was used again. Whoever has it a
// second time may have stolen it, or been stolen from: what the first use gave
// is to end (RFC 6749 section 4.1.2).
type ReuseError struct {
	// Owner is the code's, whose tokens are to end.
	Owner string
}

func (e *ReuseError) Error() string { return "the authorization code was used before" }

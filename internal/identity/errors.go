package identity

import (
	"errors"
	"fmt"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/wire/awsjson"
)

// The service's error codes, spelled as in its model
// (https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/CommonErrors.html
// and the Errors section of each operation). All but InternalErrorException have
// HTTP status 400, also those that say that something is missing.
const (
	codeAccessDenied         = "AccessDeniedException"
	codeDeveloperRegistered  = "DeveloperUserAlreadyRegisteredException"
	codeExternalService      = "ExternalServiceException"
	codeInternalError        = "InternalErrorException"
	codeInvalidConfiguration = "InvalidIdentityPoolConfigurationException"
	codeInvalidParameter     = "InvalidParameterException"
	codeLimitExceeded        = "LimitExceededException"
	codeNotAuthorized        = "NotAuthorizedException"
	codeResourceConflict     = "ResourceConflictException"
	codeResourceNotFound     = "ResourceNotFoundException"
)

// Texts that several operations share.
const (
	textNoGuests          = "Unauthenticated access is not supported for this identity pool."
	textNotSupported      = "Token is not from a supported provider of this identity pool."
	textWrongIssuer       = "Invalid login token. Issuer doesn't match providerName"
	textNotVerified       = "Invalid login token. Couldn't verify signed token."
	textNoIDToken         = "Invalid login token. Not a valid OpenId Connect identity token."
	textCognitoToken      = "Invalid login token. Can't pass in a Cognito token."
	textInactive          = "Token is inactive"
	textNoMatch           = "Logins don't match. Please include at least one valid login for this identity or identity pool."
	textPublicProvider    = "Please provide a valid public provider"
	textClassicFlow       = "Basic (classic) flow is not enabled, please use enhanced flow."
	textConfiguration     = "Invalid identity pool configuration. Check assigned IAM roles for this pool."
	textAlreadyLinked     = "Logins conflict: the identity has another login of the provider %s."
	textDeveloperProvider = "Please provide the developer provider name of this identity pool"
)

// refuse gives the error that the client sees, and the reason that only the log
// line says.
func refuse(code, message, reason string) *aws.Error {
	return awsjson.Refuse(code, message, reason)
}

// invalid is an InvalidParameterException whose text needs no further reason.
func invalid(format string, args ...any) *aws.Error {
	return refuse(codeInvalidParameter, fmt.Sprintf(format, args...), "")
}

func notAuthorized(message, reason string) *aws.Error {
	return refuse(codeNotAuthorized, message, reason)
}

func noPool(id string) *aws.Error {
	return refuse(codeResourceNotFound, "IdentityPool '"+id+"' not found.", "")
}

func noIdentity(id string) *aws.Error {
	return refuse(codeResourceNotFound, "Identity '"+id+"' not found.", "")
}

func forbidden(id, reason string) *aws.Error {
	return notAuthorized("Access to Identity '"+id+"' is forbidden.", reason)
}

// A LoginError says which login of a request is not good, and what would have been. Its
// text is that of its cause.
type LoginError struct {
	// Login is the login's key in the request, and Provider whose it is; "" if it is
	// nobody's whom the pool knows.
	Login, Provider string
	// Issuer and Clients are those of the tokens that are taken, and Got is the token's
	// issuer, whether it is true or not.
	Issuer, Got string
	Clients     []string
	Err         error
}

// Error is the cause's, or "".
func (e *LoginError) Error() string {
	if e.Err == nil {
		return ""
	}
	return e.Err.Error()
}

// Unwrap gives the cause.
func (e *LoginError) Unwrap() error { return e.Err }

// ofLogin notes in a refusal which login it is about.
func ofLogin(err error, of LoginError) error {
	var refusal *aws.Error
	if errors.As(err, &refusal) {
		of.Err = refusal.Err
		refusal.Err = &of
	}
	return err
}

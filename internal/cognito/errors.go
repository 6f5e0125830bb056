package cognito

import (
	"fmt"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/wire/awsjson"
)

// The service's error codes, spelled as in its model
// (https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/CommonErrors.html
// and the Errors section of each operation). All but InternalErrorException
// have HTTP status 400, also those that say that something is missing.
const (
	codeAccessDenied         = "AccessDeniedException"
	codeAliasExists          = "AliasExistsException"
	codeCodeDeliveryFailure  = "CodeDeliveryFailureException"
	codeCodeMismatch         = "CodeMismatchException"
	codeDuplicateProvider    = "DuplicateProviderException"
	codeExpiredCode          = "ExpiredCodeException"
	codeFeatureUnavailable   = "FeatureUnavailableInTierException"
	codeEnableTOTP           = "EnableSoftwareTokenMFAException"
	codeGroupExists          = "GroupExistsException"
	codeInternalError        = "InternalErrorException"
	codeInvalidOAuthFlow     = "InvalidOAuthFlowException"
	codeInvalidParameter     = "InvalidParameterException"
	codeInvalidPassword      = "InvalidPasswordException"
	codeLimitExceeded        = "LimitExceededException"
	codeMFAMethodNotFound    = "MFAMethodNotFoundException"
	codeNotAuthorized        = "NotAuthorizedException"
	codePasswordReset        = "PasswordResetRequiredException"
	codeResourceNotFound     = "ResourceNotFoundException"
	codeScopeDoesNotExist    = "ScopeDoesNotExistException"
	codeTOTPNotFound         = "SoftwareTokenMFANotFoundException"
	codeTooManyRequests      = "TooManyRequestsException"
	codeTokenReuse           = "RefreshTokenReuseException"
	codeUnauthorized         = "UnauthorizedException"
	codeUnsupportedOperation = "UnsupportedOperationException"
	codeUnsupportedState     = "UnsupportedUserStateException"
	codeUnsupportedToken     = "UnsupportedTokenTypeException"
	codeUserNotConfirmed     = "UserNotConfirmedException"
	codeUserNotFound         = "UserNotFoundException"
	codeUsernameExists       = "UsernameExistsException"
)

// Texts that several operations share.
const (
	textNoSignUp         = "SignUp is not permitted for this user pool"
	textWrongPassword    = "Incorrect username or password."
	textNoUser           = "User does not exist."
	textNoUserForClient  = "Username/client id combination not found."
	textDisabled         = "User is disabled."
	textNotConfirmed     = "User is not confirmed."
	textResetRequired    = "Password reset required for the user"
	textResetImpossible  = "User password cannot be reset in the current state."
	textNoChannel        = "Cannot reset password for the user as there is no registered/verified email or phone_number"
	textCodeMismatch     = "Invalid verification code provided, please try again."
	textCodeExpired      = "Invalid code provided, please request a code again."
	textTooManyAttempts  = "Attempt limit exceeded, please try after some time."
	textLocked           = "Password attempts exceeded"
	textOTPMismatch      = "Invalid code or auth state for the user."
	textTOTPMismatch     = "Invalid code received for user"
	textTOTPUsed         = "Your software token has already been used once."
	textInvalidAccess    = "Invalid Access Token"
	textInvalidSession   = "Invalid session for the user."
	textSessionUsed      = "Invalid session for the user, session can only be used once."
	textSessionExpired   = "Invalid session for the user, session is expired."
	textInvalidRefresh   = "Invalid Refresh Token"
	textRevokedRefresh   = "Refresh Token has been revoked"
	textUnauthorizedAttr = "A client attempted to write unauthorized attribute"
)

// refuse gives the error that the client sees, and the reason that only the
// log line says.
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

package bucket

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// The error codes, with the statuses of
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList.
const (
	codeAccessDenied             = "AccessDenied"
	codeACLNotSupported          = "AccessControlListNotSupported"
	codeAuthHeaderMalformed      = "AuthorizationHeaderMalformed"
	codeAuthQueryParameters      = "AuthorizationQueryParametersError"
	codeBadDigest                = "BadDigest"
	codeContentSHA256Mismatch    = "XAmzContentSHA256Mismatch"
	codeEntityTooLarge           = "EntityTooLarge"
	codeEntityTooSmall           = "EntityTooSmall"
	codeExpiredToken             = "ExpiredToken"
	codeIncompleteBody           = "IncompleteBody"
	codeInternalError            = "InternalError"
	codeInvalidAccessKeyID       = "InvalidAccessKeyId"
	codeInvalidArgument          = "InvalidArgument"
	codeInvalidBucketName        = "InvalidBucketName"
	codeInvalidDigest            = "InvalidDigest"
	codeInvalidPart              = "InvalidPart"
	codeInvalidPartNumber        = "InvalidPartNumber"
	codeInvalidPartOrder         = "InvalidPartOrder"
	codeInvalidPolicyDocument    = "InvalidPolicyDocument"
	codeInvalidRange             = "InvalidRange"
	codeInvalidRequest           = "InvalidRequest"
	codeInvalidStorageClass      = "InvalidStorageClass"
	codeInvalidTag               = "InvalidTag"
	codeInvalidToken             = "InvalidToken"
	codeInvalidURI               = "InvalidURI"
	codeKeyTooLong               = "KeyTooLongError"
	codeMalformedPOST            = "MalformedPOSTRequest"
	codeMalformedXML             = "MalformedXML"
	codeMaxMessageLengthExceeded = "MaxMessageLengthExceeded"
	codeMetadataTooLarge         = "MetadataTooLarge"
	codeMethodNotAllowed         = "MethodNotAllowed"
	codeMissingContentLength     = "MissingContentLength"
	codeMissingSecurityHeader    = "MissingSecurityHeader"
	codeNoSuchBucket             = "NoSuchBucket"
	codeNoSuchCORS               = "NoSuchCORSConfiguration"
	codeNoSuchKey                = "NoSuchKey"
	codeNoSuchUpload             = "NoSuchUpload"
	codeNoSuchVersion            = "NoSuchVersion"
	codeNotImplemented           = "NotImplemented"
	codePreconditionFailed       = "PreconditionFailed"
	codeRequestTimeTooSkewed     = "RequestTimeTooSkewed"
	codeRequestTimeout           = "RequestTimeout"
	codeSignatureDoesNotMatch    = "SignatureDoesNotMatch"
	codeBucketExists             = "BucketAlreadyOwnedByYou"
	codeBucketNotEmpty           = "BucketNotEmpty"
)

// statuses are those of the codes that are not 400.
var statuses = map[string]int{
	codeAccessDenied: 403, codeInternalError: 500, codeInvalidAccessKeyID: 403, codeInvalidRange: 416,
	codeMethodNotAllowed: 405, codeMissingContentLength: 411, codeNoSuchBucket: 404, codeNoSuchCORS: 404,
	codeNoSuchKey: 404, codeNoSuchUpload: 404, codeNoSuchVersion: 404, codeNotImplemented: 501,
	codePreconditionFailed: 412, codeRequestTimeTooSkewed: 403, codeSignatureDoesNotMatch: 403,
	codeBucketExists: 409, codeBucketNotEmpty: 409, codeInvalidPartNumber: 416,
}

// detail is an element that an error has beside its message.
type detail struct{ name, value string }

// refusal is an error as S3 puts it on the wire.
type refusal struct {
	Code, Message string
	Status        int
	// Err is the cause, which goes to the log alone.
	Err     error
	details []detail
	// header is set on the answer.
	header http.Header
}

// Error gives the code and the message, then the cause.
func (e *refusal) Error() string {
	if e.Err != nil {
		return e.Code + ": " + e.Message + ": " + e.Err.Error()
	}
	return e.Code + ": " + e.Message
}

// Unwrap gives the cause.
func (e *refusal) Unwrap() error { return e.Err }

// refuse makes a refusal. The details are names and values in turn.
func refuse(code, message string, details ...string) *refusal {
	e := &refusal{Code: code, Message: message, Status: http.StatusBadRequest}
	if status, ok := statuses[code]; ok {
		e.Status = status
	}
	for i := 0; i+1 < len(details); i += 2 {
		e.details = append(e.details, detail{details[i], details[i+1]})
	}
	return e
}

// because notes the cause, which goes to the log alone.
func (e *refusal) because(err error) *refusal {
	e.Err = err
	return e
}

func invalidArgument(message, name, value string) *refusal {
	return refuse(codeInvalidArgument, message, "ArgumentName", name, "ArgumentValue", value)
}

func noSuchBucket(name string) *refusal {
	return refuse(codeNoSuchBucket, "The specified bucket does not exist", "BucketName", name)
}

func noSuchKey(key string) *refusal {
	return refuse(codeNoSuchKey, "The specified key does not exist.", "Key", key)
}

func noSuchUpload(id string) *refusal {
	return refuse(codeNoSuchUpload,
		"The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.", "UploadId", id)
}

func preconditionFailed(condition string) *refusal {
	return refuse(codePreconditionFailed, "At least one of the pre-conditions you specified did not hold", "Condition", condition)
}

func malformedXML(err error) *refusal {
	return refuse(codeMalformedXML, "The XML you provided was not well-formed or did not validate against our published schema").because(err)
}

// notImplemented refuses what a header or a parameter asks for.
func notImplemented(what string) *refusal {
	return refuse(codeNotImplemented, "A header you provided implies functionality that is not implemented", "Header", what)
}

func tooLarge(size, limit int64) *refusal {
	return refuse(codeEntityTooLarge, "Your proposed upload exceeds the maximum allowed size",
		"ProposedSize", strconv.FormatInt(size, 10), "MaxSizeAllowed", strconv.FormatInt(limit, 10))
}

// onWire gives the refusal that an error is. A stranger is an InternalError,
// and its text stays with us.
func onWire(err error) *refusal {
	if r := (*refusal)(nil); errors.As(err, &r) {
		return r
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return refuse(codeRequestTimeout, "Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed.").because(err)
	}
	return refuse(codeInternalError, "We encountered an internal error. Please try again.").because(fmt.Errorf("serving the request: %w", err))
}

package gateway

import (
	"errors"
	"net/http"
)

// A refusal is an answer that the gateway makes by itself.
type refusal int

const (
	notFound           refusal = http.StatusNotFound
	unauthorized       refusal = http.StatusUnauthorized
	forbidden          refusal = http.StatusForbidden
	internalError      refusal = http.StatusInternalServerError
	serviceUnavailable refusal = http.StatusServiceUnavailable
	tooLarge           refusal = http.StatusRequestEntityTooLarge
	headersTooLarge    refusal = http.StatusRequestHeaderFieldsTooLarge
	badRequest         refusal = http.StatusBadRequest
)

// body gives the bytes of a refusal, which clients compare: unlike those of
// REST APIs they have no space after the colon.
//
// Observed, but for tooLarge, which AWS's own .NET test tool has, and the two
// below it, which are not documented.
func (a refusal) body() string {
	switch a {
	case notFound:
		return `{"message":"Not Found"}`
	case unauthorized:
		return `{"message":"Unauthorized"}`
	case forbidden:
		return `{"message":"Forbidden"}`
	case serviceUnavailable:
		return `{"message":"Service Unavailable"}`
	case tooLarge:
		return `{"message":"Request Entity Too Large"}`
	case headersTooLarge:
		return `{"message":"Request Header Fields Too Large"}`
	case badRequest:
		return `{"message":"Bad Request"}`
	}
	return `{"message":"Internal Server Error"}`
}

// The causes of refusals, for the log.
var (
	errNoRoute         = errors.New("no route matches")
	errBodyTooLarge    = errors.New("the request body is larger than 10 MB")
	errEventTooLarge   = errors.New("the event is larger than Lambda's 6 MB")
	errHeadersTooLarge = errors.New("request line and header values are larger than 10,240 bytes")
)

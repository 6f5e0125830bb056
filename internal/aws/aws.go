// Package aws holds the words that every room shares because AWS does: ARNs,
// request ids, coded errors, what a request came to, and the entries of the
// compatibility table.
//
// It decides nothing and imports nothing of ours.
package aws

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// AccountID is the account that a local stage plays. AWS never assigns it, so
// an ARN that leaks from a local stage is recognisable and names no customer.
const AccountID = "000000000000"

// Error is an error as AWS puts it on the wire.
type Error struct {
	// Code is AWS's name of the error, such as "NotAuthorizedException".
	Code string
	// Message is the text that the client sees.
	Message string
	// Status is the HTTP status.
	Status int
	// Err is the cause. It is logged and never sent.
	Err error
}

// Error gives the code and the message, then the cause.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Err)
	}
	return e.Code + ": " + e.Message
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// ARN is an Amazon Resource Name.
type ARN struct {
	Partition, Service, Region, AccountID, Resource string
}

// String gives the ARN's text, with the partition "aws" if none is set.
func (a ARN) String() string {
	partition := a.Partition
	if partition == "" {
		partition = "aws"
	}
	return strings.Join([]string{"arn", partition, a.Service, a.Region, a.AccountID, a.Resource}, ":")
}

// ParseARN reads an ARN. Its resource part may hold colons.
func ParseARN(s string) (ARN, error) {
	part := strings.SplitN(s, ":", 6)
	if len(part) != 6 || part[0] != "arn" || part[1] == "" || part[2] == "" || part[5] == "" {
		return ARN{}, fmt.Errorf("parsing %q: an ARN is arn:partition:service:region:account:resource", s)
	}
	return ARN{Partition: part[1], Service: part[2], Region: part[3], AccountID: part[4], Resource: part[5]}, nil
}

// NewRequestID gives a new request id: a random UUID (RFC 9562, version 4).
func NewRequestID() string {
	var b [16]byte
	rand.Read(b[:]) // crypto/rand.Read never fails since Go 1.24.
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[0:], b[0:4])
	hex.Encode(text[9:], b[4:6])
	hex.Encode(text[14:], b[6:8])
	hex.Encode(text[19:], b[8:10])
	hex.Encode(text[24:], b[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

// RandomText gives n characters of an alphabet of at most 256, each equally
// likely.
func RandomText(alphabet string, n int) string {
	limit := 256 - 256%len(alphabet) // bytes from here on would favour the first characters
	text := make([]byte, 0, n)
	var b [64]byte
	for {
		rand.Read(b[:])
		for _, c := range b {
			if int(c) >= limit {
				continue
			}
			if text = append(text, alphabet[int(c)%len(alphabet)]); len(text) == n {
				return string(text)
			}
		}
	}
}

// Printable quotes what a caller could use to write to the user's terminal,
// and shortens what would not fit.
func Printable(s string) string {
	const most = 400
	s = strings.TrimSpace(s)
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	if strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) >= 0 {
		return strconv.Quote(s)
	}
	return s
}

// Operation is one row of the compatibility table: what is emulated and what
// is refused.
type Operation struct {
	// Service is AWS's name of the service, such as "cognito-idp".
	Service string
	// Name is the operation's wire name.
	Name string
	// Status is "emulated" or "refused".
	Status string
	// Auth says who may call: "signed", "unsigned" or "access token".
	Auth string
	// Note says what a caller would not expect.
	Note string
}

// Assumption is a choice made where what AWS does is not documented and could
// not be observed. The choice is the strict one; COMPAT.md lists them all.
type Assumption struct {
	// Area is the part that it belongs to, such as "HTTP API, JWT authorizer".
	Area string
	// Question is what is not known.
	Question string
	// Choice is what we do.
	Choice string
	// Why is the reason for the choice.
	Why string
}

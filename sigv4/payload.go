package sigv4

import (
	"net/http"
	"strconv"
	"strings"
)

// What X-Amz-Content-Sha256 says to S3 in the place of a hash
// (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html).
const (
	// UnsignedPayload leaves the body out of the signature.
	UnsignedPayload = "UNSIGNED-PAYLOAD"

	streamSigned          = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	streamSignedTrailer   = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	streamUnsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
)

// payloadKind says what a request's signature covers of its body.
type payloadKind int

const (
	payloadHash payloadKind = iota // the hash of all of it
	payloadUnsigned
	payloadChunks         // each chunk has a signature of its own
	payloadChunksTrailer  // and so has the trailer
	payloadChunksUnsigned // in chunks with a trailer, without signatures
)

var payloadKinds = map[string]payloadKind{
	UnsignedPayload:       payloadUnsigned,
	streamSigned:          payloadChunks,
	streamSignedTrailer:   payloadChunksTrailer,
	streamUnsignedTrailer: payloadChunksUnsigned,
}

// payload is what a request to S3 says of its body.
type payload struct {
	kind payloadKind
	// text is what stands for it in the canonical request.
	text string
	// length is how long the data in the chunks is, and trailers are the names
	// of what follows them.
	length   int64
	trailers []string
}

// maxTrailers is how many headers may follow a body. AWS knows of checksums
// only, of which a request has one.
const maxTrailers = 8

// readPayload reads what a request to S3 says of its body. inQuery is the
// presigned query's word for it, to which SDKs move the header.
func readPayload(r *http.Request, form Form, inQuery string) (payload, error) {
	text := r.Header.Get(headerContentHash)
	if form == QueryForm {
		if inQuery != "" && text != "" && inQuery != text {
			return payload{}, &Error{Reason: PayloadHashInvalid, Message: "The request has two values of x-amz-content-sha256."}
		}
		for _, said := range []string{inQuery, UnsignedPayload} {
			if text == "" {
				text = said
			}
		}
	}
	p := payload{kind: payloadKinds[text], text: text}
	switch {
	case text == "":
		return payload{}, &Error{Reason: PayloadHashMissing, Message: "Missing required header for this request: x-amz-content-sha256"}
	case strings.HasPrefix(text, "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"):
		return payload{}, &Error{Reason: Unsupported, Message: "x-amz-content-sha256 " + text + " is not supported; sign with AWS4-HMAC-SHA256."}
	case p.kind == payloadHash:
		if _, err := ParseSignature(text); err != nil { // A hash looks the same.
			return payload{}, &Error{Reason: PayloadHashInvalid, Message: "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, " +
				"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value."}
		}
	case p.kind != payloadUnsigned && form == QueryForm:
		return payload{}, &Error{Reason: Unsupported, Message: "A presigned query cannot have a body in signed chunks."}
	case p.kind != payloadUnsigned:
		if err := p.readChunked(r); err != nil {
			return payload{}, err
		}
	}
	return p, nil
}

// readChunked reads the headers that go with a body in chunks.
func (p *payload) readChunked(r *http.Request) error {
	text := r.Header.Get(headerDecodedLength)
	if text == "" {
		return &Error{Reason: LengthMissing, Message: "You must provide the x-amz-decoded-content-length HTTP header."}
	}
	length, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return &Error{Reason: LengthMissing, Message: "x-amz-decoded-content-length must be a number.", Err: err}
	}
	p.length = int64(length)
	trailer := strings.ToLower(r.Header.Get(headerTrailer))
	if trailer == "" {
		return nil
	}
	if p.kind == payloadChunks {
		return &Error{Reason: PayloadHashInvalid, Message: "x-amz-content-sha256 " + p.text + " does not go with x-amz-trailer."}
	}
	for name := range strings.SplitSeq(trailer, ",") {
		name = strings.Trim(name, " \t")
		if !isHeaderName(name) || len(p.trailers) == maxTrailers {
			return &Error{Reason: ChunkMalformed, Message: "x-amz-trailer must be names of headers, separated by commas."}
		}
		p.trailers = append(p.trailers, name)
	}
	return nil
}

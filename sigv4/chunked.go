package sigv4

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// MaxChunk is how large a signed chunk may be. All of one is held until its
// signature is verified. AWS gives no bound; its SDKs send 64 KiB to 1 MiB.
const MaxChunk = 16 << 20

// maxLine bounds the line before a chunk and a line of the trailer.
const maxLine = 4 << 10

// Body is the body of a request to S3. It verifies what it reads: a request is
// good when Read has given io.EOF, and not before. Any other error refuses it,
// and what has been read up to there must be thrown away.
//
// What is in signed chunks is given only after the chunk's signature has been
// verified. A body that is signed by its hash is given as it comes, and refused
// at its end.
type Body struct {
	r      io.Reader
	length int64
	chunks *chunks
}

func newBody(src io.Reader, length int64, said payload, c *claim) *Body {
	if src == nil {
		src = http.NoBody
	}
	switch said.kind {
	case payloadUnsigned:
		return &Body{r: src, length: length}
	case payloadHash:
		return &Body{r: &hashedBody{src: src, hash: sha256.New(), want: said.text, claim: c}, length: length}
	}
	chunks := &chunks{src: bufio.NewReaderSize(src, maxLine), said: said, claim: c, previous: c.Signature, remaining: said.length}
	return &Body{r: chunks, length: said.length, chunks: chunks}
}

// Read reads the body's data. Its errors are an *[Error], or what reading the
// request's body has given.
func (b *Body) Read(p []byte) (int, error) { return b.r.Read(p) }

// Length is how long the data is, or -1 if the request does not say.
func (b *Body) Length() int64 { return b.length }

// Trailer gives the headers that have followed the data, once Read has given
// io.EOF. They are those that X-Amz-Trailer names.
func (b *Body) Trailer() http.Header {
	if b.chunks == nil || b.chunks.err != io.EOF {
		return nil
	}
	return b.chunks.trailer
}

// hashedBody is a body whose hash is signed.
type hashedBody struct {
	src   io.Reader
	hash  hash.Hash
	want  string
	claim *claim
}

func (b *hashedBody) Read(p []byte) (int, error) {
	n, err := b.src.Read(p)
	b.hash.Write(p[:n])
	if err == io.EOF && !hmac.Equal([]byte(hex.EncodeToString(b.hash.Sum(nil))), []byte(b.want)) {
		err = &Error{Reason: PayloadMismatch, Form: b.claim.form, Scope: b.claim.Scope,
			Message: "The provided 'x-amz-content-sha256' header does not match what was computed."}
	}
	return n, err
}

// chunks is a body in AWS's chunks
// (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html,
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html).
type chunks struct {
	src      *bufio.Reader
	said     payload
	claim    *claim
	previous Signature // of the chunk before, of the request at first

	remaining int64        // of the length that the request says
	verified  bytes.Buffer // data of a signed chunk
	open      int64        // of an unsigned chunk, what is still to come
	trailer   http.Header
	err       error // what ended it
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(p) == 0 && c.err == nil {
		return 0, nil
	}
	for c.verified.Len() == 0 && c.open == 0 && c.err == nil {
		c.err = c.next()
	}
	switch {
	case c.err != nil:
		return 0, c.err
	case c.verified.Len() > 0:
		return c.verified.Read(p)
	}
	n, err := c.src.Read(p[:min(int64(len(p)), c.open)])
	c.open -= int64(n)
	if err != nil {
		c.err = c.cut(err)
	} else if c.open == 0 {
		c.err = c.endOfLine()
	}
	return n, c.err
}

// next reads a chunk's line and, of a signed chunk, all of it. It gives io.EOF
// at the end of a body that is good.
func (c *chunks) next() error {
	size, signature, err := c.head()
	if err != nil {
		return err
	}
	switch {
	case size > c.remaining:
		return c.incomplete(nil)
	case size == 0 && c.remaining > 0:
		return c.incomplete(nil)
	}
	c.remaining -= size
	if c.said.kind == payloadChunksUnsigned {
		if c.open = size; size > 0 {
			return nil
		}
		return c.end()
	}
	// Not Grow: memory is taken as the data comes.
	if _, err := io.CopyN(&c.verified, c.src, size); err != nil {
		return c.cut(err)
	}
	if err := c.verify("AWS4-HMAC-SHA256-PAYLOAD", hexHash(nil)+"\n"+hexHash(c.verified.Bytes()), signature); err != nil {
		return err
	}
	if size == 0 {
		return c.end()
	}
	return c.endOfLine()
}

// verify verifies a link of the chain that begins with the request's signature.
func (c *chunks) verify(algorithm, hashes string, signature Signature) error {
	toSign := algorithm + "\n" + c.claim.signedAt.Format(iso8601) + "\n" + c.claim.Scope.String() + "\n" + c.previous.String() + "\n" + hashes
	c.previous = signature
	return c.claim.check(toSign, "", signature)
}

// head reads the line before a chunk: its size in hexadecimal digits and, if
// chunks are signed, its signature.
func (c *chunks) head() (int64, Signature, error) {
	fail := func(message string) (int64, Signature, error) { return 0, Signature{}, c.malformed(message) }
	line, err := c.line()
	if err != nil {
		return 0, Signature{}, err
	}
	if line, err = crlf(line); err != nil {
		return fail("The line before a chunk must end in CRLF.")
	}
	digits, extension, _ := strings.Cut(line, ";")
	if digits == "" || len(digits) > 15 || strings.Trim(digits, "0123456789abcdefABCDEF") != "" || len(digits) > 1 && digits[0] == '0' {
		return fail("A chunk's size must be a hexadecimal number.")
	}
	size, err := strconv.ParseInt(digits, 16, 64)
	if err != nil {
		return fail("A chunk's size must be a hexadecimal number.")
	}
	if c.said.kind == payloadChunksUnsigned {
		if line != digits {
			return fail("A chunk of an unsigned body must have no signature.")
		}
		return size, Signature{}, nil
	}
	if size > MaxChunk {
		return 0, Signature{}, &Error{Reason: TooLarge, Form: c.claim.form, Message: fmt.Sprintf("A signed chunk is larger than %d bytes.", MaxChunk)}
	}
	text, ok := strings.CutPrefix(extension, "chunk-signature=")
	signature, err := ParseSignature(text)
	if !ok || err != nil {
		return fail("A chunk must have a chunk-signature of 64 lower-case hexadecimal digits.")
	}
	return size, signature, nil
}

// end reads what follows the last chunk, which is the end of the line, or a
// trailer, and then nothing.
func (c *chunks) end() error {
	c.trailer = http.Header{}
	signed := c.said.kind == payloadChunksTrailer
	var hashed strings.Builder
	for range c.said.trailers {
		name, value, err := c.field()
		if err != nil {
			return err
		}
		if !slices.Contains(c.said.trailers, name) || len(c.trailer.Values(name)) > 0 {
			return c.malformed("The trailer must hold the headers that x-amz-trailer names, each once.")
		}
		c.trailer.Set(name, value)
		hashed.WriteString(name + ":" + value + "\n")
	}
	if signed {
		name, value, err := c.field()
		if err != nil {
			return err
		}
		signature, err := ParseSignature(value)
		if err != nil || name != "x-amz-trailer-signature" {
			return c.malformed("The trailer must end with x-amz-trailer-signature.")
		}
		if err := c.verify("AWS4-HMAC-SHA256-TRAILER", hexHash([]byte(hashed.String())), signature); err != nil {
			return err
		}
	}
	return c.nothingMore(signed)
}

// nothingMore reads the empty line at the body's end. AWS's example of a signed
// trailer has none, AWS's SDKs send one.
func (c *chunks) nothingMore(optional bool) error {
	line, err := c.line()
	var cut *Error
	if optional && line == "" && errors.As(err, &cut) && cut.Err == io.EOF {
		return io.EOF
	}
	if err != nil {
		return err
	}
	if line != "\r\n" {
		return c.malformed("The last chunk must be followed by an empty line.")
	}
	switch _, err := c.src.ReadByte(); {
	case err == nil:
		return c.malformed("The body goes on after its end.")
	case err != io.EOF:
		return c.cut(err)
	}
	return io.EOF
}

// field reads a header of the trailer. Some clients end it, as AWS's
// documentation once had it, with LF and CRLF.
func (c *chunks) field() (name, value string, err error) {
	line, err := c.line()
	if err != nil {
		return "", "", err
	}
	text, notCRLF := crlf(line)
	if notCRLF != nil {
		next, err := c.line()
		if err != nil {
			return "", "", err
		}
		if text = strings.TrimSuffix(line, "\n"); next != "\r\n" {
			return "", "", c.malformed("A line of the trailer must end in CRLF.")
		}
	}
	name, value, ok := strings.Cut(text, ":")
	if name = strings.ToLower(name); !ok || !isHeaderName(name) || strings.ContainsAny(value, "\r\n\x00") {
		return "", "", c.malformed("A line of the trailer must be a header.")
	}
	return name, strings.Trim(value, " \t"), nil
}

// line reads up to and with the next LF.
func (c *chunks) line() (string, error) {
	line, err := c.src.ReadSlice('\n')
	switch {
	case err == bufio.ErrBufferFull:
		return "", &Error{Reason: TooLarge, Form: c.claim.form, Message: fmt.Sprintf("A line between chunks is longer than %d bytes.", maxLine)}
	case err == io.EOF && len(line) > 0:
		return "", c.cut(io.ErrUnexpectedEOF)
	case err != nil:
		return "", c.cut(err)
	}
	return string(line), nil
}

func crlf(line string) (string, error) {
	text, ok := strings.CutSuffix(line, "\r\n")
	if !ok {
		return "", io.ErrUnexpectedEOF
	}
	return text, nil
}

// endOfLine reads the CRLF after a chunk's data.
func (c *chunks) endOfLine() error {
	var end [2]byte
	if _, err := io.ReadFull(c.src, end[:]); err != nil {
		return c.cut(err)
	}
	if string(end[:]) != "\r\n" {
		return c.malformed("A chunk must end in CRLF.")
	}
	return nil
}

// cut says an error of reading: a body that ends early is the caller's.
func (c *chunks) cut(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return c.incomplete(err)
	}
	return fmt.Errorf("sigv4: reading a body in chunks: %w", err)
}

func (c *chunks) incomplete(err error) error {
	return &Error{Reason: Incomplete, Form: c.claim.form, Scope: c.claim.Scope, Err: err,
		Message: "You did not provide the number of bytes specified by the x-amz-decoded-content-length HTTP header"}
}

func (c *chunks) malformed(message string) error {
	return &Error{Reason: ChunkMalformed, Form: c.claim.form, Scope: c.claim.Scope, Message: message}
}

package bucket

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	xmlDeclaration = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
	xmlNamespace   = "http://s3.amazonaws.com/doc/2006-03-01/"
	// xmlTime is the form of times in documents: S3 counts in seconds.
	xmlTime = "2006-01-02T15:04:05.000Z"
)

// document writes an XML document element by element, in the order in which
// S3 has them.
type document struct {
	b    bytes.Buffer
	open []string
}

// newDocument begins a document whose root is in S3's namespace.
func newDocument(root string) *document {
	d := &document{open: []string{root}}
	d.b.WriteString(xmlDeclaration + "<" + root + ` xmlns="` + xmlNamespace + `">`)
	return d
}

func (d *document) begin(name string) {
	d.open = append(d.open, name)
	d.b.WriteString("<" + name + ">")
}

func (d *document) end() {
	name := d.open[len(d.open)-1]
	d.open = d.open[:len(d.open)-1]
	d.b.WriteString("</" + name + ">")
}

func (d *document) text(name, value string) {
	d.b.WriteString("<" + name + ">")
	escapeXML(&d.b, value)
	d.b.WriteString("</" + name + ">")
}

// optional writes an element that is left out if it is empty.
func (d *document) optional(name, value string) {
	if value != "" {
		d.text(name, value)
	}
}

func (d *document) number(name string, n int64) { d.text(name, strconv.FormatInt(n, 10)) }

func (d *document) truth(name string, b bool) { d.text(name, strconv.FormatBool(b)) }

func (d *document) time(name string, t time.Time) { d.text(name, t.UTC().Format(xmlTime)) }

// bytes ends the document.
func (d *document) bytes() []byte {
	for len(d.open) > 0 {
		d.end()
	}
	return d.b.Bytes()
}

// escapeXML writes text. What XML has no way to say, such as a control
// character in a key, is a numeric reference, as S3 has it.
func escapeXML(b *bytes.Buffer, s string) {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '"':
			b.WriteString("&quot;")
		case r == utf8.RuneError && size == 1:
			b.WriteRune(utf8.RuneError)
		case r < ' ' && r != '\n' && r != '\t', r == 0x7f, r == 0xfffe, r == 0xffff:
			fmt.Fprintf(b, "&#x%x;", r)
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
}

// errorDocument gives the body of an error. It has no namespace.
func errorDocument(e *refusal, id, hostID string) []byte {
	d := &document{open: []string{"Error"}}
	d.b.WriteString(xmlDeclaration + "<Error>")
	d.text("Code", e.Code)
	d.text("Message", e.Message)
	for _, x := range e.details {
		d.text(x.name, x.value)
	}
	d.text("RequestId", id)
	d.text("HostId", hostID)
	return d.bytes()
}

// maxXML bounds a request's document: 10,000 parts with a checksum each, or
// 1,000 keys of 1,024 bytes that are escaped.
const maxXML = 4 << 20

// readXML reads a document with one root element into v.
func readXML(body io.Reader, root string, v any) error {
	b, err := io.ReadAll(io.LimitReader(body, maxXML+1))
	if err != nil {
		return err
	}
	if len(b) > maxXML {
		return refuse(codeMaxMessageLengthExceeded, "Your request was too big.")
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return malformedXML(errors.New("the body is empty"))
	}
	if !utf8.Valid(b) {
		return malformedXML(errors.New("the body is not UTF-8"))
	}
	if err := checkXML(b, root); err != nil {
		return malformedXML(err)
	}
	if err := xml.Unmarshal(b, v); err != nil {
		return malformedXML(err)
	}
	return nil
}

// maxXMLDepth is more than any document of S3 has.
const maxXMLDepth = 16

// checkXML refuses what Unmarshal passes over: another root, something behind
// it, a document type, depth without end.
func checkXML(b []byte, root string) error {
	d := xml.NewDecoder(bytes.NewReader(b))
	depth, roots := 0, 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			if roots != 1 {
				return fmt.Errorf("the document has no %s", root)
			}
			return nil
		}
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.Directive:
			return errors.New("a document type")
		case xml.StartElement:
			if depth == 0 {
				if roots++; roots > 1 || t.Name.Local != root || t.Name.Space != "" && t.Name.Space != xmlNamespace {
					return fmt.Errorf("the root is %.60q, not %s", t.Name.Local, root)
				}
			}
			if depth++; depth > maxXMLDepth {
				return errors.New("the elements are nested too deep")
			}
		case xml.EndElement:
			depth--
		case xml.CharData:
			if depth == 0 && strings.TrimSpace(string(t)) != "" {
				return errors.New("text outside of the root")
			}
		}
	}
}

// writeXML answers with a document.
func (c *call) writeXML(status int, d *document) error {
	return c.writeBody(status, "application/xml", d.bytes())
}

func (c *call) writeBody(status int, contentType string, b []byte) error {
	h := c.w.Header()
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	h.Set("Content-Length", strconv.Itoa(len(b)))
	c.begun = true
	c.w.WriteHeader(status)
	if c.r.Method == http.MethodHead {
		return nil
	}
	_, err := c.w.Write(b)
	return err
}

// writeEmpty answers without a body.
func (c *call) writeEmpty(status int) error {
	if status != http.StatusNoContent && status != http.StatusNotModified {
		c.w.Header().Set("Content-Length", "0")
	}
	c.begun = true
	c.w.WriteHeader(status)
	return nil
}

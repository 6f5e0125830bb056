// Package awsquery is the codec of the AWS query protocol: it turns HTTP requests
// into parameters, and results and errors into the XML that AWS's clients expect.
//
// It decides nothing: which operations exist, who may call them and what they do is
// the caller's. It holds no clock, no store and no policy.
//
// The protocol is that of https://smithy.io/2.0/aws/protocols/aws-query-protocol.html.
package awsquery

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/doorwright/doorwright/internal/aws"
)

const (
	// MaxBody bounds a request's body: the largest of STS has a token of 20,000
	// characters and a policy of 2048.
	MaxBody = 128 << 10
	// maxParameters bounds how many there are.
	maxParameters = 1000

	formType = "application/x-www-form-urlencoded"
)

// Form is the parameters of a request, each of which is there once.
type Form struct {
	values map[string]string
}

// ReadBody reads the request's body, up to MaxBody bytes.
func ReadBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, &aws.Error{Code: "RequestEntityTooLarge", Message: fmt.Sprintf("Request body is larger than %d bytes", tooLarge.Limit), Status: http.StatusRequestEntityTooLarge, Err: err}
	case err != nil:
		return nil, malformed(fmt.Errorf("reading the request body: %w", err))
	}
	return body, nil
}

// Parse reads the parameters: of a POST from its body, unless that is empty, and
// of a GET from its query. What signs a query is not among them.
func Parse(r *http.Request, body []byte) (Form, error) {
	text := r.URL.RawQuery
	if r.Method == http.MethodPost && len(body) > 0 {
		if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != formType {
			return Form{}, malformed(fmt.Errorf("the content type is not %s", formType))
		}
		text = string(body)
	}
	if strings.Count(text, "&") >= maxParameters {
		return Form{}, malformed(fmt.Errorf("there are more than %d parameters", maxParameters))
	}
	all, err := url.ParseQuery(text)
	if err != nil {
		return Form{}, malformed(err)
	}
	f := Form{values: make(map[string]string, len(all))}
	for name, values := range all {
		if len(values) > 1 {
			return Form{}, malformed(fmt.Errorf("parameter %.60q is there twice", name))
		}
		if !strings.HasPrefix(name, "X-Amz-") {
			f.values[name] = values[0]
		}
	}
	return f, nil
}

// malformed is the common error of the query protocol's services
// (https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html).
func malformed(err error) *aws.Error {
	return &aws.Error{Code: "MalformedQueryString", Message: "The query string contains a syntax error.", Status: http.StatusNotFound, Err: err}
}

// Get gives a parameter, and whether it is there.
func (f Form) Get(name string) (string, bool) {
	v, ok := f.values[name]
	return v, ok
}

// Has says whether there is a parameter, or a list or a structure, of this name.
func (f Form) Has(name string) bool {
	for n := range f.values {
		if rest, ok := strings.CutPrefix(n, name); ok && (rest == "" || rest[0] == '.') {
			return true
		}
	}
	return false
}

// List gives the members of a list of structures, NAME.member.1.FIELD and so on,
// as far as they are numbered without a gap.
func (f Form) List(name string) []Form {
	var list []Form
	for i := 1; ; i++ {
		prefix := name + ".member." + strconv.Itoa(i) + "."
		member := Form{values: map[string]string{}}
		for n, v := range f.values {
			if field, ok := strings.CutPrefix(n, prefix); ok {
				member.values[field] = v
			}
		}
		if len(member.values) == 0 {
			return list
		}
		list = append(list, member)
	}
}

// metadata is at the end of each answer.
type metadata struct {
	XMLName   xml.Name `xml:"ResponseMetadata"`
	RequestID string   `xml:"RequestId"`
}

// WriteResult answers 200 with the result of an operation, a structure whose
// fields are named as the model's.
func WriteResult(w http.ResponseWriter, requestID, namespace, operation string, result any) error {
	var b bytes.Buffer
	e := xml.NewEncoder(&b)
	e.Indent("", "  ")
	root := xml.StartElement{Name: xml.Name{Local: operation + "Response"}, Attr: []xml.Attr{{Name: xml.Name{Local: "xmlns"}, Value: namespace}}}
	err := errors.Join(
		e.EncodeToken(root),
		e.EncodeElement(result, xml.StartElement{Name: xml.Name{Local: operation + "Result"}}),
		e.Encode(metadata{RequestID: requestID}),
		e.EncodeToken(root.End()),
		e.Close(),
	)
	if err != nil {
		return fmt.Errorf("encoding the result of %s: %w", operation, err)
	}
	return write(w, requestID, http.StatusOK, &b)
}

type errorBody struct {
	Type    string `xml:"Type"`
	Code    string `xml:"Code"`
	Message string `xml:"Message"`
}

type errorResponse struct {
	XMLName   xml.Name  `xml:"ErrorResponse"`
	Namespace string    `xml:"xmlns,attr"`
	Error     errorBody `xml:"Error"`
	RequestID string    `xml:"RequestId"`
}

// WriteError answers with e. Whose fault it is goes by the status.
func WriteError(w http.ResponseWriter, requestID, namespace string, e *aws.Error) error {
	status, fault := e.Status, "Sender"
	if status == 0 {
		status = http.StatusBadRequest
	}
	if status >= 500 {
		fault = "Receiver"
	}
	text, err := xml.MarshalIndent(errorResponse{Namespace: namespace, Error: errorBody{fault, e.Code, e.Message}, RequestID: requestID}, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the error: %w", err)
	}
	return write(w, requestID, status, bytes.NewBuffer(text))
}

// WritePreflight answers a browser's preflight: browsers call
// AssumeRoleWithWebIdentity. Every header asked for is allowed, for what decides is
// the signature or the token, and never a cookie.
func WritePreflight(w http.ResponseWriter, r *http.Request, requestID string) {
	cors(w, requestID)
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	if names := r.Header.Get("Access-Control-Request-Headers"); names != "" {
		h.Set("Access-Control-Allow-Headers", names)
	}
	h.Set("Access-Control-Max-Age", "172800")
	w.WriteHeader(http.StatusOK)
}

func cors(w http.ResponseWriter, requestID string) {
	h := w.Header()
	// The name is written as AWS writes it, which net/http's form would not keep.
	h["x-amzn-RequestId"] = []string{requestID}
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date")
}

func write(w http.ResponseWriter, requestID string, status int, b *bytes.Buffer) error {
	cors(w, requestID)
	w.Header().Set("Content-Type", "text/xml")
	b.WriteByte('\n')
	w.WriteHeader(status)
	_, err := w.Write(b.Bytes())
	return err
}

package table

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/wire/awsjson"
	"github.com/doorwright/doorwright/sigv4"
)

// MaxBody is the most bytes of a request: a BatchWriteItem has up to 16 MB.
const MaxBody = 16<<20 + 64<<10

const (
	// contentType is the media type of AWS JSON 1.0.
	contentType = "application/x-amz-json-1.0"
	// maxDepth bounds the nesting of a request. A value may have 32 levels, each a
	// type and a list or a map
	// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html).
	maxDepth = 2*32 + 8
	// maxAnswer is the most bytes of an engine's answer: BatchGetItem gives up to 16 MB
	// of items, which are more in JSON.
	maxAnswer = 64 << 20
)

const (
	codeValidation    = "ValidationException"
	codeSerialization = "SerializationException"
	codeNotFound      = "ResourceNotFoundException"
	codeAccessDenied  = "AccessDeniedException"
	codeInternal      = "InternalServerError"
	codeUnknown       = "UnknownOperationException"
)

// ServeHTTP answers operations at /.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e := &Event{Outcome: aws.Begin(r, "?", s.cfg.Now())}
	aws.SetDate(w, e.Time)
	if r.Method == http.MethodOptions {
		awsjson.WritePreflight(w, r, e.RequestID)
		return
	}
	status, body, err := s.answer(w, r, e)
	if err != nil {
		refusal := onWire(err)
		e.Refuse(refusal)
		status, body = refusal.Status, errorBody(refusal)
	}
	e.Status = status
	e.End(s.cfg.Now())
	s.cfg.Log(*e)
	h := w.Header()
	h["x-amzn-RequestId"] = []string{e.RequestID}
	h["x-amz-crc32"] = []string{strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10)}
	h.Set("Content-Type", contentType)
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "x-amzn-RequestId,x-amzn-ErrorType,x-amz-crc32,Date")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client went away
}

// answer gives the status and the body of what the engine says, or a refusal.
func (s *Service) answer(w http.ResponseWriter, r *http.Request, e *Event) (int, []byte, error) {
	if r.Method != http.MethodPost {
		return 0, nil, &aws.Error{Code: codeUnknown, Status: http.StatusMethodNotAllowed, Err: errors.New("method " + r.Method)}
	}
	service, name, ok := awsjson.Target(r.Header)
	if !ok || service != Target {
		return 0, nil, awsjson.Unknown("no X-Amz-Target of DynamoDB")
	}
	e.Operation = name
	// Whoever is refused for anything but what the body is need not be listened to.
	var refused *sigv4.Error
	if _, err := s.cfg.Authenticate(r, nil); errors.As(err, &refused) && refused.Reason != sigv4.SignatureMismatch {
		return 0, nil, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err != nil {
		return 0, nil, &aws.Error{Code: codeSerialization, Message: "Request body could not be read", Status: http.StatusRequestEntityTooLarge, Err: err}
	}
	decide, err := s.cfg.Authenticate(r, body)
	if err != nil {
		return 0, nil, err
	}
	op, ok := operations[name]
	if !ok {
		return 0, nil, awsjson.Unknown("it is not let through; see COMPAT.md")
	}
	members, err := awsjson.ParseNested(body, maxDepth)
	if err != nil {
		return 0, nil, err
	}
	return s.perform(r.Context(), e, op, members, decide)
}

// perform asks the engine, once all that the request touches may be touched.
func (s *Service) perform(ctx context.Context, e *Event, op operation, members awsjson.Object, decide Decide) (int, []byte, error) {
	missing := false
	find := func(table string) (*schema, error) {
		found, err := s.schema(ctx, table)
		missing = missing || err == nil && found == nil
		return found, err
	}
	list, err := op(find, &request{members: members})
	if len(list) > 0 {
		e.Table = s.nameOf(list[0].table)
	}
	if err != nil {
		return 0, nil, err
	}
	for _, a := range list {
		d, err := decide(iam.Request{Action: "dynamodb:" + a.action, Resource: s.arn(a.table, a.index), Context: a.context})
		e.Decisions = iam.Keep(e.Decisions, d)
		e.touch(s, a)
		if err != nil {
			return 0, nil, &aws.Error{Code: codeAccessDenied, Message: err.Error(), Status: http.StatusBadRequest, Err: errors.Unwrap(err)}
		}
	}
	if missing { // Where there is no schema nothing is forwarded: a table made meanwhile would be open.
		return 0, nil, awsjson.Refuse(codeNotFound, "Requested resource not found", "")
	}
	if t := s.tables[list[0].table]; t != nil && (e.Operation == "DeleteTable" || e.Operation == "UpdateTable" || e.Operation == "UpdateTimeToLive") {
		return 0, nil, invalid("%s is declared as tables.%s in doorwright.yaml: change it there", t.TableName, t.Name)
	}
	return s.forward(ctx, e, members)
}

// forward gives the engine's answer to the request as it was parsed, written anew. An
// engine's parser may read the caller's bytes as another request than was decided on:
// surrogates without their other half, nulls, names that are spelt with escapes.
func (s *Service) forward(ctx context.Context, e *Event, members awsjson.Object) (int, []byte, error) {
	body, err := json.Marshal(members) // keeps numbers as they were written
	if err != nil {
		return 0, nil, fmt.Errorf("writing the request for the engine: %w", err)
	}
	resp, err := s.cfg.Engine.Do(ctx, e.Operation, body)
	if err != nil {
		return 0, nil, &aws.Error{Code: codeInternal, Message: "The engine of the local tables does not answer", Status: http.StatusInternalServerError, Err: err}
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && resp.StatusCode != http.StatusOK && resp.StatusCode < http.StatusBadRequest {
		err = fmt.Errorf("it answers %s", resp.Status)
	}
	if err != nil || len(answer) > maxAnswer {
		return 0, nil, &aws.Error{Code: codeInternal, Message: "The engine of the local tables did not answer whole", Status: http.StatusInternalServerError, Err: err}
	}
	if resp.StatusCode != http.StatusOK {
		if o, err := awsjson.ParseNested(answer, maxDepth); err == nil {
			kind, _ := o["__type"].(string)
			_, e.Code, _ = strings.Cut(kind, "#")
			e.Message, _ = o["message"].(string)
		}
	}
	return resp.StatusCode, answer, nil
}

// nameOf gives what the log calls a table.
func (s *Service) nameOf(table string) string {
	if t := s.tables[table]; t != nil {
		return t.Name
	}
	return table
}

// namespaces are what comes before the code in an error's __type: those of the
// front end, and those of DynamoDB itself.
var namespaces = map[string]string{
	codeValidation: "com.amazon.coral.validate#", codeNotFound: "com.amazonaws.dynamodb.v20120810#", codeInternal: "com.amazonaws.dynamodb.v20120810#",
}

func errorBody(e *aws.Error) []byte {
	space, ok := namespaces[e.Code]
	if !ok {
		space = "com.amazon.coral.service#"
	}
	// SerializationException and its like have no message where there is nothing to say.
	if e.Message == "" {
		return []byte(`{"__type":` + quoted(space+e.Code) + `}`)
	}
	return []byte(`{"__type":` + quoted(space+e.Code) + `,"message":` + quoted(e.Message) + `}`)
}

// onWire gives what a client is told of an error.
func onWire(err error) *aws.Error {
	var refusal *aws.Error
	if errors.As(err, &refusal) {
		if refusal.Status == 0 {
			refusal.Status = http.StatusBadRequest
		}
		return refusal
	}
	return &aws.Error{Code: codeInternal, Message: "Internal server error", Status: http.StatusInternalServerError, Err: err}
}

// schema gives a table's schema: a declared table's, or what the engine says of any
// other; nil if there is none.
func (s *Service) schema(ctx context.Context, table string) (*schema, error) {
	if t := s.tables[table]; t != nil {
		return t.schema(), nil
	}
	d, err := s.describe(ctx, table)
	if err != nil || d == nil {
		return nil, err
	}
	return d.schema(), nil
}

func failed(doing, table string, err error) error {
	return fmt.Errorf("%s table %s: %w", doing, table, err)
}

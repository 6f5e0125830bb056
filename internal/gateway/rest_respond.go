package gateway

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/doorwright/doorwright/internal/wire/apigw"
)

// writeHeadREST adds what is on every answer of a REST API, and writes the
// header. The names are spelled as API Gateway spells them.
func (x *exchange) writeHeadREST(status int) {
	h := x.w.Header()
	h["x-amzn-RequestId"] = []string{x.entry.RequestID}
	h["x-amz-apigw-id"] = []string{x.rest.extendedID}
	x.answered, x.entry.Status = true, status
	x.w.WriteHeader(status)
}

// replyREST answers with a function's reply. Its headers keep the spelling that
// the function gave them, which was observed.
func (x *exchange) replyREST(reply apigw.ReplyREST) {
	if err := checkHeaders(apigw.Reply{Headers: reply.Headers}); err != nil {
		x.fail(badReply, x.failedReply(err))
		return
	}
	body, err := x.replyBody(reply)
	if err != nil {
		x.fail(internalErrorREST, x.failedReply(err))
		return
	}
	h := x.w.Header()
	typed := false
	for _, p := range reply.Headers {
		name := restHeaderName(p.Name)
		if strings.EqualFold(name, "Content-Type") {
			if typed {
				continue // one line: two would be read as either
			}
			typed = true
			h["Content-Type"] = nil // keeps net/http from adding one to another spelling
		}
		if name != "" {
			h[name] = append(h[name], p.Value)
		}
	}
	h["X-Amzn-Trace-Id"] = []string{x.responseTrace()}
	hasBody := reply.StatusCode != http.StatusNoContent && reply.StatusCode != http.StatusNotModified
	if hasBody {
		h["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	x.writeHeadREST(reply.StatusCode)
	if hasBody {
		x.written(x.w.Write(body)) // net/http sends none of it for HEAD
	}
}

// restHeaderName gives the name under which a reply's header goes out, or none
// if it does not. Renaming was observed; what frames the connection or is the
// gateway's own never passes, however it is spelled.
func restHeaderName(name string) string {
	canonical := textproto.CanonicalMIMEHeaderKey(name)
	switch canonical {
	case "Connection", "Content-Length", "Date", "Server", "Www-Authenticate":
		return "x-amzn-Remapped-" + name
	case "X-Amzn-Requestid", "X-Amz-Apigw-Id", "X-Amzn-Trace-Id", "X-Amzn-Errortype":
		return ""
	}
	if isHopByHop(canonical) {
		return ""
	}
	return name
}

// responseTrace gives the X-Amzn-Trace-Id of an answer that a function gave,
// such as Root=1-…;Parent=…;Sampled=0;Lineage=1:…:0. Errors have none. Observed.
func (x *exchange) responseTrace() string {
	var raw [12]byte
	binary.LittleEndian.PutUint64(raw[:], rand.Uint64())
	binary.LittleEndian.PutUint32(raw[8:], rand.Uint32())
	return fmt.Sprintf("%s;Parent=%s;Sampled=0;Lineage=1:%s:0", x.rest.traceID, hex.EncodeToString(raw[:8]), hex.EncodeToString(raw[8:]))
}

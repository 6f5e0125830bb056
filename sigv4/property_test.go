package sigv4_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/sigv4"
)

// testRandom gives random numbers whose seed the test prints.
func testRandom(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("DOORWRIGHT_TEST_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("DOORWRIGHT_TEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// wire is a request as it is sent.
type wire struct {
	method, target, host string
	header               map[string]string // signed headers and Authorization
	body                 string
	form                 map[string]string // of a browser, in the place of all that
}

func (w wire) clone() wire {
	w.header, w.form = maps.Clone(w.header), maps.Clone(w.form)
	return w
}

// verify verifies the request, its body included.
func (w wire) verify(v *sigv4.Verifier) error {
	if w.form != nil {
		fields := map[string][]string{}
		for name, value := range w.form {
			fields[name] = append(fields[name], value)
		}
		_, _, err := v.VerifyPolicy(context.Background(), fields)
		return err
	}
	r := &http.Request{Method: w.method, RequestURI: w.target, Host: w.host, Header: http.Header{}, ContentLength: int64(len(w.body))}
	for name, value := range w.header {
		r.Header[name] = []string{value}
	}
	if v.S3 {
		_, _, err := stream(v, r, strings.NewReader(w.body))
		return err
	}
	_, err := v.Verify(r, []byte(w.body))
	return err
}

// parts gives the places where a byte can be changed. A place's change gives
// false for a byte that says the same as before.
func (w wire) parts(normalize, bodySigned bool) map[string]part {
	if w.form != nil {
		all := map[string]part{}
		for name := range w.form {
			all["field "+name] = part{w.form[name], func(w *wire, s string) bool { w.form[name] = s; return true }}
			if !strings.HasPrefix(name, "x-ignore-") {
				all["name "+name] = part{name, func(w *wire, s string) bool {
					w.form[s] = w.form[name]
					if s != name {
						delete(w.form, name)
					}
					return !strings.EqualFold(s, name)
				}}
			}
		}
		return all
	}
	all := map[string]part{
		"method": {w.method, func(w *wire, s string) bool { w.method = s; return true }},
		"target": {w.target, func(w *wire, s string) bool {
			same := sameTarget(s, w.target, normalize)
			w.target = s
			return !same && strings.HasPrefix(s, "/")
		}},
		"host": {w.host, func(w *wire, s string) bool { w.host = s; return true }},
	}
	if bodySigned {
		all["body"] = part{w.body, func(w *wire, s string) bool {
			same := sameChunks(s, w.body)
			w.body = s
			return !same
		}}
	}
	for name, value := range w.header {
		all["header "+name] = part{value, func(w *wire, s string) bool {
			w.header[name] = s
			plain := func(s string) string { return strings.Join(strings.Fields(s), " ") }
			if name == "Authorization" {
				plain = func(s string) string { return strings.Join(strings.FieldsFunc(s, separates), " ") }
			}
			return plain(s) != plain(value)
		}}
		all["name of "+name] = part{name, func(w *wire, s string) bool {
			delete(w.header, name)
			w.header[http.CanonicalHeaderKey(s)] = value
			return !strings.EqualFold(s, name)
		}}
	}
	return all
}

type part struct {
	text   string
	change func(w *wire, to string) bool
}

// sameChunks says whether two bodies in chunks differ in the case of a size's
// digit or of a trailer's name only, which means the same.
func sameChunks(a, b string) bool {
	i := 0
	for i < len(b) && i < len(a) && a[i] == b[i] {
		i++
	}
	size := strings.IndexAny(b[i:], ";\n")
	name := strings.IndexAny(b[i:], ":\n")
	return strings.EqualFold(a, b) && (size >= 0 && size < 6 && b[i+size] == ';' || name >= 0 && b[i+name] == ':')
}

// randomWire signs a random request in a form.
func randomWire(rnd *rand.Rand, form string) (w wire, v *sigv4.Verifier, normalize, bodySigned bool) {
	word := func() string {
		return pick(rnd, "a", "Zz9", "orders", "-._~", "%E1%88%B4", "a%20b", "x+y", "%2F", "@:!$'()*,", "%25", "e%C3%A9")
	}
	var target strings.Builder
	for range 1 + rnd.IntN(3) {
		target.WriteString("/" + word())
	}
	query := []string{}
	for i := range rnd.IntN(3) {
		query = append(query, fmt.Sprint(word(), i)+pick(rnd, "", "=", "="+word()))
	}
	w = wire{method: pick(rnd, "GET", "PUT", "POST", "DELETE"), host: pick(rnd, "localhost:4566", "b.s3.localhost"), header: map[string]string{}}
	w.target = target.String()
	if len(query) > 0 {
		w.target += "?" + strings.Join(query, "&")
	}
	body := pick(rnd, "{}", strings.Repeat("ab", 50), "x")
	token := pick(rnd, "", "FwoGZXIvYXdzEXAMPLE/token+==")
	c := admin
	c.SessionToken = token
	v = verifier()
	v.Lookup = lookupWith(token)
	v.S3 = strings.HasPrefix(form, "s3")
	service := "execute-api"
	if v.S3 {
		service = "s3"
	}
	v.Service = service
	r := httptest.NewRequest(w.method, "http://localhost"+w.target, nil)
	r.Host, r.RequestURI = w.host, ""
	r.ContentLength = int64(len(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Custom", pick(rnd, "plain", "two  words", "a, b"))
	signer := sigv4.Signer{Service: service, Region: "eu-west-1", S3: v.S3}
	w.body, bodySigned, normalize = body, true, !v.S3
	switch form {
	case "header", "s3 header":
		signer.Sign(r, []byte(body), c, noon)
	case "s3 unsigned":
		r.Header.Set("X-Amz-Content-Sha256", sigv4.UnsignedPayload)
		signer.Sign(r, []byte(body), c, noon)
		bodySigned = false
	case "presigned", "s3 presigned":
		r.ContentLength = 0 // Not known to who makes a link.
		u, err := signer.Presign(r, []byte(body), c, noon, time.Duration(1+rnd.IntN(604800))*time.Second)
		if err != nil {
			panic(err)
		}
		w.target, bodySigned = u.RequestURI(), !v.S3
	default: // chunks
		marker := strings.TrimPrefix(form, "s3 ")
		half := rnd.IntN(len(body) + 1)
		chunks := slices.DeleteFunc([]string{body[:half], body[half:]}, func(s string) bool { return s == "" })
		var trailer []string
		if marker == signedTrailer {
			trailer = []string{"x-amz-checksum-crc32:NhCmhg=="}
		}
		v.Lookup = lookupWith("")
		r2, text := chunkedRequest(marker, chunks, trailer)
		w.method, w.target, w.host, w.body, r = r2.Method, r2.URL.RequestURI(), r2.Host, text, r2
		if r2.ContentLength != 0 {
			panic("the length of the body in chunks is signed")
		}
	}
	for name, values := range r.Header {
		w.header[name] = values[0]
	}
	return w, v, normalize, bodySigned
}

// Any one byte of a signed request, changed, has it refused: of the method, the
// path, the query, a signed header or its name, the body, the date, the scope
// and the signature, in every form.
func TestAnyByteChangedIsRefused(t *testing.T) {
	rnd := testRandom(t)
	forms := []string{"header", "presigned", "s3 header", "s3 unsigned", "s3 presigned", "s3 " + signedChunks, "s3 " + signedTrailer, "form"}
	tried := map[string]int{}
	for range 60 {
		for _, form := range forms {
			var w wire
			v, normalize, bodySigned := s3Verifier(), false, false
			if form == "form" {
				w.form = map[string]string{}
				for name, values := range signedForm(condition(2, []any{"eq", "$Content-Type", "image/jpeg"})) {
					w.form[strings.ToLower(name)] = values[0]
				}
			} else {
				w, v, normalize, bodySigned = randomWire(rnd, form)
			}
			if err := w.verify(v); err != nil {
				t.Fatalf("%s: %+v: %v", form, w, err)
			}
			parts := w.parts(normalize, bodySigned)
			for _, name := range slices.Sorted(maps.Keys(parts)) {
				p := parts[name]
				if p.text == "" {
					continue
				}
				for range 4 {
					text := []byte(p.text)
					i := rnd.IntN(len(text))
					text[i] = pick(rnd, byte(33+rnd.IntN(94)), text[i]^1, text[i]^0x20)
					if bytes.Equal(text, []byte(p.text)) {
						continue
					}
					changed := w.clone()
					if !p.change(&changed, string(text)) {
						continue
					}
					tried[form]++
					if err := changed.verify(v); err == nil {
						t.Errorf("%s: %s: %q in the place of %q is accepted", form, name, text, p.text)
					}
				}
			}
		}
	}
	t.Logf("changes tried: %v", tried)
}

// FuzzVerify holds that nobody gets in without the secret, and that every
// refusal is an *Error, whatever the request says.
func FuzzVerify(f *testing.F) {
	f.Add("GET", examplePresigned, "", "UNSIGNED-PAYLOAD", "20130524T000000Z")
	f.Add("POST", "/orders?b=2&a=1", request("{}").Header.Get("Authorization"), "", "20261120T120000Z")
	f.Add("PUT", "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=1", "", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "")
	f.Fuzz(func(t *testing.T, method, target, authorization, hash, date string) {
		for _, s3 := range []bool{false, true} {
			v := verifier()
			v.Lookup = nobody
			v.S3 = s3
			r := &http.Request{Method: method, RequestURI: "/" + target, Host: "localhost", Header: http.Header{}}
			for name, value := range map[string]string{"Authorization": authorization, "X-Amz-Content-Sha256": hash, "X-Amz-Date": date} {
				if value != "" {
					r.Header.Set(name, value)
				}
			}
			id, err := v.Verify(r, []byte(target))
			refused(t, id, err)
		}
	})
}

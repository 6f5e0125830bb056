package bucket_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// random gives random numbers whose seed the log has.
func random(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// modelKeys are keys that a file system, or a careless reader, would mix up.
var modelKeys = []string{
	"a", "A", "a/", "a//b", "a/b", "a/B", "a/b/c", "a/../b", "../b", "..", ".", "/", "//", "b", "b/", "b c", "b+c", "b%20c", "ä", "a\u0308", "nul", "CON", "c\\d", "c:d", "\x01", "~", strings.Repeat("x", 255), strings.Repeat("y/", 300), "a\x00b", "\U0001F600", "<&>\"'",
}

// TestModel holds random operations against a map.
func TestModel(t *testing.T) {
	rnd := random(t)
	w := newWorld(t)
	model := map[string]string{}
	at := func(key string) string { return "/" + uploads + "/" + escapePath(key) }
	for step := range 600 {
		key := modelKeys[rnd.IntN(len(modelKeys))]
		switch rnd.IntN(8) {
		case 0, 1, 2:
			body := fmt.Sprintf("%d of %q", step, key)
			want(t, "put "+key, w.do("PUT", at(key), body), 200, "")
			model[key] = body
		case 3:
			want(t, "delete "+key, w.do("DELETE", at(key), ""), 204, "")
			delete(model, key)
		case 4:
			from := modelKeys[rnd.IntN(len(modelKeys))]
			r := w.do("PUT", at(key), "", "X-Amz-Copy-Source", uploads+"/"+escapePath(from), "X-Amz-Metadata-Directive", "REPLACE")
			if body, ok := model[from]; ok {
				want(t, "copy "+from, r, 200, "")
				model[key] = body
			} else {
				want(t, "copy "+from, r, 404, "NoSuchKey")
			}
		case 5, 6:
			r := w.do("GET", at(key), "")
			if body, ok := model[key]; ok && (r.status != 200 || r.body != body) || !ok && r.status != 404 {
				t.Fatalf("step %d: get %q: %d %q, want %q", step, key, r.status, r.body, body)
			}
		default:
			w.checkList(rnd, model)
		}
		if step == 300 {
			w.open() // a restart
		}
	}
	w.onDisk(len(model))
}

// escapePath escapes a key as SDKs do.
func escapePath(key string) string {
	return strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(key), "+", "%20"), "%2F", "/")
}

// checkList pages through a list and holds it against one that is made of the
// map in the simplest way.
func (w *world) checkList(rnd *rand.Rand, model map[string]string) {
	w.t.Helper()
	prefix := []string{"", "a", "a/", "b", "y/y/", "none"}[rnd.IntN(6)]
	delimiter := []string{"", "/", "b"}[rnd.IntN(3)]
	after := []string{"", "a", "a/", "b c", "~"}[rnd.IntN(5)]
	page := 1 + rnd.IntN(5)
	var wanted []string
	for _, key := range slices.Sorted(maps.Keys(model)) {
		rest, ok := strings.CutPrefix(key, prefix)
		if !ok {
			continue
		}
		entry := "k:" + key
		if i := strings.Index(rest, delimiter); delimiter != "" && i >= 0 {
			entry = "p:" + prefix + rest[:i+len(delimiter)]
		}
		// A page that ends with a common prefix goes on behind all of its keys.
		if key > after && entry != "p:"+after && !slices.Contains(wanted, entry) {
			wanted = append(wanted, entry)
		}
	}
	for _, version := range []string{"2", "1"} {
		var got []string
		token := ""
		for range len(wanted) + 2 {
			q := url.Values{"prefix": {prefix}, "delimiter": {delimiter}, "max-keys": {fmt.Sprint(page)}, "encoding-type": {"url"}}
			next := "NextContinuationToken"
			switch {
			case version == "2":
				q.Set("list-type", "2")
				q.Set("start-after", after)
				if token != "" {
					q.Set("continuation-token", token)
				}
			default:
				next = "NextMarker"
				q.Set("marker", after)
				if token != "" {
					q.Set("marker", token)
				}
			}
			r := w.do("GET", "/"+uploads+"?"+strings.ReplaceAll(q.Encode(), "+", "%20"), "")
			want(w.t, "list", r, 200, "")
			entries := listed(w.t, r.body)
			if len(entries) > page {
				w.t.Fatalf("%d entries on a page of %d", len(entries), page)
			}
			got = append(got, entries...)
			if r.element("IsTruncated") != "true" {
				break
			}
			if token = r.element(next); version == "1" {
				if token == "" {
					token = strings.TrimPrefix(entries[len(entries)-1], "k:")
				} else {
					token = unescapeListed(w.t, token)
				}
			}
		}
		if !slices.Equal(got, wanted) {
			w.t.Fatalf("version %s: prefix %q, delimiter %q, after %q, pages of %d:\n%q\nwant\n%q", version, prefix, delimiter, after, page, got, wanted)
		}
	}
}

func unescapeListed(t testing.TB, s string) string {
	t.Helper()
	s, err := url.QueryUnescape(s)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// listed gives the entries of a page in order: of keys and prefixes.
func listed(t testing.TB, body string) (entries []string) {
	t.Helper()
	for _, part := range strings.Split(body, "<Key>")[1:] {
		part, _, _ = strings.Cut(part, "</Key>")
		entries = append(entries, "k:"+unescapeListed(t, part))
	}
	for _, part := range strings.Split(body, "<CommonPrefixes><Prefix>")[1:] {
		part, _, _ = strings.Cut(part, "</Prefix>")
		entries = append(entries, "p:"+unescapeListed(t, part))
	}
	slices.SortFunc(entries, func(x, y string) int { return strings.Compare(x[2:], y[2:]) })
	return entries
}

package gateway

import (
	"net/url"
	"strings"
)

// secretVariable says whether what a path variable holds is secret by its name: {token} of
// the link in a mail. Others that would be in a query, such as {key} and {code}, name
// things in paths.
func secretVariable(name string) bool {
	name = strings.ToLower(name)
	return wholly([]byte(name)) || strings.Contains(name, "ticket") || strings.Contains(name, "otp")
}

// secretSegments are the values of those of a request, as they were sent and decoded.
func (x *exchange) secretSegments() (values []string) {
	if x.match.endpoint == nil {
		return nil
	}
	for _, v := range x.match.variables {
		if !v.secret {
			continue
		}
		path := x.r.URL.EscapedPath()
		switch {
		case x.g.rest != nil:
			path = x.rest.path
		case x.g.table.stage != "" && path != "":
			_, path, _ = strings.Cut(path[1:], "/")
			path = "/" + path
		}
		if path == "" {
			continue
		}
		sent := strings.TrimSuffix(escapedValue(path, v), "/")
		if len(sent) < shortestSecret {
			continue
		}
		values = append(values, sent)
		if decoded, err := url.PathUnescape(sent); err == nil && decoded != sent {
			values = append(values, decoded, strings.ReplaceAll(sent, "%", "%25")) // as it is signed
		}
	}
	return values
}

// withoutSegments gives a path, or an ARN that ends with one, with a mark in the place of
// secret segments.
func (x *exchange) withoutSegments(path, mark string) string {
	for _, s := range x.secretSegments() {
		path = strings.ReplaceAll(path, "/"+s, "/"+mark)
	}
	return path
}

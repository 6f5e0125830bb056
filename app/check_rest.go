package app

import "time"

// ProtocolREST is the Protocol of a REST API.
const ProtocolREST = "rest"

// The longest that an integration may take (API Gateway quotas).
const (
	longestHTTP = 30 * time.Second
	longestREST = 29 * time.Second
)

func (a *API) longestTimeout() time.Duration {
	if a.Protocol == ProtocolREST {
		return longestREST
	}
	return longestHTTP
}

// rest checks what is different in a REST API.
func (c *checker) rest(path string, api *API) {
	if api.StageName == "$default" {
		if _, written := c.places[path+".stageName"]; written {
			c.at(path+".stageName", "give the stage a name, or delete the line: then it is the app's stage", "a REST API has no stage $default")
		}
		api.StageName = c.app.Stage
	}
	c.unwanted(path+".cors", "cors of a REST API "+unsupported)
	const oneFormat = "payloadFormatVersion is for HTTP APIs; a REST API has one format"
	c.unwanted(path+".defaults.payloadFormatVersion", oneFormat)
	for name, a := range api.Authorizers.All() {
		at := join(path+".authorizers", name)
		switch {
		case a == nil || c.opaque[at]:
		case a.Type == "jwt":
			c.at(at+".type", "write protocol: http, where they are", "a REST API has no JWT authorizers")
		case a.Type == "user_pool":
			c.at(at+".type", "write protocol: http", "type user_pool of a REST API %s", unsupported)
		}
	}
	for key, r := range api.Routes.All() {
		at := join(path+".routes", key)
		if r == nil || c.opaque[at] {
			continue
		}
		if key == "$default" {
			c.key(at, `write "ANY /{proxy+}", and "ANY /" for the root`, "a REST API has no route $default")
		}
		if !r.URL.IsZero() {
			c.key(at+".url", "write function:, or protocol: http", "a url in a REST API %s", unsupported)
		}
		c.unwanted(at+".payloadFormatVersion", oneFormat)
		if r.Timeout > longestREST {
			c.at(at+".timeout", "write 29s or less", "timeout: a REST API waits 29s at most, not %s", formatDuration(r.Timeout))
		}
	}
}

// unwanted reports the key of path if it is there.
func (c *checker) unwanted(path, message string) {
	if _, ok := c.places[path]; ok {
		c.key(path, "delete it", "%s", message)
	}
}

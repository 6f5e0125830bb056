package cloudformation

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// maxReadable is how much of a name is in a logical id, of which CloudFormation takes
// 255 characters.
const maxReadable = 128

// logicalID names a resource: what it is, then what the declaration calls it. A
// resource keeps its id whatever is declared beside it, since CloudFormation takes
// another id for another resource, and replaces it.
//
// Names of several parts, or with other characters than letters and digits, end in a
// hash, without which two of them could be one.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resources-section-structure.html
func logicalID(what string, names ...string) string {
	var b strings.Builder
	exact := len(names) == 1
	for _, name := range names {
		upper := true
		for _, c := range name {
			switch {
			case c >= 'a' && c <= 'z' && upper:
				exact = exact && b.Len() > 0 // of Api and api one has the hash
				b.WriteRune(c - 'a' + 'A')
			case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
				b.WriteRune(c)
			default:
				exact, upper = false, true
				continue
			}
			upper = false
		}
	}
	readable := b.String()
	if len(readable) > maxReadable {
		readable, exact = readable[:maxReadable], false
	}
	if exact {
		return what + readable
	}
	sum := sha256.Sum256([]byte(what + "\x00" + strings.Join(names, "\x00")))
	return what + readable + strings.ToUpper(hex.EncodeToString(sum[:4]))
}

// The logical ids of what the declaration names.
func apiID(name string) string                  { return logicalID("Api", name) }
func apiStageID(name string) string             { return logicalID("ApiStage", name) }
func apiKeyID(api, key string) string           { return logicalID("ApiKey", api, key) }
func authorizerID(api, name string) string      { return logicalID("Authorizer", api, name) }
func routeID(api, key string) string            { return logicalID("Route", api, key) }
func userPoolID(name string) string             { return logicalID("UserPool", name) }
func userPoolClientID(pool, name string) string { return logicalID("UserPoolClient", pool, name) }
func identityPoolID(name string) string         { return logicalID("IdentityPool", name) }
func tableID(name string) string                { return logicalID("Table", name) }
func bucketID(name string) string               { return logicalID("Bucket", name) }

// The logical ids of a function's resources. name is the function's on AWS, whose
// beginning, the stack's name, is left out: ids are the same in every stage.
func (s *synth) functionID(name string) string { return logicalID("Function", s.short(name)) }
func (s *synth) roleID(function string) string { return logicalID("Role", s.short(function)) }
func (s *synth) policyID(function string) string {
	return logicalID("Policy", s.short(function))
}
func (s *synth) logGroupID(function string) string {
	return logicalID("LogGroup", s.short(function))
}

// maxAPIName is the length of an API's name (CreateApi Name). It is shown to people alone.
const maxAPIName = 128

// apiName is the name of an API on AWS.
func (s *synth) apiName(name string) string {
	full := s.stack() + "-" + name
	if len(full) <= maxAPIName {
		return full
	}
	sum := sha256.Sum256([]byte(full))
	hash := hex.EncodeToString(sum[:4])
	return full[:maxAPIName-len(hash)-1] + "-" + hash
}

// short gives a function's name without the stack's.
func (s *synth) short(function string) string { return strings.TrimPrefix(function, s.stack()+"-") }

// stack is the name of the stage's stack.
func (s *synth) stack() string { return s.app.Stage + "-" + s.app.Name }

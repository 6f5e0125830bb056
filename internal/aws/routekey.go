package aws

import "strings"

// VariablesConflict reports whether two route keys of an HTTP API, such as
// "GET /riders/{id}", have variables of different names at one place: below the same
// segments. CreateRoute says of the second one that it "has a conflicting variable on the
// same hierarchical level as" the first. It has been seen of one method; whether other
// methods' routes count is not documented. They do here.
// https://github.com/plutomi/plutomi/issues/271
func VariablesConflict(a, b string) bool {
	_, pathA, _ := strings.Cut(a, " ")
	_, pathB, _ := strings.Cut(b, " ")
	x, y := strings.Split(pathA, "/"), strings.Split(pathB, "/")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return isVariable(x[i]) && isVariable(y[i])
		}
	}
	return false
}

// isVariable says whether a segment is {name}. {name+} is another thing, for which a
// request is looked up after those.
func isVariable(segment string) bool {
	return strings.HasPrefix(segment, "{") && !strings.HasSuffix(segment, "+}")
}

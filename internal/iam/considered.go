package iam

// Considered is what one statement said of a request, in the order in which policies
// and their statements are looked at. Nothing secret is in it; what came from the
// request is shortened.
type Considered struct {
	// Source is the kind of policy.
	Source Source `json:"source,omitempty"`
	// Policy names the policy, such as "permissions of functions.Get" or "session
	// policy 1", and Statement the statement in it, such as "statement 2 (NoAdmin)".
	Policy    string `json:"policy"`
	Statement string `json:"statement"`
	// Position is where the declaration says it, such as "doorwright.yaml:21", and Path
	// the path to it, such as identityPools.Auth.permissions.authenticated[1]; "" if it
	// does not.
	Position string `json:"position,omitempty"`
	Path     string `json:"path,omitempty"`
	Effect   string `json:"effect"` // Allow or Deny
	Matched  bool   `json:"matched"`
	// Deciding says that this statement settled the decision. Of a request that nothing
	// allows there is none.
	Deciding bool `json:"deciding,omitempty"`
	// Why says in words what matched or, of one that did not, what did not.
	Why string `json:"why"`
	// About are the resources that it is about, with the values of variables, of one
	// that is about the action and not about the resource.
	About []string `json:"about,omitempty"`
	// Conditions are all conditions that were compared.
	Conditions []Condition `json:"conditions,omitempty"`
}

// Condition is one condition of a statement: what it wants of a key, and what the
// request has.
type Condition struct {
	Operator string   `json:"operator"`
	Key      string   `json:"key"`
	Want     []string `json:"want"`
	// Got is nil if the request does not have the key.
	Got   []string `json:"got,omitempty"`
	Match bool     `json:"match"`
}

package authorizer

// A Reason is one thing that decided.
type Reason struct {
	// Code is a word for programs: a verify.Reason, or one of this package's.
	Code string
	// Text says it for people, such as "token expired 3m ago (exp 14:02:11)".
	// What came from the request is quoted and shortened in it.
	Text string
	// Hint is the smallest change that would flip the decision, or empty.
	Hint string
	// Facts are what was compared, up to and with what decided. They are made for
	// a refusal only.
	Facts []Fact
	// Change is what Hint says, for programs; nil on Allow.
	Change *Change
}

// A Fact is one thing that was compared. What came from the request is quoted and
// shortened in it; a token, a signature or a key is never in it.
type Fact struct {
	// Name is what was compared: "iss", "scope", "header Authorization".
	Name string `json:"name"`
	// Want is what would have done, and Got what there was: each for people.
	Want string `json:"want,omitempty"`
	Got  string `json:"got,omitempty"`
	// Match says that it did.
	Match bool `json:"match"`
}

// A Change is the smallest change that would flip a decision, in a form that a
// program can apply.
type Change struct {
	// Where is what has to be changed.
	Where Where `json:"where"`
	// Name is the thing in it that changes, and Value what it becomes. What they
	// hold depends on Where.
	Name  string `json:"name"`
	Value string `json:"value,omitempty"`
}

// Where says what a Change is made to.
type Where string

// The things that can be changed.
const (
	// InHeader: send the header Name with Value. A value that is not known here is
	// in capitals, such as "Bearer TOKEN". No Value: do not send it, or once.
	InHeader Where = "header"
	// InQuery: send the query parameter Name with Value.
	InQuery Where = "query"
	// InRequest: ask otherwise. Name is "method", "path", "query" or "body".
	InRequest Where = "request"
	// AtSigning: sign otherwise. Name is what differs: "region", "service",
	// "date", "headers", "body", "credentials", "request".
	AtSigning Where = "signing"
	// AtLogin: get another token. Name is what it has to have: a claim, "scope",
	// "audience", "token_use", "issuer", "alg"; "token" for any honest one.
	AtLogin Where = "login"
	// InDeclaration: Name is a path such as apis.Api.authorizers.jwt.issuer, and
	// Value YAML.
	InDeclaration Where = "declaration"
	// InRole: give the role Name the permission Value.
	InRole Where = "role"
	// InPolicy: Name is the policy, and Value what it has to allow.
	InPolicy Where = "policy"
	// InFunction: let the function Name answer with Value.
	InFunction Where = "function"
	// InClock: let the time Value pass ("wait"), or set a clock right by it
	// ("issuer", "signer").
	InClock Where = "clock"
)

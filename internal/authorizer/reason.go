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
	// "scope", "date", "headers", "algorithm", "credentials", "method", "path",
	// "query", "host", "body", or "request", which is all of it; Value is what it has to be, if that is known.
	AtSigning Where = "signing"
	// AtLogin: get another token. Name is what it has to have: "scope", "audience",
	// "token_use", "issuer", "alg", or a claim, Value is for whom or which; "token" is
	// any honest one.
	AtLogin Where = "login"
	// AtIssuer: make the issuer, whose address is Value, answer with Name.
	AtIssuer Where = "issuer"
	// InDeclaration: Name is a path such as apis.Api.authorizers.jwt.issuer, and
	// Value YAML: what the key becomes, or what is added to a list or to routes.
	InDeclaration Where = "declaration"
	// InRole: give the role Name the permission Value, a statement as JSON; or
	// "without statement 2" of its policies.
	InRole Where = "role"
	// OfUser: give the user Name what Value says, and sign in again: "role trainer", or
	// "permission API:NAME" of a tenant.
	OfUser Where = "user"
	// InPolicy: the same as InRole of the policy Name.
	InPolicy Where = "policy"
	// InFunction: let the function Name answer with Value, which is JSON where it can
	// be said.
	InFunction Where = "function"
	// InClock: Name is "wait", and Value the time to pass, such as "1m30s".
	InClock Where = "clock"
)

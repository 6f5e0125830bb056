package app

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A grammar is the form of a name or of another short text. Its pattern is in the
// subset that Go and JSON Schema (ECMA-262) read alike.
type grammar struct {
	name     string // as tags and messages have it
	pattern  *pattern
	reserved []string // words of that form that are taken
	says     string   // the form in words; the hint when no better one is known
	fix      func(string) string
}

// A pattern is a regular expression that is compiled when it is first asked: those with
// large bounds take megabytes, and a declaration needs a few of them.
type pattern struct {
	text     string
	compiled func() *regexp.Regexp
}

func late(text string) *pattern {
	return &pattern{text, sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })}
}

// MatchString says whether s has the form.
func (p *pattern) MatchString(s string) bool { return p.compiled().MatchString(s) }

// String gives the regular expression.
func (p *pattern) String() string { return p.text }

// matches reports whether s has the form.
func (g *grammar) matches(s string) bool {
	return g.pattern.MatchString(s) && !slices.Contains(g.reserved, s)
}

// hint is how to put s right.
func (g *grammar) hint(s string) string {
	if g.fix != nil {
		if h := g.fix(s); h != "" {
			return h
		}
	}
	return g.says
}

// reservedEnvironment are the variables Lambda sets and functions may not (Lambda
// developer guide, configuration-envvars, "Reserved environment variables"; cfn-lint
// rule E3663 has the same).
var reservedEnvironment = []string{
	"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
	"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
	"AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
	"AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
}

// The patterns that hints are checked against too.
var (
	appNamePattern   = late(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	stageNamePattern = late(`^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$`)
	regionPattern    = late(`^[a-z]{2,4}(-[a-z]{2,12}){1,3}-[1-9][0-9]?$`)
	domainPattern    = late(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	resourcePattern  = late(`^[A-Za-z][A-Za-z0-9]{0,63}$`)
	routeKeyPattern  = late(`^(\$default|(ANY|GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) /` +
		`((` + segment + `/)*(` + segment + `|\{[A-Za-z0-9._-]+\+\}))?)$`)
)

// hostPattern is a host name with a dot, and perhaps a port.
var hostPattern = late(`^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:[0-9]+)?$`)

// contextVariable are the variables of $context that are known of a request
// (http-api-logging-variables).
const contextVariable = `(accountId|apiId|domainName|domainPrefix|httpMethod|identity\.sourceIp|identity\.userAgent|` +
	`path|protocol|requestId|requestTime|requestTimeEpoch|routeKey|stage)`

// segment is a segment of a route's path: a literal that is neither . nor .., or a
// variable.
const segment = `(([A-Za-z0-9:_-]|\.[A-Za-z0-9:_-]|\.\.[A-Za-z0-9.:_-])[A-Za-z0-9.:_-]*|\{[A-Za-z0-9._-]+\})`

// grammars are the forms the tags name.
var grammars = []grammar{
	{
		name:    "app name",
		pattern: appNamePattern,
		says:    "an app name is 1 to 63 lower-case letters, digits and inner hyphens",
		fix:     fixLower(appNamePattern),
	}, {
		// A stage starts a stack's name, and those start with a letter (CreateStack).
		name:    "stage name",
		pattern: stageNamePattern,
		says:    "a stage name is a lower-case letter, then up to 31 lower-case letters, digits and inner hyphens",
		fix:     fixLower(stageNamePattern),
	}, {
		name:    "region",
		pattern: regionPattern,
		says:    "a region is such as us-east-1 or eu-central-1",
		fix:     fixLower(regionPattern),
	}, {
		// A logical id of a template is alphanumeric (CloudFormation user guide, resources).
		name:    "resource name",
		pattern: resourcePattern,
		says:    "a resource name is a letter, then up to 63 letters and digits",
		fix:     fixResource,
	}, {
		name:     "authorizer name",
		pattern:  resourcePattern,
		reserved: []string{"none", "iam"},
		says:     "an authorizer name is a letter, then up to 63 letters and digits, and neither none nor iam",
		fix:      fixResource,
	}, {
		name:    "authorizer",
		pattern: resourcePattern,
		says:    "write the name of one of the API's authorizers, iam or none",
	}, {
		// CreateGroup GroupName, of which these are the characters that every client can type.
		name:    "group name",
		pattern: late(`^[!-~]{1,128}$`),
		says:    "a group name is 1 to 128 visible ASCII characters, without spaces",
	}, {
		// CreateUserPoolDomain Domain. "You can't use the text aws, amazon, or cognito in
		// the domain prefix" (Cognito developer guide,
		// cognito-user-pools-assign-domain-prefix), which check_pool.go holds.
		name:    "domain prefix",
		pattern: domainPattern,
		says:    "a domain is the prefix alone: 1 to 63 lower-case letters, digits and inner hyphens",
		fix: func(s string) string {
			if prefix, _, found := strings.Cut(strings.TrimPrefix(s, "https://"), ".auth."); found && domainPattern.MatchString(prefix) {
				return fmt.Sprintf("write the prefix alone: %q", prefix)
			}
			return fixLower(domainPattern)(s)
		},
	}, {
		// How long it may be is in check_pool.go: no pattern counts that far.
		name:    "description",
		pattern: late(`^[^\x00]*$`),
		says:    "a description is text of at most 2048 characters",
	}, {
		name:    "role ARN",
		pattern: late(`^arn:[a-z-]+:iam::[0-9]{12}:role/[A-Za-z0-9+=/,.@_-]{1,512}$`),
		says:    "a role's ARN is such as arn:aws:iam::123456789012:role/riders",
	}, {
		name:    "OIDC provider ARN",
		pattern: late(`^arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/[A-Za-z0-9._~:/%-]{1,255}$`),
		says:    "an OIDC provider's ARN is such as arn:aws:iam::123456789012:oidc-provider/myorg.us.auth0.com",
	}, {
		name:    "output name",
		pattern: late(`^[A-Za-z][A-Za-z0-9]{0,254}$`),
		says:    "an output name is a letter, then up to 254 letters and digits",
		fix:     fixResource,
	}, {
		// API Gateway developer guide, http-api-develop-routes, and
		// api-gateway-known-issues for the characters of a segment. The empty segments and
		// the slash at the end that are refused here fail when they are deployed.
		name:    "route key",
		pattern: routeKeyPattern,
		says:    `a route key is "METHOD /path", "ANY /path" or $default; a segment of the path is a literal, {name} or, as the last one, {name+}`,
		fix:     fixRouteKey,
	}, {
		name:    "API stage name",
		pattern: late(`^(\$default|[A-Za-z0-9_-]{1,128})$`),
		says:    "an API's stage name is $default, or up to 128 letters, digits, - and _",
	}, {
		name:    "stage variable name",
		pattern: late(`^[A-Za-z0-9_]{1,64}$`),
		says:    "a stage variable name is up to 64 letters, digits and _",
	}, {
		// Lambda developer guide, configuration-envvars: "Keys start with a letter and are at
		// least two characters."
		name:     "environment variable name",
		pattern:  late(`^[A-Za-z][A-Za-z0-9_]+$`),
		reserved: reservedEnvironment,
		says:     "an environment variable name is a letter, then one or more letters, digits and _",
		fix: func(s string) string {
			if slices.Contains(reservedEnvironment, s) {
				return "Lambda sets this variable itself; choose another name"
			}
			return ""
		},
	}, {
		// RFC 6749, 3.3; CreateRoute AuthorizationScopes: 1 to 64 characters.
		name:    "scope",
		pattern: late(`^[!#-\[\]-~]{1,64}$`),
		says:    `a scope is 1 to 64 visible ASCII characters but for " and \`,
		fix: func(s string) string {
			if strings.Contains(strings.TrimSpace(s), " ") {
				return "write each scope as an item of its own"
			}
			return ""
		},
	}, {
		// AddCustomAttributes Name.
		name:    "custom attribute name",
		pattern: late(`^[!-~]{1,20}$`),
		says:    "a custom attribute's name is 1 to 20 visible ASCII characters",
	}, {
		name:    "attribute",
		pattern: late(`^[!-~]{1,27}$`),
		says:    "write a standard attribute's name, or custom:NAME",
	}, {
		// CreateResourceServer Identifier, ScopeName and ScopeDescription.
		name:    "resource server identifier",
		pattern: late(`^[!#-\[\]-~]{1,256}$`),
		says:    `an identifier is 1 to 256 visible ASCII characters but for " and \, such as https://rides.example`,
	}, {
		name:    "scope name",
		pattern: late(`^[!#-.0-\[\]-~]{1,256}$`),
		says:    `a scope's name is 1 to 256 visible ASCII characters but for /, " and \; the identifier goes before it by itself`,
	}, {
		name:    "scope description",
		pattern: late(`^[^\x00]{1,256}$`),
		says:    "a scope has a description: 1 to 256 characters",
	}, {
		// CreateUserPoolClient AllowedOAuthScopes.
		name:    "OAuth scope",
		pattern: late(`^[!#-\[\]-~]{1,513}$`),
		says:    `a scope is visible ASCII characters but for " and \`,
	}, {
		// Cognito developer guide, cognito-user-pools-app-idp-settings: "Be an absolute URI",
		// "Not include a fragment component". Which schemes may be is in check_oauth.go.
		name:    "redirect URL",
		pattern: late(`^[a-z][a-z0-9+.-]*://[!-"$-z|~]+$`),
		says:    "a URL here is https://host/path, http://localhost:port/path, or an app's own, such as myapp://callback, without a fragment",
	}, {
		// CreateIdentityProvider ProviderName, without what usernames and URLs make
		// trouble of; the reserved ones are Cognito's own.
		name:     "identity provider name",
		pattern:  late(`^[A-Za-z][A-Za-z0-9-]{1,30}[A-Za-z0-9]$`),
		reserved: []string{"COGNITO", "Cognito", "Facebook", "Google", "LoginWithAmazon", "SignInWithApple"},
		says:     "an identity provider's name is 3 to 32 letters, digits and inner hyphens, and none of Cognito's own",
	}, {
		name:    "claim name",
		pattern: late(`^[!-~]{1,256}$`),
		says:    "write up to 256 visible ASCII characters",
	}, {
		name:    "identity provider",
		pattern: late(`^[!-~]{1,32}$`),
		says:    "write COGNITO, the pool itself",
	}, {
		// API Gateway developer guide, http-api-cors. Wildcards inside a host name are not
		// documented; strict reading: refused.
		name:    "origin",
		pattern: late(`^(\*|https?://(\*|[a-z0-9._-]+(:[0-9]{1,5})?|\[[0-9a-f:.]+\](:[0-9]{1,5})?))$`),
		says:    "an origin is *, https://*, http://*, or scheme://host[:port] in small letters, as browsers send it, without a path",
		fix: func(s string) string {
			if lower := strings.ToLower(s); lower != s && strings.Contains(s, "://") {
				return fmt.Sprintf("write %q", lower)
			}
			if strings.HasSuffix(s, "/") && strings.Count(s, "/") == 3 {
				return fmt.Sprintf("an origin has no path: write %q", strings.TrimSuffix(s, "/"))
			}
			if hostPattern.MatchString(s) {
				return fmt.Sprintf("write %q", "https://"+s)
			}
			return ""
		},
	}, {
		// Auth0 docs, custom domains and tenant domains: a host name alone.
		name:    "tenant domain",
		pattern: late(`^[a-z0-9-]+(\.[a-z0-9-]+)+$`),
		says:    "a tenant's domain is its host name alone, such as myorg.us.auth0.com",
		fix: func(s string) string {
			host := strings.TrimSuffix(strings.TrimPrefix(strings.ToLower(s), "https://"), "/")
			if host != s && hostPattern.MatchString(host) {
				return fmt.Sprintf("write %q", host)
			}
			return ""
		},
	}, {
		name:    "web origin",
		pattern: late(`^https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?$`),
		says:    "a web origin is scheme://host[:port] in small letters, as browsers send it, without a path or a wildcard",
		fix: func(s string) string {
			if strings.HasSuffix(s, "/") && strings.Count(s, "/") == 3 {
				return fmt.Sprintf("an origin has no path: write %q", strings.TrimSuffix(s, "/"))
			}
			return ""
		},
	}, {
		name:    "role name",
		pattern: late(`^[!-~]([ -~]{0,48}[!-~])?$`),
		says:    "a role name is 1 to 50 visible ASCII characters",
	}, {
		// A permission is a scope (RFC 6749, 3.3); Auth0 allows 280 characters.
		name:    "permission",
		pattern: late(`^[!#-\[\]-~]{1,280}$`),
		says:    `a permission is 1 to 280 visible ASCII characters but for " and \, such as read:unicorn`,
	}, {
		name:    "api identifier",
		pattern: late(`^[!#-\[\]-~]{1,600}$`),
		says:    `an API's identifier is visible ASCII characters but for " and \, such as https://unicorns.example`,
	}, {
		name:    "client id",
		pattern: late(`^[A-Za-z0-9_-]{1,64}$`),
		says:    "a client id is letters and digits, as the application's settings show it",
	}, {
		name:    "email address",
		pattern: late(`^[!#-'*+\--9=?A-Z^-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$`),
		says:    "an email address is such as rider@example.com",
	}, {
		name:    "profile text",
		pattern: late(`^[^\x00-\x1f]{1,300}$`),
		says:    "write 1 to 300 characters",
	}, {
		name:    "header name",
		pattern: late(`^[!#$%&'*+.^_|~0-9A-Za-z-]+$`),
		says:    "a header name is such as Content-Type, or * for all",
	}, {
		// Which of these forms go with an authorizer is in check_authorizer.go.
		name: "identity source",
		pattern: late(`^((\$|method\.)request\.(header|querystring)\.[A-Za-z0-9._-]+` +
			`|\$?stageVariables\.[A-Za-z0-9_]+|\$?context\.` + contextVariable + `)$`),
		says: "an identity source is such as $request.header.NAME or $request.querystring.NAME",
	}, {
		name:    "validation expression",
		pattern: late(`^[^\x00-\x1f]+$`),
		says:    "a validation expression is a regular expression such as ^Bearer [A-Za-z0-9._-]+$",
	}, {
		// API Gateway developer guide, supported-gateway-response-types. REQUEST_TOO_LARGE
		// cannot be changed.
		name:    "gateway response type",
		pattern: late("^(" + strings.Join(responseTypes, "|") + ")$"),
		says:    "the types are " + strings.Join(responseTypes, ", "),
		fix: func(s string) string {
			if near := nearest(strings.ToUpper(strings.ReplaceAll(s, "-", "_")), responseTypes); near != "" {
				return fmt.Sprintf("did you mean %q?", near)
			}
			return ""
		},
	}, {
		name:    "response header name",
		pattern: late(`^[!#$%&'*+.^_|~0-9A-Za-z-]+$`),
		says:    "a header name is such as Access-Control-Allow-Origin",
	}, {
		// API Gateway developer guide, request-response-data-mappings.
		name:    "response parameter",
		pattern: parameterPattern,
		says:    `a header's value is a literal in single quotes, such as "'*'", or method.request.header.NAME, context.NAME or stageVariables.NAME`,
		fix:     fixParameter,
	}, {
		name:    "media type",
		pattern: late(`^[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+*-]{1,127}$`),
		says:    "a media type is such as application/json",
	}, {
		name:    "media range",
		pattern: late(`^(\*/\*|[A-Za-z0-9!#$&^_.+-]{1,127}/(\*|[A-Za-z0-9!#$&^_.+-]{1,127}))$`),
		says:    "a media type is such as image/png, image/* or */*",
	}, {
		name:    "request parameter",
		pattern: late(`^method\.request\.(header|querystring)\.[A-Za-z0-9._-]+$`),
		says:    "a request parameter is method.request.header.NAME or method.request.querystring.NAME",
		fix: func(s string) string {
			if rest, ok := strings.CutPrefix(s, "$request."); ok {
				return fmt.Sprintf("that is the form of HTTP APIs; write %q", "method.request."+rest)
			}
			return ""
		},
	}, {
		name:    "policy name",
		pattern: late(`^[A-Za-z0-9 _-]{1,128}$`),
		says:    "a name in a policy is letters, digits, spaces, - and _",
	}, {
		name:    "policy action",
		pattern: late(`^(\*|execute-api:[A-Za-z*?]{1,64})$`),
		says:    "write execute-api:Invoke",
	}, {
		// An ARN with the id of an API, which is another one in each stage, could never
		// match here, and a Deny with it would be none.
		name:    "policy resource",
		pattern: late(`^(\*|execute-api:/[^\x00-\x1f]+|arn:aws:execute-api:\*:\*:\*(/[^\x00-\x1f]*)?)$`),
		says:    "write execute-api:/STAGE/METHOD/PATH, which is of this API, such as execute-api:/* or execute-api:/*/GET/items/*",
	}, {
		name:    "policy principal",
		pattern: late(`^(\*|[0-9]{12}|arn:aws:iam::[0-9]{12}:(root|(role|user)/[!-)+->@-~]{1,200})|arn:aws:sts::[0-9]{12}:assumed-role/[\w+=,.@-]{1,64}/[\w+=,.@-]{2,64})$`),
		says:    `write "*", or who signs requests to routes with the authorizer iam: an account, or the ARN of a role or a session, such as arn:aws:iam::000000000000:role/NAME`,
	}, {
		name:    "condition operator or key",
		pattern: late(`^[A-Za-z][A-Za-z0-9:._/-]{0,127}$`),
		says:    `a condition is such as IpAddress: {"aws:SourceIp": "127.0.0.1/32"}; between braces its key stands in quotes`,
	}, {
		name:    "condition value",
		pattern: late(`^[^\x00-\x1f]*$`),
		says:    "a condition's value is a text such as 127.0.0.1/32",
	}, {
		name:    "template",
		pattern: late(`^[^\x00]*$`),
		says:    "a template is a text with $context.NAME in it",
	}, {
		name:    "access log format",
		pattern: late(`^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]+$`),
		says:    "the format of an access log is a text with $context.requestId in it",
	}, {
		name:    "handler path",
		pattern: late(`^[^/\\:*?"<>|{}][^\\:*?"<>|{}]*$`),
		says:    "a handler is a directory with a Go main package, or path/file.export, relative to the declaration and with / between",
		fix: func(s string) string {
			if path := strings.TrimLeft(strings.ReplaceAll(s, `\`, "/"), "/"); path != s && !strings.ContainsAny(path, `:*?"<>|{}`) && path != "" {
				return fmt.Sprintf("write %q", path)
			}
			return ""
		},
	},
}

func grammarOf(name string) *grammar {
	for _, list := range [...][]grammar{grammars, accessGrammars} {
		for i := range list {
			if list[i].name == name {
				return &list[i]
			}
		}
	}
	if name != "" {
		panic("app: no grammar " + name) // a tag names what is not above
	}
	return nil
}

// fixLower proposes a name in lower case if that is all it needs.
func fixLower(p *pattern) func(string) string {
	return func(s string) string {
		lower := strings.NewReplacer("_", "-", " ", "-").Replace(strings.ToLower(s))
		if lower != s && p.MatchString(lower) {
			return fmt.Sprintf("write %q", lower)
		}
		return ""
	}
}

func fixResource(s string) string {
	var b strings.Builder
	upper := false
	for _, r := range s {
		if r == '-' || r == '_' || r == ' ' || r == '.' {
			upper = b.Len() > 0
			continue
		}
		if upper {
			b.WriteString(strings.ToUpper(string(r)))
		} else {
			b.WriteRune(r)
		}
		upper = false
	}
	if name := b.String(); name != s && resourcePattern.MatchString(name) {
		return fmt.Sprintf("letters and digits only: %q", name)
	}
	return ""
}

var expressVariable = regexp.MustCompile(`/:([A-Za-z0-9_]+)`)

// fixRouteKey knows the slips people bring from other routers.
func fixRouteKey(s string) string {
	method, path, ok := strings.Cut(s, " ")
	path = strings.TrimSpace(path)
	if !ok && strings.HasPrefix(s, "/") {
		method, path = "GET", s
	}
	method = strings.ToUpper(method)
	if method == "*" {
		method = "ANY"
	}
	if path != "" && path[0] != '/' {
		path = "/" + path
	}
	if len(path) > 1 {
		path = strings.TrimRight(path, "/")
	}
	path = expressVariable.ReplaceAllString(path, "/{$1}")
	if strings.HasSuffix(path, "/*") {
		path = strings.TrimSuffix(path, "*") + "{proxy+}"
	}
	if key := method + " " + path; key != s && routeKeyPattern.MatchString(key) {
		return fmt.Sprintf("write %q", key)
	}
	if before, _, found := strings.Cut(path, "+}/"); found && strings.Contains(before, "{") {
		return "a {name+} takes all that follows, so it has to be the last segment"
	}
	if !routeKeyPattern.MatchString(method+" /") && strings.HasPrefix(path, "/") {
		return "the methods are ANY, GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS"
	}
	return ""
}

// durationPattern is a sequence of whole numbers with units.
var durationPattern = late(`^([0-9]{1,9}(ms|s|m|h|d))+$`)

var durationPart = regexp.MustCompile(`([0-9]+)(ms|s|m|h|d)`)

const day = 24 * time.Hour

// parseDuration reads a duration such as 30s, 90m or 1h30m.
func parseDuration(s string) (time.Duration, bool) {
	if len(s) > 64 || !durationPattern.MatchString(s) {
		return 0, false
	}
	units := map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": day}
	var sum time.Duration
	for _, m := range durationPart.FindAllStringSubmatch(s, -1) {
		n, err := strconv.ParseInt(m[1], 10, 64)
		unit := units[m[2]]
		if err != nil || n > int64((1<<63-1-sum)/unit) {
			return 0, false
		}
		sum += time.Duration(n) * unit
	}
	return sum, true
}

// formatDuration writes d as the declaration does, in its largest whole units.
func formatDuration(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	var b strings.Builder
	for _, u := range []struct {
		name string
		size time.Duration
	}{{"d", day}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}} {
		if n := d / u.size; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u.name)
			d -= n * u.size
		}
	}
	return b.String()
}

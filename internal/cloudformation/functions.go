package cloudformation

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/build"
)

// Function is AWS::Lambda::Function.
type Function struct {
	Architectures                []string
	Code                         Code
	Description                  string       `json:",omitempty"`
	Environment                  *Environment `json:",omitempty"`
	FunctionName                 string
	Handler                      string
	LoggingConfig                LoggingConfig
	MemorySize                   int
	ReservedConcurrentExecutions int `json:",omitempty"`
	Role                         Value
	Runtime                      string
	Timeout                      int
}

// Code is AWS::Lambda::Function Code.
type Code struct {
	S3Bucket Value
	S3Key    string
}

// Environment is AWS::Lambda::Function Environment.
type Environment struct {
	Variables map[string]Value
}

// LoggingConfig is AWS::Lambda::Function LoggingConfig.
type LoggingConfig struct {
	LogGroup Value
}

// LogGroup is AWS::Logs::LogGroup.
type LogGroup struct {
	LogGroupName    string
	RetentionInDays int
}

// Permission is AWS::Lambda::Permission.
type Permission struct {
	Action       string
	FunctionName Value
	Principal    string
	SourceArn    Value
}

// retentionInDays is how long logs of functions are kept. Without a bound they are kept,
// and paid for, for ever.
const retentionInDays = 30

// maxEnvironment is what a function's variables may take in all.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const maxEnvironment = 4 << 10

// maxHandler is the length of a handler's name (CreateFunction Handler).
const maxHandler = 128

// functions compiles the declared functions.
func (s *synth) functions() {
	all := s.app.Functions()
	if len(all) == 0 {
		return
	}
	s.template.Parameters = map[string]Parameter{ArtifactsBucket: {
		Type: "String", Description: "The bucket with the functions' packages",
	}}
	s.pack(all)
	for _, f := range all {
		s.function(f)
	}
}

// pack has the handlers packaged, each once.
func (s *synth) pack(all []app.ResolvedFunction) {
	var handlers []string
	seen := map[string]bool{}
	for _, f := range all {
		if !seen[f.Handler] {
			seen[f.Handler] = true
			handlers = append(handlers, f.Handler)
		}
	}
	packages, err := s.opts.Build(handlers)
	if err == nil && len(packages) != len(handlers) {
		err = fmt.Errorf("packaging the functions: %d packages for %d handlers", len(packages), len(handlers))
	}
	if err != nil {
		s.failed = err
		return
	}
	for i, p := range packages {
		s.packages[handlers[i]] = p
		s.files[p.Key] = Artifact{Key: p.Key, Path: p.Path, Size: p.Size}
	}
}

// function compiles a function with its log group, its role and its permissions.
func (s *synth) function(f app.ResolvedFunction) {
	code := s.packages[f.Handler]
	if len(code.Handler) > maxHandler || strings.ContainsFunc(code.Handler, unicode.IsSpace) {
		s.refuse(f.Pos, "give its folder or file another name", "the handler %q: Lambda takes at most %d characters and no white space", code.Handler, maxHandler)
	}
	id, role, logs := s.functionID(f.Name), s.roleID(f.Name), s.logGroupID(f.Name)
	add := func(id string, r Resource) {
		r.Pos = f.Pos
		s.add(id, r)
	}
	// Made with the stack: one that Lambda makes with the first line is kept for ever and
	// is in the way of the next stack of that name.
	add(logs, Resource{Type: "AWS::Logs::LogGroup", Properties: LogGroup{
		LogGroupName: "/aws/lambda/" + f.Name, RetentionInDays: retentionInDays,
	}})
	add(role, Resource{Type: "AWS::IAM::Role", Properties: Role{
		AssumeRolePolicyDocument: trustLambda(),
		Description:              "What the function " + f.Name + " may do",
		Policies: []InlinePolicy{{PolicyName: "logs", PolicyDocument: PolicyDocument{Version: policyVersion, Statement: []Statement{{
			// Not logs:CreateLogGroup, by which a function that is still running would make
			// anew the group of a stack that was removed. The ARN ends in :*.
			Effect: "Allow", Action: []string{"logs:CreateLogStream", "logs:PutLogEvents"}, Resource: []Value{GetAtt(logs, "Arn")},
		}}}}},
	}})
	s.grant(s.policyID(f.Name), role, f.Pos, f.Permissions)
	add(id, Resource{Type: "AWS::Lambda::Function", Properties: Function{
		Architectures: []string{string(s.opts.Architecture)},
		Code:          Code{S3Bucket: Ref(ArtifactsBucket), S3Key: code.Key},
		Description:   f.Handler[:min(len(f.Handler), 256)], // CreateFunction Description
		Environment:   s.environment(f, code),
		FunctionName:  f.Name,
		Handler:       code.Handler,
		// By reference, which makes the function wait for the group.
		LoggingConfig:                LoggingConfig{LogGroup: Ref(logs)},
		MemorySize:                   f.MemorySize,
		ReservedConcurrentExecutions: f.Concurrency,
		Role:                         GetAtt(role, "Arn"),
		Runtime:                      code.Runtime,
		Timeout:                      int(f.Timeout / time.Second),
	}})
}

// environment compiles a function's variables.
func (s *synth) environment(f app.ResolvedFunction, code build.Package) *Environment {
	env := &Environment{Variables: map[string]Value{}}
	size := 0
	for name, e := range f.Environment.All() {
		v := s.value(e)
		env.Variables[name] = v
		if text, ok := v.Literal(); ok {
			size += len(text)
			if host, local := localURL(text); local {
				s.refuse(s.app.PosOf(e), fmt.Sprintf("give it the address for %s below stages.%s", s.app.Stage, s.app.Stage),
					"the environment variable %s is the address of %s, which a function on AWS cannot reach", name, host)
			}
		}
		size += len(name)
	}
	if _, own := env.Variables["NODE_OPTIONS"]; code.SourceMaps && !own {
		// As it is run locally: a stack trace names the lines of the source.
		env.Variables["NODE_OPTIONS"] = Text("--enable-source-maps")
		size += len("NODE_OPTIONS--enable-source-maps")
	}
	if size > maxEnvironment {
		s.refuse(f.Pos, "keep what is long in a file or a table", "the environment of %s takes %d bytes or more; Lambda allows %d", f.Handler, size, maxEnvironment)
	}
	if len(env.Variables) == 0 {
		return nil
	}
	return env
}

// localURL says whether a text is the URL of a host that only this machine, or its
// network, knows.
func localURL(text string) (host string, local bool) {
	if !strings.Contains(text, "://") {
		return "", false
	}
	u, err := url.Parse(text)
	if err != nil {
		return "", false
	}
	return u.Hostname(), localHost(u.Hostname())
}

// localHost says whether a host is this machine, or one of a private network, which AWS
// does not reach.
func localHost(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") || strings.HasSuffix(host, ".local") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && (ip.IsLoopback() || ip.IsPrivate() || ip.IsUnspecified() || ip.IsLinkLocalUnicast())
}

package stack_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/doorwright/doorwright/internal/cloudformation/stack"
)

const (
	accountID = "123456789012"
	region    = "eu-west-1"
	bucket    = "doorwright-artifacts-123456789012-eu-west-1"
)

// fake is CloudFormation, S3 and STS as far as a deploy speaks to them, on the wire.
// It does what its script says; time passes when its client sleeps.
type fake struct {
	*httptest.Server
	t *testing.T

	mu      sync.Mutex
	now     time.Time
	calls   []string // "service.Operation"
	account string
	caller  string
	// before is asked ahead of an operation; what it answers is the answer.
	before func(op string, n int) *fault
	counts map[string]int
	// refuses are the resources that fail, with the reason; rollbackFails and
	// deleteFails those that fail then.
	refuses, rollbackFails, deleteFails map[string]string
	noEvents                            bool
	stacks                              []*fakeStack
	sets                                map[string]*fakeSet
	buckets                             map[string]*fakeBucket
	foreign                             map[string]string // bucket -> owner
	replaces                            map[string]string // logical id -> Replacement
	steps                               []func()          // of what is under way, one a sleep
	services
	onSleep func(n int)
	sleeps  int
}

type fault struct {
	status        int
	code, message string
}

type fakeStack struct {
	name, id, status, reason, template, token string
	tags, params                              map[string]string
	resources                                 map[string]string // id -> status
	events                                    []string          // XML, the oldest first
	protected                                 bool
	data                                      map[string]string // id -> the object of fake.data behind it
}

type fakeSet struct {
	id, name, template, kind, status, reason string
	stack                                    *fakeStack
	tags, params                             map[string]string
	polls                                    int
}

type fakeBucket struct {
	settings map[string]string // sub-resource -> body
	objects  map[string]string
	versions []string // key of each version that is left
}

func newFake(t *testing.T) *fake {
	f := &fake{
		t: t, now: time.Date(2026, 11, 21, 13, 0, 0, 0, time.UTC), account: accountID, caller: "arn:aws:sts::" + accountID + ":assumed-role/Admin/alice@example.com",
		counts: map[string]int{}, refuses: map[string]string{}, rollbackFails: map[string]string{}, deleteFails: map[string]string{},
		sets: map[string]*fakeSet{}, buckets: map[string]*fakeBucket{}, foreign: map[string]string{}, replaces: map[string]string{},
	}
	f.data = map[string]bool{}
	f.secrets, f.providers, f.pools, f.domains = map[string]*fakeSecret{}, map[string]*fakeProvider{}, map[string]map[string]any{}, map[string]string{}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

// client gives the real SDK's configuration, pointed at the fake.
func (f *fake) config() stack.Config {
	return stack.Config{
		App: "notes", Stage: "prod",
		AWS: aws.Config{Region: region, BaseEndpoint: aws.String(f.URL), Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}, nil
		})},
		Now: func() time.Time { f.mu.Lock(); defer f.mu.Unlock(); return f.now },
		Sleep: func(ctx context.Context, d time.Duration) error {
			f.mu.Lock()
			f.now = f.now.Add(d)
			f.step()
			f.sleeps++
			n, hook := f.sleeps, f.onSleep
			f.mu.Unlock()
			if hook != nil {
				hook(n)
			}
			return ctx.Err()
		},
	}
}

// step does one step of what is under way.
func (f *fake) step() {
	if len(f.steps) > 0 {
		f.steps[0]()
		f.steps = f.steps[1:]
	}
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // cut off; httptest sees to the connection
	}
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
		f.t.Errorf("%s %s is not signed", r.Method, r.URL)
	}
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		f.json(w, target, body)
		return
	}
	if r.URL.Path == "/account" {
		f.getAccount(w, r)
		return
	}
	if r.URL.Path == "/" && r.Method == http.MethodPost {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			f.t.Error(err)
		}
		f.query(w, form)
		return
	}
	f.s3(w, r, body)
}

// wait lets a request end whose connection was lost: who sent it knows of that before.
func (f *fake) wait() {
	f.mu.Lock()
	defer f.mu.Unlock()
}

// stop gives the scripted answer to an operation, if there is one.
func (f *fake) stop(op string) *fault {
	f.calls = append(f.calls, op)
	f.counts[op]++
	if f.before == nil {
		return nil
	}
	return f.before(op, f.counts[op])
}

func esc(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}

// query speaks AWS's query protocol.
// https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
func (f *fake) query(w http.ResponseWriter, form url.Values) {
	op := form.Get("Action")
	ns, service := "http://cloudformation.amazonaws.com/doc/2010-05-15/", "cloudformation"
	if op == "GetCallerIdentity" {
		ns, service = "https://sts.amazonaws.com/doc/2011-06-15/", "sts"
	}
	if form.Get("Version") == "2010-05-08" {
		ns, service = "https://iam.amazonaws.com/doc/2010-05-08/", "iam"
	}
	w.Header().Set("Content-Type", "text/xml")
	bad := f.stop(service + "." + op)
	result := ""
	if bad == nil {
		result, bad = f.operation(op, form)
	}
	if bad != nil {
		w.WriteHeader(bad.status)
		fmt.Fprintf(w, `<ErrorResponse xmlns="%s"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>1</RequestId></ErrorResponse>`, ns, bad.code, esc(bad.message))
		return
	}
	fmt.Fprintf(w, `<%[1]sResponse xmlns="%[2]s"><%[1]sResult>%[3]s</%[1]sResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></%[1]sResponse>`, op, ns, result)
}

func invalid(format string, args ...any) *fault {
	return &fault{400, "ValidationError", fmt.Sprintf(format, args...)}
}

func (f *fake) find(nameOrID string) *fakeStack {
	for _, s := range slices.Backward(f.stacks) {
		if s.id == nameOrID || s.name == nameOrID && s.status != "DELETE_COMPLETE" {
			return s
		}
	}
	return nil
}

func (f *fake) operation(op string, form url.Values) (string, *fault) {
	if op == "GetCallerIdentity" {
		return fmt.Sprintf("<Arn>%s</Arn><UserId>AROA:alice</UserId><Account>%s</Account>", f.caller, f.account), nil
	}
	if strings.HasSuffix(op, "OpenIDConnectProvider") || strings.HasSuffix(op, "OpenIDConnectProviders") {
		return f.iam(op, form)
	}
	if op == "DescribeStackDriftDetectionStatus" {
		return f.driftStatus(form)
	}
	if op == "CreateChangeSet" {
		return f.createChangeSet(form)
	}
	if set := form.Get("ChangeSetName"); set != "" {
		return f.changeSet(op, set)
	}
	s := f.find(form.Get("StackName"))
	if s == nil {
		if op == "DeleteStack" {
			return "", nil
		}
		return "", invalid("Stack with id %s does not exist", form.Get("StackName"))
	}
	switch op {
	case "DescribeStacks":
		return "<Stacks><member>" + s.xml() + "</member></Stacks>", nil
	case "DescribeStackEvents":
		const page = 3
		newest := slices.Clone(s.events)
		slices.Reverse(newest)
		var at int
		fmt.Sscan(form.Get("NextToken"), &at)
		end, next := min(at+page, len(newest)), ""
		if end < len(newest) {
			next = fmt.Sprintf("<NextToken>%d</NextToken>", end)
		}
		return "<StackEvents>" + strings.Join(newest[at:end], "") + "</StackEvents>" + next, nil
	case "ListStackResources":
		var b strings.Builder
		for _, id := range sortedKeys(s.resources) {
			res, name := parse(s.template).Resources[id], physical(id)
			if res.Type == "AWS::IAM::OIDCProvider" {
				name = providerARN(fmt.Sprint(res.Properties["Url"]))
			}
			if s.resources[id] == "CREATE_FAILED" {
				name = ""
			}
			fmt.Fprintf(&b, "<member><LogicalResourceId>%s</LogicalResourceId><PhysicalResourceId>%s</PhysicalResourceId><ResourceType>%s</ResourceType><ResourceStatus>%s</ResourceStatus><LastUpdatedTimestamp>2026-11-21T13:00:00Z</LastUpdatedTimestamp></member>", id, name, res.Type, s.resources[id])
		}
		return "<StackResourceSummaries>" + b.String() + "</StackResourceSummaries>", nil
	case "DetectStackDrift", "DescribeStackResourceDrifts":
		return f.drift(op, s, form)
	case "GetTemplate":
		return "<TemplateBody>" + esc(s.template) + "</TemplateBody>", nil
	case "UpdateTerminationProtection":
		s.protected = form.Get("EnableTerminationProtection") == "true"
		return "<StackId>" + s.id + "</StackId>", nil
	}
	s.token = form.Get("ClientRequestToken")
	switch op {
	case "UpdateStack":
		if !slices.Contains([]string{"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}, s.status) {
			return "", invalid("Stack:%s is in %s state and can not be updated.", s.id, s.status)
		}
		text, bad := f.templateIn(form)
		if bad != nil {
			return "", bad
		}
		f.run(s, text, "UPDATE")
	case "ContinueUpdateRollback":
		if s.status != "UPDATE_ROLLBACK_FAILED" {
			return "", invalid("Stack:%s is in %s state", s.id, s.status)
		}
		f.set(s, "UPDATE_ROLLBACK_IN_PROGRESS", "")
		f.steps = []func(){func() { f.rolledBack(s) }}
	case "DeleteStack":
		if s.protected {
			return "", invalid("Stack [%s] cannot be deleted while TerminationProtection is enabled", s.name)
		}
		f.delete(s, form)
	default:
		f.t.Errorf("the fake does not know %s", op)
		return "", &fault{400, "InvalidAction", op}
	}
	return "<StackId>" + s.id + "</StackId>", nil
}

func physical(id string) string { return "prod-notes-" + strings.ToLower(id) }

func (s *fakeStack) xml() string {
	var b strings.Builder
	fmt.Fprintf(&b, "<StackId>%s</StackId><StackName>%s</StackName><StackStatus>%s</StackStatus><StackStatusReason>%s</StackStatusReason><CreationTime>2026-11-21T13:00:00Z</CreationTime><EnableTerminationProtection>%t</EnableTerminationProtection><Tags>", s.id, s.name, s.status, esc(s.reason), s.protected)
	for _, k := range sortedKeys(s.tags) {
		fmt.Fprintf(&b, "<member><Key>%s</Key><Value>%s</Value></member>", k, s.tags[k])
	}
	b.WriteString("</Tags><Parameters>")
	for _, k := range sortedKeys(s.params) {
		fmt.Fprintf(&b, "<member><ParameterKey>%s</ParameterKey><ParameterValue>%s</ParameterValue></member>", k, s.params[k])
	}
	b.WriteString("</Parameters><Outputs>")
	if strings.HasSuffix(s.status, "E_COMPLETE") {
		for _, k := range slices.Backward(sortedKeys(parse(s.template).Outputs)) {
			fmt.Fprintf(&b, "<member><OutputKey>%s</OutputKey><OutputValue>%s-value</OutputValue></member>", k, k)
		}
	}
	b.WriteString("</Outputs>")
	return b.String()
}

type parsed struct {
	Parameters, Outputs map[string]any
	Resources           map[string]parsedResource
}

type parsedResource struct {
	Type, DeletionPolicy, UpdateReplacePolicy string
	Properties, Metadata                      map[string]any
}

func parse(template string) parsed {
	var p parsed
	_ = json.Unmarshal([]byte(template), &p)
	return p
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func members(form url.Values, list, key, value string) map[string]string {
	m := map[string]string{}
	for i := 1; form.Has(fmt.Sprintf("%s.member.%d.%s", list, i, key)); i++ {
		m[form.Get(fmt.Sprintf("%s.member.%d.%s", list, i, key))] = form.Get(fmt.Sprintf("%s.member.%d.%s", list, i, value))
	}
	return m
}

// templateIn gives the template of a request: in it, or in the bucket.
func (f *fake) templateIn(form url.Values) (string, *fault) {
	const maxInline = 51_200
	text := form.Get("TemplateBody")
	if len(text) > maxInline {
		return "", invalid("1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to %d", maxInline)
	}
	if u := form.Get("TemplateURL"); u != "" {
		key, ok := strings.CutPrefix(u, "https://s3."+region+".amazonaws.com/"+bucket+"/")
		if b := f.buckets[bucket]; !ok || b == nil || b.objects[key] == "" {
			return "", invalid("S3 error: Access Denied %s", u)
		}
		text = f.buckets[bucket].objects[key]
	}
	return text, nil
}

func (f *fake) createChangeSet(form url.Values) (string, *fault) {
	name, kind := form.Get("StackName"), form.Get("ChangeSetType")
	s := f.find(name)
	switch {
	case kind == "CREATE" && s == nil:
		s = &fakeStack{name: name, id: fmt.Sprintf("arn:aws:cloudformation:%s:%s:stack/%s/%d", region, accountID, name, len(f.stacks)), tags: members(form, "Tags", "Key", "Value")}
		f.stacks = append(f.stacks, s)
		f.set(s, "REVIEW_IN_PROGRESS", "")
	case kind == "CREATE" && s.status != "REVIEW_IN_PROGRESS":
		return "", invalid("Stack [%s] already exists and cannot be created again with the changeSet [%s].", name, form.Get("ChangeSetName"))
	case kind == "UPDATE" && s == nil:
		return "", invalid("Stack [%s] does not exist", name)
	case kind == "UPDATE" && !slices.Contains([]string{"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}, s.status):
		return "", invalid("Stack:%s is in %s state and can not be updated.", s.id, s.status)
	}
	set := &fakeSet{name: form.Get("ChangeSetName"), kind: kind, stack: s, template: form.Get("TemplateBody"), tags: members(form, "Tags", "Key", "Value"), params: members(form, "Parameters", "ParameterKey", "ParameterValue"), status: "CREATE_IN_PROGRESS"}
	text, bad := f.templateIn(form)
	if bad != nil {
		return "", bad
	}
	set.template = text
	set.id = fmt.Sprintf("arn:aws:cloudformation:%s:%s:changeSet/%s/%d", region, accountID, set.name, len(f.sets))
	f.sets[set.id] = set
	return fmt.Sprintf("<Id>%s</Id><StackId>%s</StackId>", set.id, s.id), nil
}

func (f *fake) changeSet(op, id string) (string, *fault) {
	set := f.sets[id]
	if set == nil {
		return "", &fault{404, "ChangeSetNotFound", "ChangeSet [" + id + "] does not exist"}
	}
	switch op {
	case "DeleteChangeSet":
		delete(f.sets, id)
		return "", nil
	case "ExecuteChangeSet":
		delete(f.sets, id)
		set.stack.tags, set.stack.params, set.stack.token = set.tags, set.params, set.name
		f.run(set.stack, set.template, set.kind)
		return "", nil
	}
	changes := f.changes(set)
	if set.polls++; set.polls > 1 && set.status == "CREATE_IN_PROGRESS" {
		set.status = "CREATE_COMPLETE"
		if changes == "" {
			set.status, set.reason = "FAILED", "The submitted information didn't contain changes. Submit different information to create a change set."
		}
	}
	if set.status != "CREATE_COMPLETE" {
		changes = ""
	}
	return fmt.Sprintf("<ChangeSetName>%s</ChangeSetName><ChangeSetId>%s</ChangeSetId><StackId>%s</StackId><Status>%s</Status><StatusReason>%s</StatusReason><Changes>%s</Changes>", set.name, set.id, set.stack.id, set.status, esc(set.reason), changes), nil
}

func (f *fake) changes(set *fakeSet) string {
	old, now := parse(set.stack.template).Resources, parse(set.template).Resources
	var b strings.Builder
	change := func(action, id, kind, more string) {
		fmt.Fprintf(&b, "<member><Type>Resource</Type><ResourceChange><Action>%s</Action><LogicalResourceId>%s</LogicalResourceId><ResourceType>%s</ResourceType>%s</ResourceChange></member>", action, id, kind, more)
	}
	for _, id := range sortedKeys(now) {
		was, there := old[id]
		switch {
		case !there:
			change("Add", id, now[id].Type, "")
		case !reflect.DeepEqual(was, now[id]):
			replacement := "False"
			if f.replaces[id] != "" {
				replacement = f.replaces[id]
			}
			var details strings.Builder
			for _, p := range sortedKeys(now[id].Properties) {
				if !reflect.DeepEqual(was.Properties[p], now[id].Properties[p]) {
					fmt.Fprintf(&details, "<member><Target><Attribute>Properties</Attribute><Name>%s</Name></Target></member>", p)
				}
			}
			change("Modify", id, now[id].Type, fmt.Sprintf("<PhysicalResourceId>%s</PhysicalResourceId><Replacement>%s</Replacement><Details>%s</Details>", physical(id), replacement, details.String()))
		}
	}
	for _, id := range sortedKeys(old) {
		if _, there := now[id]; !there {
			policy := "Delete"
			if old[id].DeletionPolicy == "Retain" {
				policy = "Retain"
			}
			change("Remove", id, old[id].Type, fmt.Sprintf("<PhysicalResourceId>%s</PhysicalResourceId><PolicyAction>%s</PolicyAction>", physical(id), policy))
		}
	}
	return b.String()
}

// event adds one to a stack's history.
func (f *fake) event(s *fakeStack, id, kind, physicalID, status, reason string) {
	if f.noEvents {
		return
	}
	s.events = append(s.events, fmt.Sprintf("<member><EventId>e%d</EventId><StackId>%s</StackId><StackName>%s</StackName><LogicalResourceId>%s</LogicalResourceId><PhysicalResourceId>%s</PhysicalResourceId><ResourceType>%s</ResourceType><Timestamp>%s</Timestamp><ResourceStatus>%s</ResourceStatus><ResourceStatusReason>%s</ResourceStatusReason><ClientRequestToken>%s</ClientRequestToken></member>",
		len(s.events), s.id, s.name, id, physicalID, kind, f.now.Format(time.RFC3339), status, esc(reason), s.token))
}

// set brings a stack to a state.
func (f *fake) set(s *fakeStack, status, reason string) {
	s.status, s.reason = status, reason
	f.event(s, s.name, "AWS::CloudFormation::Stack", s.id, status, reason)
}

// run begins a CREATE or an UPDATE, which is seen a while after it was asked for.
func (f *fake) run(s *fakeStack, template, verb string) {
	before, token := s.template, s.token
	f.steps = append(f.steps, func() {
		s.token = token
		f.set(s, verb+"_IN_PROGRESS", "User Initiated")
		f.steps = append(f.steps, func() { f.finish(s, before, template, verb) })
	})
}

func (f *fake) finish(s *fakeStack, before, template, verb string) {
	now := parse(template).Resources
	failed := false
	for _, id := range sortedKeys(now) {
		f.event(s, id, now[id].Type, physical(id), verb+"_IN_PROGRESS", "")
		reason := f.refuses[id]
		if reason == "" {
			reason = f.refusal(id, now[id].Type, now[id].Properties, parse(before).Resources[id].Properties)
		}
		if reason == "" {
			reason = sibling(id, now[id], parse(before).Resources)
		}
		if reason != "" {
			f.event(s, id, now[id].Type, physical(id), verb+"_FAILED", reason)
			failed = true
			continue
		}
		if failed {
			f.event(s, id, now[id].Type, physical(id), verb+"_FAILED", "Resource creation cancelled")
		}
	}
	switch {
	case !failed:
		f.keepData(s, parse(before).Resources, now)
		f.deployments(parse(before).Resources, now)
		s.template, s.resources = template, map[string]string{}
		for _, id := range sortedKeys(now) {
			f.event(s, id, now[id].Type, physical(id), verb+"_COMPLETE", "")
			f.made(id, now[id].Type, now[id].Properties)
			s.resources[id] = verb + "_COMPLETE"
		}
		f.set(s, verb+"_COMPLETE", "")
	case verb == "CREATE":
		s.template, s.resources = template, map[string]string{}
		f.set(s, "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create.")
		f.steps = append(f.steps, func() { f.set(s, "ROLLBACK_COMPLETE", "") })
	default:
		s.template = before
		f.set(s, "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to update.")
		f.steps = append(f.steps, func() { f.rolledBack(s) })
	}
}

func (f *fake) rolledBack(s *fakeStack) {
	for _, id := range sortedKeys(f.rollbackFails) {
		f.event(s, id, parse(s.template).Resources[id].Type, physical(id), "UPDATE_FAILED", f.rollbackFails[id])
	}
	if len(f.rollbackFails) > 0 {
		f.set(s, "UPDATE_ROLLBACK_FAILED", "The following resource(s) failed to update.")
		return
	}
	f.set(s, "UPDATE_ROLLBACK_COMPLETE", "")
}

func (f *fake) delete(s *fakeStack, form url.Values) {
	if s.status == "REVIEW_IN_PROGRESS" {
		f.set(s, "DELETE_COMPLETE", "")
		return
	}
	var retain []string
	for i := 1; form.Has(fmt.Sprintf("RetainResources.member.%d", i)); i++ {
		retain = append(retain, form.Get(fmt.Sprintf("RetainResources.member.%d", i)))
	}
	f.set(s, "DELETE_IN_PROGRESS", "User Initiated")
	f.steps = append(f.steps, func() {
		failed := false
		resources := parse(s.template).Resources
		for _, id := range sortedKeys(s.resources) {
			kind := resources[id].Type
			b := f.buckets[physical(id)]
			switch {
			case resources[id].DeletionPolicy == "Retain", slices.Contains(retain, id):
				s.resources[id] = "DELETE_SKIPPED"
			case f.deleteFails[id] != "":
				s.resources[id], failed = "DELETE_FAILED", true
				f.event(s, id, kind, physical(id), "DELETE_FAILED", f.deleteFails[id])
			case b != nil && len(b.versions) > 0:
				s.resources[id], failed = "DELETE_FAILED", true
				f.event(s, id, kind, physical(id), "DELETE_FAILED", "The bucket you tried to delete is not empty. You must delete all versions in the bucket.")
			default:
				s.resources[id] = "DELETE_COMPLETE"
				delete(f.data, s.data[id])
				delete(f.buckets, physical(id))
				f.event(s, id, kind, physical(id), "DELETE_COMPLETE", "")
			}
		}
		if failed {
			f.set(s, "DELETE_FAILED", "The following resource(s) failed to delete.")
			return
		}
		f.set(s, "DELETE_COMPLETE", "")
	})
}

// s3 speaks S3's REST protocol, with the bucket in the path.
func (f *fake) s3(w http.ResponseWriter, r *http.Request, body []byte) {
	name, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	sub := ""
	for _, q := range []string{"publicAccessBlock", "encryption", "lifecycle", "versions", "delete"} {
		if r.URL.Query().Has(q) {
			sub = q
		}
	}
	op := "s3." + r.Method + " " + map[bool]string{true: "object", false: "bucket"}[key != ""] + sub
	answer := func(bad *fault) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(bad.status)
		if r.Method != http.MethodHead {
			fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", bad.code, esc(bad.message))
		}
	}
	if bad := f.stop(op); bad != nil {
		if bad.status == 0 {
			panic(http.ErrAbortHandler) // the connection is lost
		}
		answer(bad)
		return
	}
	if owner := f.foreign[name]; owner != "" {
		answer(&fault{403, "AccessDenied", "Access Denied"})
		return
	}
	b := f.buckets[name]
	creating := r.Method == http.MethodPut && key == "" && sub == ""
	if expects := r.Header.Get("x-amz-expected-bucket-owner"); expects != accountID && !creating {
		f.t.Errorf("%s names the owner %q", op, expects)
	}
	if b == nil && !creating {
		answer(&fault{404, "NoSuchBucket", "The specified bucket does not exist"})
		return
	}
	switch {
	case creating:
		if !strings.Contains(string(body), "<LocationConstraint>"+region+"</LocationConstraint>") {
			f.t.Errorf("the bucket is made in %s", body)
		}
		f.buckets[name] = &fakeBucket{settings: map[string]string{}, objects: map[string]string{}}
	case key == "" && r.Method == http.MethodHead:
	case key == "" && r.Method == http.MethodGet && sub == "versions":
		const page = 2
		var list strings.Builder
		for i, k := range b.versions[:min(page, len(b.versions))] {
			kind := []string{"Version", "DeleteMarker"}[i%2]
			fmt.Fprintf(&list, "<%[1]s><Key>%[2]s</Key><VersionId>v-%[2]s</VersionId></%[1]s>", kind, k)
		}
		fmt.Fprintf(w, "<ListVersionsResult><IsTruncated>%t</IsTruncated>%s</ListVersionsResult>", len(b.versions) > page, list.String())
	case key == "" && r.Method == http.MethodPost && sub == "delete":
		b.versions = slices.DeleteFunc(b.versions, func(k string) bool { return strings.Contains(string(body), "<VersionId>v-"+k+"</VersionId>") })
		fmt.Fprint(w, "<DeleteResult></DeleteResult>")
	case key == "" && r.Method == http.MethodGet:
		if b.settings[sub] == "" {
			answer(&fault{404, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found"})
			return
		}
		w.Write([]byte(b.settings[sub]))
	case key == "":
		b.settings[sub] = string(body)
	case r.Method == http.MethodHead:
		o, ok := b.objects[key]
		if !ok {
			w.WriteHeader(404)
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(o)))
	case r.Method == http.MethodPut:
		if r.Header.Get("If-None-Match") != "*" {
			f.t.Errorf("%s is put without If-None-Match: *", key)
		}
		if _, there := b.objects[key]; there {
			answer(&fault{412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold"})
			return
		}
		b.objects[key] = string(decodeChunks(r, body))
		sum := md5.Sum(body)
		w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)
	}
}

// decodeChunks takes the chunks off a body that has a checksum behind it.
func decodeChunks(r *http.Request, body []byte) []byte {
	if !strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked") {
		return body
	}
	var out []byte
	for len(body) > 0 {
		head, rest, _ := bytes.Cut(body, []byte("\r\n"))
		var n int
		if _, err := fmt.Sscanf(string(head), "%x", &n); err != nil || n == 0 || n > len(rest) {
			break
		}
		out, body = append(out, rest[:n]...), bytes.TrimPrefix(rest[n:], []byte("\r\n"))
	}
	return out
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

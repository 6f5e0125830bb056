package stack_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// services are what the fake has of IAM, Cognito and Secrets Manager, and of drift.
type services struct {
	// data are the tables, pools and buckets of the account that are there: a name for
	// each that ever was made.
	data      map[string]bool
	n         int
	secrets   map[string]*fakeSecret
	providers map[string]*fakeProvider  // by ARN
	pools     map[string]map[string]any // by id: what DescribeUserPool tells
	domains   map[string]string         // prefix -> "account pool"
	logsRole  string                    // by which API Gateway writes logs
	pictures  map[string][]string       // deployment -> the methods and answers that it shows
	drifts    map[string]string         // logical id -> XML of what differs; "" is gone
	// driftPolls is how often a detection is asked about until it ends as driftEnd,
	// which is DETECTION_COMPLETE if it is empty. driftBusy others are under way before.
	driftPolls, driftBusy int
	driftEnd              string
}

type fakeSecret struct {
	versions map[string]string // id -> stage
	deleted  bool
}

type fakeProvider struct {
	clients []string
	tags    map[string]string
}

func providerARN(issuer string) string {
	return "arn:aws:iam::" + accountID + ":oidc-provider/" + strings.TrimPrefix(issuer, "https://")
}

// json speaks AWS JSON 1.1.
// https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
func (f *fake) json(w http.ResponseWriter, target string, body []byte) {
	prefix, op, _ := strings.Cut(target, ".")
	service := map[string]string{"secretsmanager": "secretsmanager", "AWSCognitoIdentityProviderService": "cognito-idp"}[prefix]
	bad := f.stop(service + "." + op)
	var in map[string]string
	if err := json.Unmarshal(body, &in); err != nil {
		f.t.Error(err)
	}
	var out any
	if bad == nil {
		out, bad = f.jsonOperation(target, in)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if bad != nil {
		if bad.status == 0 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(bad.status)
		out = map[string]string{"__type": "com.amazonaws." + service + "#" + bad.code, "message": bad.message}
	}
	if err := json.NewEncoder(w).Encode(out); err != nil {
		f.t.Error(err)
	}
}

// getAccount answers for API Gateway's GetAccount.
// https://docs.aws.amazon.com/apigateway/latest/api/API_GetAccount.html
func (f *fake) getAccount(w http.ResponseWriter, r *http.Request) {
	if scope := "/" + region + "/apigateway/aws4_request"; r.Method != http.MethodGet || !strings.Contains(r.Header.Get("Authorization"), scope) {
		f.t.Errorf("%s %s is signed by %s", r.Method, r.URL, r.Header.Get("Authorization"))
	}
	if accept := r.Header.Get("Accept"); accept != "application/json" {
		f.t.Errorf("%s %s accepts %q", r.Method, r.URL, accept)
	}
	out := map[string]any{"throttleSettings": map[string]any{"burstLimit": 5000, "rateLimit": 10000.0}, "features": []string{"UsagePlans"}, "apiKeyVersion": "4"}
	if f.logsRole != "" {
		out["cloudwatchRoleArn"] = f.logsRole
	}
	if bad := f.stop("apigateway.GetAccount"); bad != nil {
		w.Header().Set("X-Amzn-ErrorType", bad.code+":http://internal.amazon.com/coral/com.amazonaws.backplane.controlplane/")
		w.WriteHeader(bad.status)
		out = map[string]any{"message": bad.message}
	}
	if err := json.NewEncoder(w).Encode(out); err != nil {
		f.t.Error(err)
	}
}

func (f *fake) jsonOperation(target string, in map[string]string) (any, *fault) {
	switch target {
	case "secretsmanager.DescribeSecret":
		s := f.secrets[in["SecretId"]]
		if s == nil {
			return nil, &fault{400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret."}
		}
		out := map[string]any{"Name": in["SecretId"], "ARN": "arn:aws:secretsmanager:" + region + ":" + accountID + ":secret:" + in["SecretId"] + "-AbCdEf"}
		versions := map[string][]string{}
		for id, stage := range s.versions {
			versions[id] = []string{stage}
		}
		if len(versions) > 0 {
			out["VersionIdsToStages"] = versions
		}
		if s.deleted {
			out["DeletedDate"] = 1763730000.123
		}
		return out, nil
	case "AWSCognitoIdentityProviderService.DescribeUserPool":
		p := f.pools[in["UserPoolId"]]
		if p == nil {
			return nil, &fault{400, "ResourceNotFoundException", "User pool " + in["UserPoolId"] + " does not exist."}
		}
		return map[string]any{"UserPool": p}, nil
	case "AWSCognitoIdentityProviderService.DescribeUserPoolDomain":
		d := map[string]any{}
		if owner := strings.Fields(f.domains[in["Domain"]]); len(owner) == 2 {
			d = map[string]any{"AWSAccountId": owner[0], "UserPoolId": owner[1], "Domain": in["Domain"], "Status": "ACTIVE"}
		}
		return map[string]any{"DomainDescription": d}, nil
	}
	f.t.Errorf("the fake does not know %s", target)
	return nil, &fault{400, "UnknownOperationException", target}
}

// never is what Cognito does not change of a pool.
var never = []string{"UsernameAttributes", "AliasAttributes", "UsernameConfiguration"}

// refusal is why the service behind a resource refuses it.
func (f *fake) refusal(id, kind string, now, before map[string]any) string {
	switch kind {
	case "AWS::Cognito::UserPool":
		for _, property := range never {
			if before != nil && fmt.Sprint(now[property]) != fmt.Sprint(before[property]) {
				return "Invalid request provided: Updates are not allowed for property - " + property + "."
			}
		}
		for _, a := range list(before["Schema"]) {
			if !slices.ContainsFunc(list(now["Schema"]), func(b any) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
				return "Existing schema attributes cannot be modified or deleted."
			}
		}
	case "AWS::IAM::OIDCProvider":
		if arn := providerARN(fmt.Sprint(now["Url"])); before == nil && f.providers[arn] != nil {
			return "Provider with url " + fmt.Sprint(now["Url"]) + " already exists. (Service: Iam, Status Code: 409, Request ID: 1)"
		}
	case "AWS::Cognito::UserPoolDomain":
		if before == nil && f.domains[fmt.Sprint(now["Domain"])] != "" {
			return "Domain already associated with another user pool."
		}
		if before != nil && before["Domain"] != now["Domain"] {
			return "User pool already has a domain configured."
		}
	}
	return ""
}

func list(v any) []any { l, _ := v.([]any); return l }

// made makes what is behind a resource.
func (f *fake) made(id, kind string, properties map[string]any) {
	switch kind {
	case "AWS::Cognito::UserPool":
		p := map[string]any{"Id": physical(id), "Name": id}
		if old := f.pools[physical(id)]; old != nil {
			p = maps.Clone(old)
		}
		for _, property := range never {
			p[property] = properties[property]
		}
		schema := []any{
			map[string]any{"Name": "sub", "AttributeDataType": "String", "Required": true, "Mutable": false, "DeveloperOnlyAttribute": false, "StringAttributeConstraints": map[string]any{"MinLength": "1", "MaxLength": "2048"}},
		}
		standard := map[string]bool{"email": false, "name": false}
		for _, a := range list(properties["Schema"]) {
			a := maps.Clone(a.(map[string]any))
			if a["Required"] == true {
				standard[a["Name"].(string)] = true
				continue
			}
			a["Name"], a["DeveloperOnlyAttribute"], a["Required"] = "custom:"+a["Name"].(string), false, false
			if a["AttributeDataType"] == nil {
				a["AttributeDataType"] = "String"
			}
			schema = append(schema, a)
		}
		for _, name := range slices.Sorted(maps.Keys(standard)) {
			schema = append(schema, map[string]any{"Name": name, "AttributeDataType": "String", "Required": standard[name], "Mutable": true, "DeveloperOnlyAttribute": false, "StringAttributeConstraints": map[string]any{"MinLength": "0", "MaxLength": "2048"}})
		}
		p["SchemaAttributes"] = schema
		f.pools[physical(id)] = p
	case "AWS::Cognito::UserPoolDomain":
		if of, ok := properties["UserPoolId"].(map[string]any); ok {
			pool := physical(fmt.Sprint(of["Ref"]))
			f.domains[fmt.Sprint(properties["Domain"])] = accountID + " " + pool
			f.pools[pool]["Domain"] = properties["Domain"] // pools are made before: by their names
		}
	case "AWS::IAM::OIDCProvider":
		var clients []string
		for _, c := range list(properties["ClientIdList"]) {
			clients = append(clients, fmt.Sprint(c))
		}
		f.providers[providerARN(fmt.Sprint(properties["Url"]))] = &fakeProvider{clients: clients, tags: map[string]string{"doorwright:app": "notes", "doorwright:stage": "prod"}}
	}
}

// keepData does with what holds data what an update does: what is new is made, what
// changes in a property that replaces is made anew, and what is not wanted any more goes,
// but for what the template before keeps.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html
func (f *fake) keepData(s *fakeStack, before, now map[string]parsedResource) {
	if s.data == nil {
		s.data = map[string]string{}
	}
	holds := func(kind string) bool {
		return slices.Contains([]string{"AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::Cognito::UserPool"}, kind)
	}
	for _, id := range sortedKeys(before) {
		r, stays := now[id]
		switch {
		case !holds(before[id].Type):
		case !stays:
			if before[id].DeletionPolicy != "Retain" {
				delete(f.data, s.data[id])
			}
			delete(s.data, id)
		case f.replaces[id] == "True" && fmt.Sprint(r.Properties) != fmt.Sprint(before[id].Properties):
			if r.UpdateReplacePolicy != "Retain" {
				delete(f.data, s.data[id])
			}
			delete(s.data, id)
		}
	}
	for _, id := range sortedKeys(now) {
		if s.data[id] == "" && holds(now[id].Type) {
			f.n++
			s.data[id] = fmt.Sprintf("%s-%d", id, f.n)
			f.data[s.data[id]] = true
		}
	}
}

// iam answers for OIDC providers.
func (f *fake) iam(op string, form url.Values) (string, *fault) {
	if op == "ListOpenIDConnectProviders" {
		var b strings.Builder
		for _, arn := range sortedKeys(f.providers) {
			fmt.Fprintf(&b, "<member><Arn>%s</Arn></member>", arn)
		}
		return "<OpenIDConnectProviderList>" + b.String() + "</OpenIDConnectProviderList>", nil
	}
	arn := form.Get("OpenIDConnectProviderArn")
	p := f.providers[arn]
	if p == nil {
		return "", &fault{404, "NoSuchEntity", "OpenIDConnect Provider not found for arn " + arn}
	}
	var b strings.Builder
	_, issuer, _ := strings.Cut(arn, "oidc-provider/")
	fmt.Fprintf(&b, "<Url>%s</Url><CreateDate>2026-11-21T13:00:00Z</CreateDate><ClientIDList>", issuer)
	for _, c := range p.clients {
		fmt.Fprintf(&b, "<member>%s</member>", c)
	}
	b.WriteString("</ClientIDList><ThumbprintList/><Tags>")
	for _, k := range sortedKeys(p.tags) {
		fmt.Fprintf(&b, "<member><Key>%s</Key><Value>%s</Value></member>", k, p.tags[k])
	}
	return b.String() + "</Tags>", nil
}

func (f *fake) driftStatus(form url.Values) (string, *fault) {
	status := "DETECTION_IN_PROGRESS"
	if f.driftPolls--; f.driftPolls < 0 {
		if status = f.driftEnd; status == "" {
			status = "DETECTION_COMPLETE"
		}
	}
	drift := "IN_SYNC"
	if len(f.drifts) > 0 {
		drift = "DRIFTED"
	}
	return fmt.Sprintf("<StackId>%s</StackId><StackDriftDetectionId>%s</StackDriftDetectionId><StackDriftStatus>%s</StackDriftStatus><DetectionStatus>%s</DetectionStatus><DetectionStatusReason>%s</DetectionStatusReason><Timestamp>2026-11-21T13:00:00Z</Timestamp>",
		f.stacks[0].id, form.Get("StackDriftDetectionId"), drift, status, map[bool]string{true: "Failed to detect drift on resource [Api]"}[status == "DETECTION_FAILED"]), nil
}

func (f *fake) drift(op string, s *fakeStack, form url.Values) (string, *fault) {
	if op == "DetectStackDrift" {
		if !slices.Contains([]string{"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"}, s.status) {
			return "", invalid("Stack [%s] is in %s state", s.name, s.status)
		}
		if f.driftBusy--; f.driftBusy >= 0 {
			return "", invalid("Drift detection is already in progress for stack [%s]", s.id)
		}
		return "<StackDriftDetectionId>d-1</StackDriftDetectionId>", nil
	}
	ids := sortedKeys(f.drifts)
	var at int
	fmt.Sscan(form.Get("NextToken"), &at)
	next := ""
	if at+1 < len(ids) {
		next = fmt.Sprintf("<NextToken>%d</NextToken>", at+1) // one a page
	}
	if at < len(ids) {
		ids = ids[at : at+1]
	}
	var b strings.Builder
	for _, id := range ids {
		status := "MODIFIED"
		if f.drifts[id] == "" {
			status = "DELETED"
		}
		fmt.Fprintf(&b, "<member><StackId>%s</StackId><LogicalResourceId>%s</LogicalResourceId><PhysicalResourceId>%s</PhysicalResourceId><ResourceType>%s</ResourceType><StackResourceDriftStatus>%s</StackResourceDriftStatus><PropertyDifferences>%s</PropertyDifferences><Timestamp>2026-11-21T13:00:00Z</Timestamp></member>",
			s.id, id, physical(id), parse(s.template).Resources[id].Type, status, f.drifts[id])
	}
	return "<StackResourceDrifts>" + b.String() + "</StackResourceDrifts>" + next, nil
}

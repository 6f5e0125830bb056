package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// answering stands for AWS as it answers questions: each operation has one answer, and
// whatever would change something is a mistake. What CloudFormation does over time is
// played by the fake of package stack's tests.
type answering struct {
	t       *testing.T
	answers map[string]string // by operation: XML below OperationResult, or JSON
}

func (a *answering) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		a.t.Error(err)
	}
	op, form := "", url.Values{}
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		_, op, _ = strings.Cut(target, ".")
	} else if form, err = url.ParseQuery(string(body)); err == nil {
		op = form.Get("Action")
	}
	answer, known := a.answers[op]
	if !known {
		a.t.Errorf("%s %s was asked for", r.Method, op)
	}
	if code, message, isError := strings.Cut(answer, ": "); isError && !strings.HasPrefix(answer, "<") && !strings.HasPrefix(answer, "{") {
		w.WriteHeader(http.StatusBadRequest)
		if len(form) == 0 {
			fmt.Fprintf(w, `{"__type":%q,"message":%q}`, code, message)
			return
		}
		fmt.Fprintf(w, "<ErrorResponse><Error><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>", code, message)
		return
	}
	if len(form) > 0 {
		answer = fmt.Sprintf("<%[1]sResponse><%[1]sResult>%[2]s</%[1]sResult></%[1]sResponse>", op, answer)
	}
	io.WriteString(w, answer)
}

const deployed = `name: rides
region: eu-west-1
userPools:
  Riders:
    signInAliases: [username, email]
    customAttributes: {team: {}}
    clients: {web: {}}
    domain: rides-riders
identityPools:
  Everybody:
    federation:
      staff: {domain: staff.eu.auth0.com, clientId: staff-web}
apis:
  Api:
    authorizers: {riders: {type: user_pool, userPool: Riders}}
    defaults: {authorizer: riders}
    routes:
      GET /rides: {function: {handler: list.handler, environment: {KEY: "${secret:STRIPE_KEY}"}}}
`

// deployAgainst runs a deploy of the declaration and gives what it printed.
func deployAgainst(t *testing.T, declaration string, answers map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	all := map[string]string{"GetCallerIdentity": "<Arn>arn:aws:iam::123456789012:user/alice</Arn><UserId>A</UserId><Account>123456789012</Account>"}
	for op, answer := range answers {
		all[op] = answer
	}
	server := httptest.NewServer(&answering{t, all})
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "", "AWS_REGION": "", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "NO_COLOR": "1",
	} {
		t.Setenv(name, value)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"doorwright.yaml": declaration, "list.js": "export const handler = async () => [];\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out, bad bytes.Buffer
	code = run(t.Context(), append([]string{"deploy", dir, "--stage", "prod"}, args...), strings.NewReader("y\n"), &out, &bad)
	at := dir + string(filepath.Separator)
	return code, strings.ReplaceAll(out.String(), at, ""), strings.ReplaceAll(bad.String(), at, "")
}

// TestDeployRefusesBeforehand: what AWS would fail at is said before the stack is
// touched, all at once, with the lines and the ways on.
func TestDeployRefusesBeforehand(t *testing.T) {
	const arn = "arn:aws:iam::123456789012:oidc-provider/staff.eu.auth0.com"
	answers := map[string]string{
		"DescribeStacks":             "ValidationError: Stack with id prod-rides does not exist",
		"DescribeSecret":             "ResourceNotFoundException: Secrets Manager can't find the specified secret.",
		"ListOpenIDConnectProviders": "<OpenIDConnectProviderList><member><Arn>" + arn + "</Arn></member></OpenIDConnectProviderList>",
		"GetOpenIDConnectProvider":   "<Url>staff.eu.auth0.com</Url><ClientIDList><member>other</member></ClientIDList>",
		"DescribeUserPoolDomain":     `{"DomainDescription":{"UserPoolId":"eu-west-1_x","AWSAccountId":"210987654321"}}`,
	}
	const want = `doorwright: comparing with what is in account 123456789012: this would fail:
  doorwright.yaml:18:74: the secret prod-rides/STRIPE_KEY is not in Secrets Manager
  doorwright.yaml:12:7: the account trusts staff.eu.auth0.com already, and an account has one OIDC provider for each issuer; somebody has made it outside of this stack
  doorwright.yaml:8:5: the domain rides-riders is that of the user pool eu-west-1_x of account 210987654321 already
nothing was changed
  aws secretsmanager create-secret --region eu-west-1 --name prod-rides/STRIPE_KEY --secret-string file://PATH   (PATH: a file that holds the value alone, with no newline at its end)
to use the one that is there, write in its federation, below stages.prod:
  providerArn: arn:aws:iam::123456789012:oidc-provider/staff.eu.auth0.com
and let it take the client staff-web:
  aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn arn:aws:iam::123456789012:oidc-provider/staff.eu.auth0.com --client-id staff-web
choose another domain: a prefix is taken once in a region, by whichever account
`
	for _, args := range [][]string{{"--yes"}, {"--plan"}, {"--yes", "--json"}} {
		code, stdout, stderr := deployAgainst(t, deployed, answers, args...)
		if code != 1 || stderr != want {
			t.Errorf("%v: exit %d\n%s\nwant\n%s", args, code, stderr, want)
		}
		if !strings.Contains(stdout, "123456789012") {
			t.Errorf("%v: the account is not shown:\n%s", args, stdout)
		}
		for line := range strings.Lines(stdout) {
			if args[len(args)-1] == "--json" && !json.Valid([]byte(line)) {
				t.Errorf("%v: no line of JSON: %s", args, line)
			}
		}
	}
	// And the line that it says to write is taken, and compared with the account's.
	named := strings.Replace(deployed, "clientId: staff-web}", "clientId: staff-web, providerArn: \""+arn+"\"}", 1)
	if _, _, stderr := deployAgainst(t, named, answers, "--plan"); !strings.Contains(stderr, "doorwright.yaml:12:64: "+arn+" takes no tokens for the client staff-web: it has other\n") || strings.Contains(stderr, "trusts") {
		t.Errorf("with providerArn it says\n%s", stderr)
	}
}

// live are the answers of an account that has the stack, made of this very program's
// template, whose pool was made otherwise.
func live(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"doorwright.yaml": strings.Replace(deployed, "[username, email]", "[email]", 1), "list.js": "export const handler = async () => [];\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out, bad, text bytes.Buffer
	if code := run(t.Context(), []string{"synth", dir, "--stage", "prod"}, nil, &out, &bad); code != 0 {
		t.Fatal(bad.String())
	}
	for _, c := range out.String() {
		text.WriteString(map[rune]string{'<': "&lt;", '>': "&gt;", '&': "&amp;"}[c])
		if !strings.ContainsRune("<>&", c) {
			text.WriteRune(c)
		}
	}
	const resource = "<member><LogicalResourceId>UserPoolRiders</LogicalResourceId><PhysicalResourceId>eu-west-1_riders</PhysicalResourceId><ResourceType>AWS::Cognito::UserPool</ResourceType><ResourceStatus>CREATE_COMPLETE</ResourceStatus></member>"
	return map[string]string{
		"DescribeStacks": "<Stacks><member><StackId>arn:aws:cloudformation:eu-west-1:123456789012:stack/prod-rides/1</StackId><StackName>prod-rides</StackName><StackStatus>CREATE_COMPLETE</StackStatus><CreationTime>2026-11-21T13:00:00Z</CreationTime>" +
			"<Tags><member><Key>doorwright:app</Key><Value>rides</Value></member><member><Key>doorwright:stage</Key><Value>prod</Value></member></Tags></member></Stacks>",
		"ListStackResources":                "<StackResourceSummaries>" + resource + "</StackResourceSummaries>",
		"GetTemplate":                       "<TemplateBody>" + text.String() + "</TemplateBody>",
		"DescribeSecret":                    `{"VersionIdsToStages":{"11111111-aaaa":["AWSCURRENT"]}}`,
		"ListOpenIDConnectProviders":        "<OpenIDConnectProviderList/>",
		"DescribeUserPool":                  `{"UserPool":{"Id":"eu-west-1_riders","UsernameAttributes":["email"],"UsernameConfiguration":{"CaseSensitive":false},"Domain":"rides-riders","SchemaAttributes":[{"Name":"custom:team","AttributeDataType":"String","Mutable":true,"StringAttributeConstraints":{}}]}}`,
		"DetectStackDrift":                  "<StackDriftDetectionId>d</StackDriftDetectionId>",
		"DescribeStackDriftDetectionStatus": "<StackId>s</StackId><StackDriftDetectionId>d</StackDriftDetectionId><DetectionStatus>DETECTION_COMPLETE</DetectionStatus><Timestamp>2026-11-21T13:00:00Z</Timestamp>",
		"DescribeStackResourceDrifts": "<StackResourceDrifts><member><StackId>s</StackId><LogicalResourceId>UserPoolRiders</LogicalResourceId><PhysicalResourceId>eu-west-1_riders</PhysicalResourceId><ResourceType>AWS::Cognito::UserPool</ResourceType><StackResourceDriftStatus>MODIFIED</StackResourceDriftStatus><Timestamp>2026-11-21T13:00:00Z</Timestamp>" +
			"<PropertyDifferences><member><PropertyPath>/MfaConfiguration</PropertyPath><ExpectedValue>OFF</ExpectedValue><ActualValue>ON</ActualValue><DifferenceType>NOT_EQUAL</DifferenceType></member></PropertyDifferences></member></StackResourceDrifts>",
	}
}

// TestDeployComparesPools: what AWS never changes of a pool is refused with the line
// that says it.
func TestDeployComparesPools(t *testing.T) {
	const want = `doorwright: comparing with what is in account 123456789012: this would fail:
  doorwright.yaml:5:5: UsernameAttributes of UserPoolRiders (eu-west-1_riders) is email, and is declared to be none
  doorwright.yaml:5:5: AliasAttributes of UserPoolRiders (eu-west-1_riders) is none, and is declared to be email
  doorwright.yaml:6:24: the attribute custom:team of UserPoolRiders (eu-west-1_riders) is a String from 0 to 2048, mutable, and is declared to be a String from 0 to 20, mutable
nothing was changed
AWS never changes these of a user pool that is there. Take the change back; or give the pool another name in the declaration: the next deploy then makes a new one, to which the trigger userMigration can bring the users, and its plan says what becomes of this one; or deploy another stage
`
	text := strings.Replace(deployed, "{team: {}}", "{team: {minLength: 0, maxLength: 20}}", 1)
	if code, _, stderr := deployAgainst(t, text, live(t), "--plan"); code != 1 || stderr != want {
		t.Errorf("exit %d\n%s\nwant\n%s", code, stderr, want)
	}
}

// TestDeployChecksDrift: exit 1 with what was changed, for a person and in JSON.
func TestDeployChecksDrift(t *testing.T) {
	text := strings.Replace(deployed, "[username, email]", "[email]", 1)
	code, stdout, stderr := deployAgainst(t, text, live(t), "--yes", "--check-drift")
	const shown = `Changed outside of the stack since the last deploy:
  ~ changed UserPoolRiders (AWS::Cognito::UserPool) eu-west-1_riders  doorwright.yaml:4:3
      /MfaConfiguration: was OFF, is ON
`
	if code != 1 || !strings.HasSuffix(stdout, shown) || !strings.HasPrefix(stderr, "doorwright: looking for drift of stack prod-rides: the stack has drifted: 1 of its resources were changed outside of it\n") || !strings.Contains(stderr, "--allow-drift") {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
	code, stdout, _ = deployAgainst(t, text, live(t), "--yes", "--check-drift", "--json")
	last := stdout[strings.LastIndexByte(strings.TrimSuffix(stdout, "\n"), '\n')+1:]
	const want = `{"kind":"drift","drift":[{"id":"UserPoolRiders","type":"AWS::Cognito::UserPool","physicalId":"eu-west-1_riders","differences":[{"path":"/MfaConfiguration","expected":"OFF","actual":"ON"}],"position":"doorwright.yaml:4:3"}]}` + "\n"
	if code != 1 || last != want {
		t.Errorf("exit %d, the last line is\n%swant\n%s", code, last, want)
	}
}

// TestDeployActsOnNoTerminal: names that others have chosen on AWS, such as that of a
// session or of a resource that was made by hand, are shown and not obeyed.
func TestDeployActsOnNoTerminal(t *testing.T) {
	answers := live(t)
	answers["GetCallerIdentity"] = "<Arn>arn:aws:sts::123456789012:assumed-role/r/s&#x9b;2J&#10;Stack forged</Arn><UserId>A</UserId><Account>123456789012</Account>"
	drifts := answers["DescribeStackResourceDrifts"]
	answers["DescribeStackResourceDrifts"] = strings.Replace(drifts, "eu-west-1_riders", "eu&#x202e;west&#x9b;2J&#10;forged", 1)
	if answers["DescribeStackResourceDrifts"] == drifts {
		t.Fatal("there is no physical id to change")
	}
	_, stdout, stderr := deployAgainst(t, strings.Replace(deployed, "[username, email]", "[email]", 1), answers, "--yes", "--check-drift")
	if strings.ContainsAny(stdout+stderr, "\u009b\u202e") || strings.Contains(stdout+stderr, "\nforged") || strings.Contains(stdout+stderr, "\nStack forged") {
		t.Errorf("a text acts:\n%+q\n%+q", stdout, stderr)
	}
	for _, want := range []string{`assumed-role/r/s\u009b2J\nStack forged`, `eu\u202ewest\u009b2J\nforged`} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%s is not shown in\n%+q", want, stdout)
		}
	}
}

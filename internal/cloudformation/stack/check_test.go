package stack_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/cloudformation/stack"
)

const (
	keyRef = "{{resolve:secretsmanager:prod-notes/KEY:SecretString}}"
	issuer = "https://tenant.eu.auth0.com"
)

// wide is a deployment with a secret, an OIDC provider and a pool with a domain and
// attributes, of which each has its line.
func wide(t *testing.T) stack.Deployment {
	t.Helper()
	d := deployment(t)
	d.Template = []byte(`{
  "Parameters": {"ArtifactsBucket": {"Type": "String"}},
  "Resources": {
    "Function": {"Type": "AWS::Lambda::Function", "Properties": {"Environment": {"Variables": {"KEY": "` + keyRef + `", "URL": {"Fn::Sub": "x-` + keyRef + `-${AWS::Region}"}}}}},
    "Issuer": {"Type": "AWS::IAM::OIDCProvider", "Properties": {"ClientIdList": ["web"], "Url": "` + issuer + `"}},
    "Own": {"Type": "AWS::IAM::OIDCProvider", "Properties": {"ClientIdList": [{"Ref": "Users"}], "Url": {"Fn::GetAtt": ["Users", "ProviderURL"]}}},
    "Users": {"Type": "AWS::Cognito::UserPool", "Properties": {
      "UsernameAttributes": ["email"], "UsernameConfiguration": {"CaseSensitive": false},
      "Schema": [{"Name": "email", "Required": true, "Mutable": true}, {"Name": "team", "AttributeDataType": "String", "Mutable": true}, {"Name": "seats", "AttributeDataType": "Number", "Mutable": false, "NumberAttributeConstraints": {"MinValue": "1", "MaxValue": "9"}}]}},
    "ZDomain": {"Type": "AWS::Cognito::UserPoolDomain", "Properties": {"Domain": "notes-users", "UserPoolId": {"Ref": "Users"}}}
  }
}`)
	d.Positions = map[string]string{
		"Function": "doorwright.yaml:8:5", "Issuer": "doorwright.yaml:30:5", "Users": "doorwright.yaml:20:3", "Users.UsernameAttributes": "doorwright.yaml:21:5", "Users.AliasAttributes": "doorwright.yaml:21:5",
		"Users.UsernameConfiguration.CaseSensitive": "doorwright.yaml:22:5", "Users.Schema.Required": "doorwright.yaml:23:5", "Users.Schema.custom:team": "doorwright.yaml:24:7", "ZDomain": "doorwright.yaml:25:5",
	}
	d.Secrets = []stack.Secret{{Name: "prod-notes/KEY", Position: "doorwright.yaml:9:12"}}
	d.Artifacts = nil
	return d
}

// withSecret is a fake whose account has the secret of wide.
func withSecret(t *testing.T) *fake {
	t.Helper()
	f := newFake(t)
	f.secrets["prod-notes/KEY"] = &fakeSecret{versions: map[string]string{"11111111-aaaa": "AWSCURRENT", "00000000-aaaa": "AWSPREVIOUS"}}
	return f
}

// unchanged wants that nothing of AWS was changed since n calls.
func unchanged(t *testing.T, f *fake, n int) {
	t.Helper()
	for _, call := range f.calls[n:] {
		for _, reads := range []string{".Describe", ".Get", ".List", ".Detect", "s3.HEAD"} {
			if strings.Contains(call, reads) {
				call = ""
			}
		}
		if call != "" {
			t.Errorf("%s was called", call)
		}
	}
}

// refused deploys and wants an error with the texts, with nothing changed.
func refused(t *testing.T, f *fake, d stack.Deployment, texts ...string) error {
	t.Helper()
	n := len(f.calls)
	err := fails(t, f, d, append(texts, "nothing was changed")...)
	unchanged(t, f, n)
	d.PlanOnly = true
	fails(t, f, d, texts...)
	unchanged(t, f, n)
	return err
}

// TestOtherPartition: what has other names there does not go there.
func TestOtherPartition(t *testing.T) {
	f := withSecret(t)
	f.caller = "arn:aws-us-gov:sts::" + accountID + ":assumed-role/Admin/alice"
	refused(t, f, wide(t), "doorwright.yaml:25:5: ZDomain (AWS::Cognito::UserPoolDomain) cannot go to the partition aws-us-gov", "a region of the partition aws")
}

// TestSecretsAreThere: a secret that is missing is told of before anything is made, with
// the command that makes it, and its value is never asked for.
func TestSecretsAreThere(t *testing.T) {
	f := withSecret(t)
	good := f.secrets["prod-notes/KEY"]
	d := wide(t)
	d.Secrets = append(d.Secrets, stack.Secret{Name: "prod-notes/OTHER", Position: "doorwright.yaml:10:12"})
	delete(f.secrets, "prod-notes/KEY")
	refused(t, f, d, "doorwright.yaml:9:12: the secret prod-notes/KEY is not in Secrets Manager\n", "doorwright.yaml:10:12: the secret prod-notes/OTHER is not in Secrets Manager",
		"aws secretsmanager create-secret --region eu-west-1 --name prod-notes/KEY --secret-string file://PATH", "--name prod-notes/OTHER")
	f.secrets["prod-notes/OTHER"] = good
	f.secrets["prod-notes/KEY"] = &fakeSecret{deleted: true, versions: good.versions}
	refused(t, f, d, "doorwright.yaml:9:12: the secret prod-notes/KEY is to be deleted", "aws secretsmanager restore-secret --region eu-west-1 --secret-id prod-notes/KEY")
	f.secrets["prod-notes/KEY"] = &fakeSecret{}
	refused(t, f, d, "doorwright.yaml:9:12: the secret prod-notes/KEY has no value", "aws secretsmanager put-secret-value --region eu-west-1 --secret-id prod-notes/KEY --secret-string file://PATH")
	f.secrets["prod-notes/KEY"] = &fakeSecret{versions: map[string]string{`1"}`: "AWSCURRENT"}}
	if _, err := must(open(t, f)).Deploy(t.Context(), d); err == nil || !strings.Contains(err.Error(), "the id of its version is") {
		t.Errorf("the id of a version that is none gives %v", err)
	}
	f.secrets["prod-notes/KEY"] = good
	f.before = func(op string, _ int) *fault {
		if op == "secretsmanager.DescribeSecret" {
			return &fault{400, "AccessDeniedException", "not authorized to perform: secretsmanager:DescribeSecret"}
		}
		return nil
	}
	fails(t, f, d, "looking for the secret prod-notes/KEY: AccessDeniedException: not authorized to perform: secretsmanager:DescribeSecret", "the caller needs the permission")
	equal(t, "stacks and buckets", len(f.stacks)+len(f.buckets), 0)
	f.before = nil
	deploy(t, f, d)
	for _, call := range f.calls {
		if strings.Contains(call, "GetSecretValue") {
			t.Error("a secret's value was asked for")
		}
	}
}

func must(s *stack.Stack, _ *log) *stack.Stack { return s }

// TestNewSecretValue: a deploy brings a new value to who reads it, and the same deploy
// once more has nothing to do.
func TestNewSecretValue(t *testing.T) {
	f := withSecret(t)
	d := wide(t)
	deploy(t, f, d)
	const first, second = "{{resolve:secretsmanager:prod-notes/KEY:SecretString:::11111111-aaaa}}", "{{resolve:secretsmanager:prod-notes/KEY:SecretString:::22222222-aaaa}}"
	if n := strings.Count(f.stacks[0].template, first); n != 2 || strings.Contains(f.stacks[0].template, keyRef) {
		t.Errorf("the version is %d times in\n%s", n, f.stacks[0].template)
	}
	equal(t, "a change without one", deploy(t, f, d).Changed, false)
	f.secrets["prod-notes/KEY"].versions = map[string]string{"22222222-aaaa": "AWSCURRENT", "11111111-aaaa": "AWSPREVIOUS"}
	r := deploy(t, f, d)
	equal(t, "the plan", fmt.Sprint(actions(r.Plan), r.Plan.Changes[0].Properties), "[change Function] [Environment]")
	if strings.Count(f.stacks[0].template, second) != 2 {
		t.Errorf("the new version is not in\n%s", f.stacks[0].template)
	}
	if strings.Contains(string(d.Template), "11111111") {
		t.Error("the caller's template was changed")
	}
}

// TestOneProviderPerIssuer: an issuer that the account trusts already is not trusted a
// second time; the message has the line to write.
func TestOneProviderPerIssuer(t *testing.T) {
	f := withSecret(t)
	arn := providerARN(issuer)
	f.providers[providerARN("https://other.example")] = &fakeProvider{}
	f.providers[arn] = &fakeProvider{clients: []string{"other"}, tags: map[string]string{"doorwright:app": "notes", "doorwright:stage": "dev"}}
	d := wide(t)
	refused(t, f, d, "doorwright.yaml:30:5: the account trusts tenant.eu.auth0.com already, and an account has one OIDC provider for each issuer; it is of stage dev of notes, and goes when that is removed",
		"below stages.prod:\n  providerArn: "+arn, "aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn "+arn+" --client-id web")
	f.providers[arn] = &fakeProvider{clients: []string{"web"}}
	if err := refused(t, f, d, "somebody has made it outside of this stack"); strings.Contains(hint(err), "add-client-id") {
		t.Errorf("a client is to be added that is there: %s", hint(err))
	}
	delete(f.providers, arn)
	deploy(t, f, d)
	equal(t, "the stack's own is its own", deploy(t, f, d).Changed, false)
	plan := remove(t, f, stack.Removal{PlanOnly: true}).Plan
	if !strings.Contains(fmt.Sprint(plan.Notes), "stages that name an OIDC provider of this stack by providerArn lose it") {
		t.Errorf("the plan of a removal has the notes %q", plan.Notes)
	}
}

// TestProviderOfTheAccount: what providerArn names has to be there, of the issuer and for
// the client, and not the stack's own.
func TestProviderOfTheAccount(t *testing.T) {
	f := withSecret(t)
	arn := providerARN(issuer)
	d := changed(wide(t), `"Issuer": {"Type": "AWS::IAM::OIDCProvider", "Properties": {"ClientIdList": ["web"], "Url": "`+issuer+`"}},`, "")
	d.Providers = []stack.Provider{{ARN: arn, URL: issuer, Clients: []string{"web"}, Position: "doorwright.yaml:30:5"}}
	refused(t, f, d, "doorwright.yaml:30:5: the account has no OIDC provider "+arn, "aws iam list-open-id-connect-providers")
	f.providers[arn] = &fakeProvider{clients: []string{"other"}}
	refused(t, f, d, "doorwright.yaml:30:5: "+arn+" takes no tokens for the client web: it has other", "aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn "+arn+" --client-id web")
	f.providers[arn].clients = []string{"other", "web"}
	d.Providers[0].URL = "https://another.example"
	refused(t, f, d, arn+" is of the issuer tenant.eu.auth0.com, not another.example")
	d.Providers[0].URL = issuer
	d.Providers[0].ARN = strings.Replace(arn, accountID, "210987654321", 1)
	refused(t, f, d, "is not of account "+accountID)
	d.Providers[0].ARN = arn
	deploy(t, f, d)

	f = withSecret(t)
	deploy(t, f, wide(t))
	refused(t, f, d, "doorwright.yaml:30:5: "+arn+" is this stack's own: named by providerArn it would be deleted as it is used", "take providerArn out for the stage prod")
	if f.providers[arn] == nil {
		t.Error("the provider is gone")
	}
}

// TestProviderInBetween: one that somebody makes during the deploy fails there, and the
// way on is said.
func TestProviderInBetween(t *testing.T) {
	f := withSecret(t)
	d := wide(t)
	d.Confirm = func(stack.Plan) error {
		f.providers[providerARN(issuer)] = &fakeProvider{}
		return nil
	}
	fails(t, f, d, "doorwright.yaml:30:5: Issuer (AWS::IAM::OIDCProvider) CREATE_FAILED: Provider with url "+issuer+" already exists", "write it in the federation as providerArn", "nothing of it is in use")
	d.Confirm = nil
	fails(t, f, d, "the account trusts tenant.eu.auth0.com already", "providerArn")
}

// TestWhatNeverChanges of a user pool is compared with the pool that is there, before
// CloudFormation begins and goes back.
func TestWhatNeverChanges(t *testing.T) {
	const ways = "Take the change back; or give the pool another name in the declaration"
	for name, c := range map[string]struct {
		old, new string
		says     []string
	}{
		"sign-in":        {`"UsernameAttributes": ["email"]`, `"UsernameAttributes": ["phone_number", "email"]`, []string{"doorwright.yaml:21:5: UsernameAttributes of Users (prod-notes-users) is email, and is declared to be email, phone_number", ways}},
		"aliases":        {`"UsernameAttributes": ["email"]`, `"AliasAttributes": ["email"]`, []string{"21:5: UsernameAttributes of Users (prod-notes-users) is email, and is declared to be none", "21:5: AliasAttributes of Users (prod-notes-users) is none, and is declared to be email", ways}},
		"case":           {`"CaseSensitive": false`, `"CaseSensitive": true`, []string{"doorwright.yaml:22:5: UsernameConfiguration.CaseSensitive of Users (prod-notes-users) is false, and is declared to be true", ways}},
		"required":       {`{"Name": "email", "Required": true`, `{"Name": "name", "Required": true`, []string{"doorwright.yaml:23:5: Schema.Required of Users (prod-notes-users) is email, and is declared to be name", ways}},
		"required more":  {`"Schema": [`, `"Schema": [{"Name": "name", "Required": true, "Mutable": true}, `, []string{"Schema.Required of Users (prod-notes-users) is email, and is declared to be email, name", ways}},
		"attribute":      {`"AttributeDataType": "String", "Mutable": true`, `"AttributeDataType": "String", "Mutable": false`, []string{"doorwright.yaml:24:7: the attribute custom:team of Users (prod-notes-users) is a String from 0 to 2048, mutable, and is declared to be a String from 0 to 2048, not mutable", ways}},
		"bound":          {`"MaxValue": "9"`, `"MaxValue": "10"`, []string{"the attribute custom:seats of Users (prod-notes-users) is a Number from 1 to 9, not mutable, and is declared to be a Number from 1 to 10, not mutable"}},
		"attribute gone": {`{"Name": "team", "AttributeDataType": "String", "Mutable": true}, `, ``, []string{"doorwright.yaml:20:3: the attribute custom:team of Users (prod-notes-users), a String from 0 to 2048, mutable, is not declared any more", "declare it again, and leave it unused"}},
		"domain":         {`"Domain": "notes-users"`, `"Domain": "other"`, []string{"doorwright.yaml:25:5: Users (prod-notes-users) has the domain notes-users, and a user pool has one: it cannot become other in one deploy", "take domain out, deploy, write the new one"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := withSecret(t)
			deploy(t, f, wide(t))
			d := changed(wide(t), c.old, c.new)
			refused(t, f, d, c.says...)
			d.AllowReplace = []string{"Users"}
			refused(t, f, d, c.says...)
			equal(t, "as it was", deploy(t, f, wide(t)).Changed, false)
		})
	}
}

// TestWhatMayChange of a user pool: an attribute that is added, one of the same meaning
// written otherwise, what others have added, and what AWS shows of a pool that nobody
// has declared anew.
func TestWhatMayChange(t *testing.T) {
	f := withSecret(t)
	deploy(t, f, wide(t))
	live := f.pools["prod-notes-users"]
	live["SchemaAttributes"] = append(live["SchemaAttributes"].([]any), map[string]any{"Name": "custom:byhand", "AttributeDataType": "String", "Mutable": true})
	live["SchemaAttributes"].([]any)[1].(map[string]any)["StringAttributeConstraints"] = map[string]any{"MinLength": "0", "MaxLength": "2048"} // as AWS shows it
	d := changed(wide(t), `"Schema": [`, `"Schema": [{"Name": "vip", "AttributeDataType": "Boolean", "Mutable": true}, `)
	equal(t, "with one more", deploy(t, f, d).Changed, true)
	live = f.pools["prod-notes-users"]
	live["UsernameAttributes"], live["UsernameConfiguration"] = []any{}, nil // whatever AWS tells
	d = changed(d, `"Fn::Sub": "x-`, `"Fn::Sub": "y-`)
	equal(t, "with another variable", deploy(t, f, d).Changed, true)

	delete(f.pools, "prod-notes-users")
	refused(t, f, changed(d, `"y-`, `"z-`), "doorwright.yaml:20:3: Users (prod-notes-users) is not there any more: it was deleted outside of the stack", "give the pool another name")
}

// TestDomainIsTaken by whichever pool of the region.
func TestDomainIsTaken(t *testing.T) {
	f := withSecret(t)
	f.domains["notes-users"] = "210987654321 eu-west-1_other"
	refused(t, f, wide(t), "doorwright.yaml:25:5: the domain notes-users is that of the user pool eu-west-1_other of account 210987654321 already", "choose another domain")
	f.domains["notes-users"] = accountID + " eu-west-1_other"
	refused(t, f, wide(t), "eu-west-1_other of this account already")
	delete(f.domains, "notes-users")
	deploy(t, f, wide(t))
	// A pool under another name would take the domain before the old one has left it.
	refused(t, f, changed(changed(changed(wide(t), `"Users"`, `"People"`), `"ZDomain"`, `"ZNew"`), `["People", `, `["People", `), "the domain notes-users is that of the user pool prod-notes-users of this account already")
	f = withSecret(t)
	d := wide(t)
	d.Confirm = func(stack.Plan) error {
		f.domains["notes-users"] = "210987654321 eu-west-1_other"
		return nil
	}
	fails(t, f, d, "ZDomain (AWS::Cognito::UserPoolDomain) CREATE_FAILED: Domain already associated with another user pool.", "choose another domain")
}

// TestQuestionsAreAskedAgain while AWS throttles or fails, and no more than that.
func TestQuestionsAreAskedAgain(t *testing.T) {
	for code, status := range map[string]int{"ThrottlingException": 400, "InternalErrorException": 500, "": 0} {
		f := withSecret(t)
		f.before = func(op string, n int) *fault {
			if op == "secretsmanager.DescribeSecret" && n <= 3 {
				return &fault{status, code, "Rate exceeded"}
			}
			return nil
		}
		deploy(t, f, wide(t))
		equal(t, "tries", f.counts["secretsmanager.DescribeSecret"], 4)
	}
	f := withSecret(t)
	f.before = func(op string, n int) *fault {
		if op == "iam.ListOpenIDConnectProviders" {
			return &fault{403, "AccessDenied", "not authorized to perform: iam:ListOpenIDConnectProviders"}
		}
		return nil
	}
	fails(t, f, wide(t), "listing the OIDC providers of the account: AccessDenied: not authorized to perform: iam:ListOpenIDConnectProviders")
	equal(t, "tries of what is denied", f.counts["iam.ListOpenIDConnectProviders"], 1)
	f.before = func(op string, n int) *fault {
		if op == "secretsmanager.DescribeSecret" {
			return &fault{400, "ExpiredTokenException", "The security token included in the request is expired"}
		}
		return nil
	}
	if err := fails(t, f, wide(t), "nothing of the stack was changed", "sign in"); !errors.Is(err, stack.ErrExpired) {
		t.Errorf("the error is %v", err)
	}
}

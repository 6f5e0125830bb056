package cloudformation

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/app"
)

// value gives an expression of the declaration in the template's words.
func (s *synth) value(e app.Expr) Value {
	var parts []Value
	for _, p := range s.app.Pieces(e) {
		if p.Ref == nil {
			if strings.Contains(p.Text, "{{resolve:") {
				s.refuse(s.app.PosOf(e), "write ${secret:NAME}", "CloudFormation would put another text in the place of {{resolve:...}}, which stands as it is locally")
			}
			parts = append(parts, Text(p.Text))
			continue
		}
		parts = append(parts, s.attribute(*p.Ref))
	}
	if len(parts) == 0 {
		return Text("")
	}
	return Join(parts...)
}

// values gives a list of expressions.
func (s *synth) values(list []app.Expr) []Value {
	var values []Value
	for _, e := range list {
		values = append(values, s.value(e))
	}
	return values
}

// attribute gives what a reference refers to. The declaration is valid: it exists. What
// each means is what the local stage means by it.
func (s *synth) attribute(r app.Ref) Value {
	switch r.Kind {
	case app.RefSecret:
		return s.secret(r)
	case app.RefAPI:
		return s.apiURL(r.Name)
	case app.RefAPIKey:
		return s.apiKeyAttribute(r)
	case app.RefUserPool:
		return s.userPoolAttribute(r)
	case app.RefUserPoolClient:
		if r.Attribute == "secret" {
			return GetAtt(userPoolClientID(r.Name, r.Client), "ClientSecret")
		}
		return Ref(userPoolClientID(r.Name, r.Client))
	case app.RefTenant, app.RefTenantApplication:
		return s.tenantAttribute(r)
	case app.RefIdentityPool:
		if r.Attribute == "arn" {
			return s.identityPoolARN(r.Name)
		}
		return Ref(identityPoolID(r.Name))
	case app.RefTable:
		if r.Attribute == "arn" {
			return GetAtt(tableID(r.Name), "Arn")
		}
		return Ref(tableID(r.Name))
	case app.RefBucket:
		if r.Attribute == "arn" {
			return GetAtt(bucketID(r.Name), "Arn")
		}
		return Ref(bucketID(r.Name))
	}
	s.refuse(r.Pos, "", "%s has no value on AWS in this version", r)
	return Value{}
}

// secret refers to the value of a secret, which is in Secrets Manager and nowhere in
// the template: CloudFormation reads it when it makes the resource, and shows it in none
// of its answers. SSM's SecureString has no such reference where it is needed most, in a
// function's environment: {{resolve:ssm-secure}} is taken by a short list of properties,
// none of which is Lambda's. That of Secrets Manager is taken by all.
//
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-ssm-secure-strings.html
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-secretsmanager.html
func (s *synth) secret(r app.Ref) Value {
	name := s.stack() + "/" + r.Name
	at, known := slices.BinarySearchFunc(s.template.Secrets, name, func(s Secret, name string) int { return cmp.Compare(s.Name, name) })
	if !known {
		s.template.Secrets = slices.Insert(s.template.Secrets, at, Secret{Name: name, Pos: r.Pos})
	}
	return Text("{{resolve:secretsmanager:" + name + ":SecretString}}")
}

// apiURL gives the address of an API, without a slash at its end.
func (s *synth) apiURL(name string) Value {
	url := []Value{Text("https://"), Ref(apiID(name)), Text(".execute-api."), region, Text("."), urlSuffix}
	if api, _ := s.app.APIs.Get(name); api.StageName != defaultStage {
		url = append(url, Text("/"+api.StageName))
	}
	return Join(url...)
}

// defaultStage is the stage of an HTTP API whose name is not in its address.
const defaultStage = "$default"

// apiARN gives the ARN of a part of an API: its requests, below /STAGE/METHOD.
func (s *synth) apiARN(name string, below ...Value) Value {
	return arnOf("execute-api", append([]Value{Ref(apiID(name))}, below...)...)
}

func (s *synth) apiKeyAttribute(r app.Ref) Value {
	if r.Attribute == "id" {
		return GetAtt(apiKeyID(r.Name, r.Client), "APIKeyId")
	}
	api, _ := s.app.APIs.Get(r.Name)
	key, _ := api.APIKeys.Get(r.Client)
	if key.Value.IsZero() {
		s.refuse(r.Pos, fmt.Sprintf("give the key a value: ${secret:NAME} in apis.%s.apiKeys.%s", r.Name, r.Client),
			"%s: CloudFormation does not tell the value of a key that API Gateway makes", r)
		return Value{}
	}
	return s.value(key.Value)
}

func (s *synth) userPoolAttribute(r app.Ref) Value {
	id := userPoolID(r.Name)
	switch r.Attribute {
	case "arn":
		return GetAtt(id, "Arn")
	case "issuer":
		return GetAtt(id, "ProviderURL")
	case "providerName":
		return GetAtt(id, "ProviderName")
	case "url", "domain":
		// Not by the domain's resource: it needs the pool, and the pool its triggers,
		// which may be told of the address.
		pool, _ := s.app.UserPools.Get(r.Name)
		host := Join(Text(pool.Domain+".auth."), region, Text(".amazoncognito.com"))
		if r.Attribute == "url" {
			return Join(Text("https://"), host)
		}
		return host
	}
	return Ref(id)
}

func (s *synth) identityPoolARN(name string) Value {
	return arnOf("cognito-identity", Text("identitypool/"), Ref(identityPoolID(name)))
}

// tenantAttribute gives what is known of a real tenant. A local one is refused by
// tenants, once.
func (s *synth) tenantAttribute(r app.Ref) Value {
	tenant, _ := s.app.Tenants.Get(r.Name)
	if tenant.Domain == "" {
		return Text("")
	}
	switch {
	case r.Kind == app.RefTenantApplication && r.Attribute == "clientId":
		application, _ := tenant.Applications.Get(r.Client)
		if application.ClientID == "" {
			s.refuse(s.app.Pos("tenants."+r.Name+".applications."+r.Client), fmt.Sprintf("add clientId: to it in the stage %s", s.app.Stage),
				"the application %s of the tenant %s has no clientId in the stage %s", r.Client, tenant.Domain, s.app.Stage)
		}
		return Text(application.ClientID)
	case r.Kind == app.RefTenantApplication:
		s.refuse(r.Pos, "write ${secret:NAME}", "%s: the secrets of %s are its own", r, tenant.Domain)
		return Value{}
	case r.Attribute == "issuer":
		return Text("https://" + tenant.Domain + "/") // Auth0's issuers end so, letter by letter
	case r.Attribute == "domain":
		return Text(tenant.Domain)
	}
	return Text("https://" + tenant.Domain)
}

package apigw

import (
	"slices"
	"strings"
)

// A Signer is who has signed a request to a route with IAM authorization, as
// events show it.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
type Signer struct {
	AccessKey, AccountID string
	// CallerID is such as AROA…:SESSION.
	CallerID, UserARN string
	// Cognito is nil unless an identity pool gave the keys.
	Cognito *CognitoIdentity
}

// A CognitoIdentity is an identity of an identity pool.
type CognitoIdentity struct {
	// AMR says how it was proved: "authenticated" or "unauthenticated", and then
	// the providers.
	AMR        []string
	ID, PoolID string
}

// noOrganization is the principalOrgId of an account that is in no organization.
// Observed of HTTP APIs.
const noOrganization = "aws:PrincipalOrgID"

// appendV2 appends the members of requestContext.authorizer in format 2.0.
func (s *Signer) appendV2(b []byte) []byte {
	b = append(b, `"iam":{"accessKey":`...)
	b = appendString(b, s.AccessKey)
	b = appendMember(b, "accountId", s.AccountID)
	b = appendMember(b, "callerId", s.CallerID)
	if c := s.Cognito; c != nil {
		b = appendArray(append(appendName(b, "cognitoIdentity"), `{"amr":`...), c.AMR)
		b = appendMember(b, "identityId", c.ID)
		b = append(appendMember(b, "identityPoolId", c.PoolID), '}')
	} else {
		b = appendNull(b, "cognitoIdentity")
	}
	b = appendMember(b, "principalOrgId", noOrganization)
	b = appendMember(b, "userArn", s.UserARN)
	return append(appendMember(b, "userId", s.CallerID), '}')
}

// appendIdentity appends members of requestContext.identity of the other events.
// What the signer has not is null, and so is each if nobody has signed.
func (s *Signer) appendIdentity(b []byte, names ...string) []byte {
	for _, name := range names {
		value, at := "", len(b)
		if s != nil {
			value = s.Identity(name)
		}
		if value == "" {
			b = appendNull(b, name)
		} else {
			b = appendMember(b, name, value)
		}
		if b[at-1] == '{' { // the first member has no comma before it
			b = slices.Delete(b, at, at+1)
		}
	}
	return b
}

// Identity gives identity.NAME as events and access logs have it, or "" for what the
// signer has not.
func (s *Signer) Identity(name string) string {
	switch name {
	case "accessKey":
		return s.AccessKey
	case "accountId":
		return s.AccountID
	case "caller", "user":
		return s.CallerID
	case "userArn":
		return s.UserARN
	}
	c := s.Cognito
	if c == nil {
		return ""
	}
	switch {
	case name == "cognitoIdentityId":
		return c.ID
	case name == "cognitoIdentityPoolId":
		return c.PoolID
	case name == "cognitoAuthenticationType" && len(c.AMR) > 0:
		return c.AMR[0]
	case name == "cognitoAuthenticationProvider" && len(c.AMR) > 1:
		return strings.Join(c.AMR[1:], ",")
	}
	return ""
}

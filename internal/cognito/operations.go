package cognito

import (
	"context"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/wire/awsjson"
)

// auth says who may call an operation. The zero value asks for a signature.
type auth int

const (
	signed auth = iota
	unsigned
	accessToken
)

func (a auth) String() string {
	return [...]string{"signed", "unsigned", "access token"}[a]
}

// handler runs an operation on a request's members.
type handler func(s *Service, ctx context.Context, c *call, members awsjson.Object) (any, error)

// operation is a row of the operations table.
type operation struct {
	name string
	auth auth
	// serve runs it; nil for an operation that is refused.
	serve handler
	// noOutput marks operations whose model has no output: their answer has no
	// body at all.
	noOutput bool
	// note says what a caller would not expect.
	note string
}

// doc links to AWS's page of the operation.
func (o *operation) doc() string {
	return "https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_" + o.name + ".html"
}

const (
	noteLink     = "links by Cognito_Subject; other attributes, and disabling one of several ways in that is no link, are refused"
	noteProvider = "type OIDC with oidc_issuer; others are refused"
	noteDomain   = "prefix domains, at an origin of this machine; custom domains and managed login are refused"
	noteMFA      = "passkeys are refused; " + noteOwned
	noteOwned    = "what is declared is refused: it is changed in doorwright.yaml"
	// noteSettings is of operations that refuse what would do nothing.
	noteSettings = "settings that are not emulated are refused by name; those of e-mail and SMS senders are kept and shown"
	noteFlows    = "flows: USER_SRP_AUTH, USER_PASSWORD_AUTH, CUSTOM_AUTH, USER_AUTH, REFRESH_TOKEN_AUTH"
	noteAdmin    = "flows: USER_SRP_AUTH, ADMIN_USER_PASSWORD_AUTH (also ADMIN_NO_SRP_AUTH), CUSTOM_AUTH, USER_AUTH, REFRESH_TOKEN_AUTH"
	noteAnswer   = "challenges: PASSWORD_VERIFIER, NEW_PASSWORD_REQUIRED, CUSTOM_CHALLENGE, SMS_MFA, EMAIL_OTP, SOFTWARE_TOKEN_MFA, SELECT_MFA_TYPE, MFA_SETUP, SELECT_CHALLENGE, PASSWORD, PASSWORD_SRP, SMS_OTP; others are refused"
)

// operationTable lists every operation of the service's model, so that nothing
// is forgotten in silence: one without a handler is refused in the service's
// own way. Unsigned are exactly those that the model marks so.
func operationTable() []operation {
	return slices.Concat([]operation{
		// Users, by themselves.
		{name: "SignUp", auth: unsigned, serve: on((*Service).signUp)},
		{name: "ConfirmSignUp", auth: unsigned, serve: on((*Service).confirmSignUp)},
		{name: "ResendConfirmationCode", auth: unsigned, serve: on((*Service).resendConfirmationCode)},
		{name: "InitiateAuth", auth: unsigned, serve: on((*Service).initiateAuth), note: noteFlows},
		{name: "RespondToAuthChallenge", auth: unsigned, serve: on((*Service).respondToAuthChallenge), note: noteAnswer},
		{name: "GetTokensFromRefreshToken", auth: unsigned, serve: on((*Service).getTokensFromRefreshToken)},
		{name: "ForgotPassword", auth: unsigned, serve: on((*Service).forgotPassword)},
		{name: "ConfirmForgotPassword", auth: unsigned, serve: on((*Service).confirmForgotPassword)},
		{name: "RevokeToken", auth: unsigned, serve: on((*Service).revokeToken)},
		{name: "ChangePassword", auth: accessToken, serve: bearing((*Service).changePassword)},
		{name: "GetUser", auth: accessToken, serve: bearing((*Service).getUser)},
		{name: "UpdateUserAttributes", auth: accessToken, serve: bearing((*Service).updateUserAttributes)},
		{name: "DeleteUserAttributes", auth: accessToken, serve: bearing((*Service).deleteUserAttributes)},
		{name: "GetUserAttributeVerificationCode", auth: accessToken, serve: bearing((*Service).getUserAttributeVerificationCode)},
		{name: "VerifyUserAttribute", auth: accessToken, serve: bearing((*Service).verifyUserAttribute)},
		{name: "DeleteUser", auth: accessToken, serve: bearing((*Service).deleteUserSelf), noOutput: true},
		{name: "AssociateSoftwareToken", auth: unsigned, serve: on((*Service).associateSoftwareToken)},
		{name: "VerifySoftwareToken", auth: unsigned, serve: on((*Service).verifySoftwareToken)},
		{name: "SetUserMFAPreference", auth: accessToken, serve: bearing((*Service).setUserMFAPreference)},
		{name: "GetUserAuthFactors", auth: accessToken, serve: bearing((*Service).getUserAuthFactors)},
		{name: "GlobalSignOut", auth: accessToken, serve: bearing((*Service).globalSignOut)},

		// Users, by an administrator.
		{name: "AdminConfirmSignUp", serve: on((*Service).adminConfirmSignUp)},
		{name: "AdminCreateUser", serve: on((*Service).adminCreateUser)},
		{name: "AdminDeleteUser", serve: on((*Service).adminDeleteUser), noOutput: true},
		{name: "AdminDeleteUserAttributes", serve: on((*Service).adminDeleteUserAttributes)},
		{name: "AdminDisableUser", serve: on((*Service).adminDisableUser)},
		{name: "AdminEnableUser", serve: on((*Service).adminEnableUser)},
		{name: "AdminGetUser", serve: on((*Service).adminGetUser)},
		{name: "AdminInitiateAuth", serve: on((*Service).adminInitiateAuth), note: noteAdmin},
		{name: "AdminResetUserPassword", serve: on((*Service).adminResetUserPassword)},
		{name: "AdminRespondToAuthChallenge", serve: on((*Service).adminRespondToAuthChallenge), note: noteAnswer},
		{name: "AdminSetUserMFAPreference", serve: on((*Service).adminSetUserMFAPreference)},
		{name: "AdminSetUserPassword", serve: on((*Service).adminSetUserPassword)},
		{name: "AdminUpdateUserAttributes", serve: on((*Service).adminUpdateUserAttributes)},
		{name: "AdminUserGlobalSignOut", serve: on((*Service).adminUserGlobalSignOut)},
		{name: "ListUsers", serve: on((*Service).listUsers)},

		// Groups.
		{name: "CreateGroup", serve: on((*Service).createGroup)},
		{name: "GetGroup", serve: on((*Service).getGroup)},
		{name: "UpdateGroup", serve: on((*Service).updateGroup)},
		{name: "DeleteGroup", serve: on((*Service).deleteGroup), noOutput: true},
		{name: "ListGroups", serve: on((*Service).listGroups)},
		{name: "ListUsersInGroup", serve: on((*Service).listUsersInGroup)},
		{name: "AdminAddUserToGroup", serve: on((*Service).adminAddUserToGroup), noOutput: true},
		{name: "AdminRemoveUserFromGroup", serve: on((*Service).adminRemoveUserFromGroup), noOutput: true},
		{name: "AdminListGroupsForUser", serve: on((*Service).adminListGroupsForUser)},

		// Resource servers.
		{name: "CreateResourceServer", serve: on((*Service).createResourceServer)},
		{name: "DescribeResourceServer", serve: on((*Service).describeResourceServer)},
		{name: "UpdateResourceServer", serve: on((*Service).updateResourceServer)},
		{name: "DeleteResourceServer", serve: on((*Service).deleteResourceServer), noOutput: true},
		{name: "ListResourceServers", serve: on((*Service).listResourceServers)},

		// The look of the hosted pages.
		{name: "GetUICustomization", serve: on((*Service).getUICustomization)},
		{name: "SetUICustomization", serve: on((*Service).setUICustomization), note: "CSS of AWS's classes without anything that loads; a PNG or JPEG image"},

		// Tags.
		{name: "TagResource", serve: on((*Service).tagResource)},
		{name: "UntagResource", serve: on((*Service).untagResource)},
		{name: "ListTagsForResource", serve: on((*Service).listTagsForResource)},

		// Pools and clients.
		{name: "AddCustomAttributes", serve: on((*Service).addCustomAttributes)},
		{name: "CreateUserPool", serve: on((*Service).createUserPool), note: noteSettings},
		{name: "CreateUserPoolClient", serve: on((*Service).createUserPoolClient)},
		{name: "DeleteUserPool", serve: on((*Service).deleteUserPool), noOutput: true, note: noteOwned},
		{name: "DeleteUserPoolClient", serve: on((*Service).deleteUserPoolClient), noOutput: true, note: noteOwned},
		{name: "DescribeUserPool", serve: on((*Service).describeUserPool)},
		{name: "DescribeUserPoolClient", serve: on((*Service).describeUserPoolClient)},
		{name: "UpdateUserPool", serve: on((*Service).updateUserPool), note: noteSettings + "; " + noteOwned},
		{name: "UpdateUserPoolClient", serve: on((*Service).updateUserPoolClient), note: noteOwned},
		{name: "GetUserPoolMfaConfig", serve: on((*Service).getUserPoolMfaConfig)},
		{name: "SetUserPoolMfaConfig", serve: on((*Service).setUserPoolMfaConfig), note: noteMFA},
		{name: "ListUserPoolClients", serve: on((*Service).listUserPoolClients)},
		{name: "ListUserPools", serve: on((*Service).listUserPools)},
		{name: "CreateIdentityProvider", serve: on((*Service).createIdentityProvider), note: noteProvider},
		{name: "DescribeIdentityProvider", serve: on((*Service).describeIdentityProvider)},
		{name: "UpdateIdentityProvider", serve: on((*Service).updateIdentityProvider), note: noteProvider},
		{name: "DeleteIdentityProvider", serve: on((*Service).deleteIdentityProvider), noOutput: true},
		{name: "ListIdentityProviders", serve: on((*Service).listIdentityProviders)},
		{name: "GetIdentityProviderByIdentifier", serve: on((*Service).getIdentityProviderByIdentifier)},
		{name: "AdminLinkProviderForUser", serve: on((*Service).adminLinkProviderForUser), note: noteLink},
		{name: "AdminDisableProviderForUser", serve: on((*Service).adminDisableProviderForUser), note: noteLink},
		{name: "CreateUserPoolDomain", serve: on((*Service).createUserPoolDomain), note: noteDomain},
		{name: "DescribeUserPoolDomain", serve: on((*Service).describeUserPoolDomain)},
		{name: "UpdateUserPoolDomain", serve: on((*Service).updateUserPoolDomain), note: noteDomain},
		{name: "DeleteUserPoolDomain", serve: on((*Service).deleteUserPoolDomain)},
	}, refused(unsigned, refusedUnsigned), refused(signed, refusedSigned))
}

// The operations of the model that are not emulated.
const (
	refusedUnsigned = `
		CompleteWebAuthnRegistration ConfirmDevice DeleteWebAuthnCredential ForgetDevice GetDevice ListDevices
		ListUserSessions ListWebAuthnCredentials RevokeUserSession SetUserSettings StartWebAuthnRegistration
		UpdateAuthEventFeedback UpdateDeviceStatus`

	refusedSigned = `
		AddUserPoolClientSecret AdminDeleteSoftwareToken AdminForgetDevice AdminGetDevice
		AdminGetUserAuthFactors AdminListDevices AdminListUserAuthEvents AdminListUserSessions
		AdminRevokeUserSession AdminSetUserSettings AdminUpdateAuthEventFeedback AdminUpdateDeviceStatus
		CreateManagedLoginBranding CreateTerms CreateUserImportJob CreateUserPoolReplica DeleteManagedLoginBranding
		DeleteTerms DeleteUserPoolClientSecret DeleteUserPoolReplica DescribeManagedLoginBranding
		DescribeManagedLoginBrandingByClient DescribeRiskConfiguration DescribeTerms DescribeTermsByClient
		DescribeUserImportJob GetCSVHeader GetClientToken GetLogDeliveryConfiguration GetProvisionedLimit
		GetSigningCertificate GetUserPoolClientSessionConfiguration GetUserPoolSessionConfiguration ListTerms
		ListUserImportJobs ListUserPoolClientSecrets ListUserPoolReplicas SetLogDeliveryConfiguration
		SetRiskConfiguration SetUserPoolClientSessionConfiguration SetUserPoolSessionConfiguration StartUserImportJob
		StopUserImportJob UpdateManagedLoginBranding UpdateProvisionedLimit UpdateTerms UpdateUserPoolReplica`
)

// refused gives the rows of operations without a handler.
func refused(a auth, names string) []operation {
	var rows []operation
	for _, name := range strings.Fields(names) {
		rows = append(rows, operation{name: name, auth: a})
	}
	return rows
}

// operations is the table by wire name. Nothing writes to it.
var operations = func() map[string]*operation {
	byName := map[string]*operation{}
	for _, o := range operationTable() {
		byName[o.name] = &o
	}
	return byName
}()

// Operations gives the rows of the compatibility table, by name.
func Operations() []aws.Operation {
	var rows []aws.Operation
	for _, o := range operations {
		status := "emulated"
		if o.serve == nil {
			status = "refused"
		}
		rows = append(rows, aws.Operation{
			Service: "cognito-idp", Name: o.name, Status: status, Auth: o.auth.String(), Note: o.note,
		})
	}
	slices.SortFunc(rows, func(a, b aws.Operation) int { return strings.Compare(a.Name, b.Name) })
	return rows
}

// on makes a handler of a method that takes and gives the wire's structures.
func on[In, Out any](serve func(*Service, context.Context, *call, *In) (*Out, error)) handler {
	return func(s *Service, ctx context.Context, c *call, members awsjson.Object) (any, error) {
		in, err := decode[In](members)
		if err != nil {
			return nil, err
		}
		out, err := serve(s, ctx, c, in)
		if err != nil {
			return nil, err
		}
		return out, nil
	}
}

// bearing makes a handler of a method that acts for the user of the request's
// access token, which was checked before the method runs.
func bearing[In, Out any](serve func(*Service, context.Context, *call, *bearer, *In) (*Out, error)) handler {
	return func(s *Service, ctx context.Context, c *call, members awsjson.Object) (any, error) {
		in, err := decode[In](members)
		if err != nil {
			return nil, err
		}
		token, _ := members["AccessToken"].(string)
		b, err := s.bearer(ctx, c, token)
		if err != nil {
			return nil, err
		}
		out, err := serve(s, ctx, c, b, in)
		if err != nil {
			return nil, err
		}
		return out, nil
	}
}

func decode[In any](members awsjson.Object) (*In, error) {
	in := new(In)
	if err := members.Decode(in); err != nil {
		return nil, err
	}
	if err := check[In](members); err != nil {
		return nil, err
	}
	return in, nil
}

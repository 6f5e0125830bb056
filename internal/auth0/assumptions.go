package auth0

import "github.com/doorwright/doorwright/internal/aws"

// Assumptions are the choices made where Auth0's behaviour is neither documented
// nor recorded.
var Assumptions = []aws.Assumption{
	{
		Area: "Auth0 tenants", Question: "Must a spa or native application use PKCE?",
		Choice: "Yes, with S256; plain is refused for all.", Why: "Its codes are worth tokens to whoever sees them, and every SDK sends a challenge.",
	}, {
		Area: "Auth0 tenants", Question: "How long is an authorization code good?",
		Choice: "Five minutes.", Why: "Undocumented; RFC 6749 section 4.1.2 allows ten at most.",
	}, {
		Area: "Auth0 tenants", Question: "Which grant types does a hybrid response type need?",
		Choice: "implicit for any token in the answer itself, and authorization_code for its code; else unauthorized_client, by redirect.", Why: "Both words of the documentation are then held to.",
	}, {
		Area: "Auth0 tenants", Question: "How long is an access token for an API good that the authorization endpoint gave?",
		Choice: "Two hours, or as long as the API's are if that is less.", Why: "The shorter of the documented and the recorded default of token_lifetime_for_web.",
	}, {
		Area: "Auth0 tenants", Question: "What of response_type with id_token without the scope openid, or response_mode=query with a token?",
		Choice: "invalid_request, in the fragment for the latter.", Why: "OpenID Connect Core section 3.2.2.1; Multiple Response Type Encoding Practices section 2.1.",
	}, {
		Area: "Auth0 tenants", Question: "Which connection does the grant type password use, and what answers an unknown realm?",
		Choice: "The one of the tenant's users, as if it were the Default Directory; 400 invalid_request.", Why: "A local tenant has no other.",
	}, {
		Area: "Auth0 tenants", Question: "What is gty after password-realm?",
		Choice: "password.", Why: "The table of claims has no other value for it.",
	}, {
		Area: "Auth0 tenants", Question: "What becomes of offline_access where refresh tokens are not allowed?",
		Choice: "It is dropped without an error, and is not in the scope.", Why: "The scope then says what was given.",
	}, {
		Area: "Auth0 tenants", Question: "How long is a refresh token good, and a session?",
		Choice: "30 days from the sign-in on, rotated or not, without leeway; 72 hours from the sign-in on.", Why: "The shorter of Auth0's defaults.",
	}, {
		Area: "Auth0 tenants", Question: "What answers a refresh that asks for a scope beyond the first request's?",
		Choice: "403 invalid_scope.", Why: "Undocumented; RFC 6749 section 6 forbids to give it.",
	}, {
		Area: "Auth0 tenants", Question: "Does a non-rotating refresh give the refresh token again?",
		Choice: "To spa and native applications, not to others.", Why: "auth0-spa-js loses the one it has if the answer has none.",
	}, {
		Area: "Auth0 tenants", Question: "Does an access token that was refreshed have gty?",
		Choice: "Yes: refresh_token.", Why: "Auth0's table of claims lists the value.",
	}, {
		Area: "Auth0 tenants", Question: "Do callbacks match beyond the letter: ports of loopback, wildcards, queries?",
		Choice: "No.", Why: "RFC 9700 section 2.1; Auth0 documents no exception for loopback.",
	}, {
		Area: "Auth0 tenants", Question: "Who may ask the token endpoint from a script?",
		Choice: "The origins of the application's webOrigins and callbacks; others get 403, with or without CORS.", Why: "A browser's Origin cannot be chosen by a page.",
	}, {
		Area: "Auth0 tenants", Question: "What of organization, invitation, acr_values, request, request_uri and dpop_jkt?",
		Choice: "The request is refused.", Why: "Passed over, they would let somebody in whom Auth0 would not.",
	}, {
		Area: "Auth0 tenants", Question: "What of claims, display, id_token_hint, ui_locales and claims_locales at /authorize?",
		Choice: "They are passed over.", Why: "Auth0 documents no effect of theirs on who signs in or what a token says.",
	}, {
		Area: "Auth0 tenants", Question: "Does /authorize take a form, by POST?",
		Choice: "Yes: the browser is sent on with it as the query.", Why: "OpenID Connect Core section 3.1.2.1; Auth0 is certified for it.",
	}, {
		Area: "Auth0 tenants", Question: "What does /v2/logout do with a returnTo that is not allowed?",
		Choice: "It shows an error and ends nothing.", Why: "Undocumented.",
	}, {
		Area: "Auth0 tenants", Question: "May anybody sign up by default?",
		Choice: "No: the declaration says signUp: true.", Why: "Auth0's database connections allow it; who reads the declaration is to know who can get in.",
	}, {
		Area: "Auth0 tenants", Question: "What does the sign-up API answer to what is wrong but for a weak password and too many attempts?",
		Choice: "400 invalid_signup, Invalid sign up.", Why: "It is the recorded answer for an address that is taken; others would tell that apart.",
	}, {
		Area: "Auth0 tenants", Question: "What is in the sign-up API's answer to a weak password beside its code and name?",
		Choice: "message, policy, statusCode, and a description with the rules, of which each says whether it was kept to.", Why: "Clients are known to read the rules from the description; no recording has the whole answer.",
	}, {
		Area: "Auth0 tenants", Question: "How long are the links of mails good?",
		Choice: "One hour to reset a password, a day to verify an address; once, and the newest alone.", Why: "Less than Auth0's five days: a mail is there at once.",
	}, {
		Area: "Auth0 tenants", Question: "What does a new password end?",
		Choice: "All sessions and refresh tokens of the user; a block by failed sign-ins too.", Why: "Whoever knew the old one is out.",
	}, {
		Area: "Auth0 tenants", Question: "What answers a blocked user?",
		Choice: "unauthorized, user is blocked: to the application after a right password, and to a refresh; sessions and refresh tokens do not come back with the end of the block.",
		Why:    "The words are Auth0's; a wrong password is told nothing.",
	}, {
		Area: "Auth0 tenants", Question: "What of an API may an application of another party have?",
		Choice: "What its grants say, after the user's consent; no grant types for passwords.", Why: "Auth0 requires a grant; the rest is the narrower reading.",
	}, {
		Area: "Auth0 tenants", Question: "What becomes of a sign-in whose Action fails, takes more than 20 seconds, or asks for what is not emulated?",
		Choice: "access_denied, The post-login Action failed; the log says why.", Why: "An Action that cannot say no must not mean yes.",
	}, {
		Area: "Auth0 tenants", Question: "What of a deleted user who is declared?",
		Choice: "The next start makes it again, with another id.", Why: "The declaration says that there is one.",
	},
}

// ManagementAssumptions are those of the Management API.
var ManagementAssumptions = []aws.Assumption{
	{
		Area: "Auth0 Management API", Question: "May users call it with the scopes of the current user (read:current_user and others)?",
		Choice: "No: a sign-in for it is refused, and a token that is not an application's own gets 401.", Why: "It is not part of this version, and passing over the difference would let users do what they may not.",
	}, {
		Area: "Auth0 Management API", Question: "What may requests change of what doorwright.yaml declares?",
		Choice: "Nothing of applications, their grants, APIs and roles: 400 operation_not_supported with the key. Of users all but deleting them, until their entry is changed.", Why: "One place says what there is; roles are taken from users while it runs.",
	}, {
		Area: "Auth0 Management API", Question: "What answers a setting that Auth0 has and a local tenant cannot keep to, such as another algorithm, wildcards in URLs or organizations?",
		Choice: "400 operation_not_supported; an operation that is not there answers 501 with the same code. Neither text is Auth0's.", Why: "It would be passed over.",
	}, {
		Area: "Auth0 Management API", Question: "What are the texts of conflicts of roles, APIs and client grants, and of unknown scopes and permissions?",
		Choice: "409 resource_conflict and 400 invalid_body, in texts of our own.", Why: "No recording has them: go by the code.",
	}, {
		Area: "Auth0 Management API", Question: "Which description do validation errors have in parentheses behind the property?",
		Choice: "None; the sentence ends before it.", Why: "Only some are known.",
	}, {
		Area: "Auth0 Management API", Question: "Is the client_secret in the answer to who may create applications, or rotate secrets, and has no read:client_keys?",
		Choice: "No.", Why: "The documentation ties the member to that scope.",
	}, {
		Area: "Auth0 Management API", Question: "Which scopes let one see and say who has a role?",
		Choice: "read:role_members with read:users to see, create:role_members to say; update:users for a user's roles.", Why: "The scopes that the documentation names for each.",
	}, {
		Area: "Auth0 Management API", Question: "What of rate limits?",
		Choice: "None are kept; the headers always say that there is more left.", Why: "Tests would fail for what no program of theirs did.",
	}, {
		Area: "Auth0 Management API", Question: "In which order are lists?",
		Choice: "What is declared first, then by the time of making; who has a role by the time of getting it; permissions by name.", Why: "A walk by pages then shows each that was there once.",
	}, {
		Area: "Auth0 Management API", Question: "What does a search for users understand?",
		Choice: "field:value with wildcards at the ends, ranges of dates and numbers, _exists_, AND, OR, NOT and parentheses; terms without a field or an operator between them, and all other syntax, are refused.", Why: "A search that is read as another one finds the wrong people.",
	}, {
		Area: "Auth0 Management API", Question: "How large may user_metadata and app_metadata be?",
		Choice: "16 KiB each.", Why: "It is the documented practical limit; the hard one is 16 MB.",
	}, {
		Area: "Auth0 Management API", Question: "Is another address of a user verified?",
		Choice: "Not unless the request says so.", Why: "Nobody has shown that it is theirs.",
	}, {
		Area: "Auth0 Management API", Question: "Where may a token for the API be used?",
		Choice: "At the tenant's one origin, whose identifier is its audience.", Why: "Auth0 refuses a token of another domain of the tenant too.",
	},
}

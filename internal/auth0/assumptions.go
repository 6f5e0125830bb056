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
		Area: "Auth0 tenants", Question: "What of organization, invitation, acr_values, request, request_uri, dpop_jkt and prompt=consent?",
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
	},
}

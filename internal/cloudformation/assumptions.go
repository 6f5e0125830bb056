package cloudformation

import "github.com/doorwright/doorwright/internal/aws"

// Assumptions are the choices made where the template could say the same in several
// ways, or where AWS does not say what it takes.
var Assumptions = []aws.Assumption{
	{
		Area: "Templates", Question: "How does a secret reach a function's environment?",
		Choice: "by {{resolve:secretsmanager:STACK/NAME:SecretString}}, which CloudFormation resolves when it makes the function; the value is in no template, parameter, output or event",
		Why:    "{{resolve:ssm-secure}} is not taken there; who may read the function's configuration can read the value, as any variable of a function",
	},
	{
		Area: "Templates", Question: "Does CloudFormation notice that the value of a secret has changed?",
		Choice: "no: the template of `synth` refers to whatever is current, and `deploy` puts the version into it",
		Why:    "the reference, which is what is compared, is the same",
	},
	{
		Area: "Templates", Question: "Which stage does API Gateway name in the SourceArn of an invocation for the stage $default?",
		Choice: "any is allowed: API/*/*, for each function and API one permission",
		Why:    "the form for $default is not documented; the API's id is in it, so that no other API may invoke the function",
	},
	{
		Area: "Templates", Question: "How long are the logs of functions kept?",
		Choice: "30 days, in log groups of the stack; functions may write to their own group and make none",
		Why:    "a group that Lambda makes is kept for ever, and collides with the next stack of that name",
	},
	{
		Area: "Templates", Question: "Which runtimes do handlers get?",
		Choice: "provided.al2023 for Go, nodejs22.x, python3.13, on arm64",
		Why:    "the newest that take what is run locally: nodejs24.x calls no handler with a callback",
	},
	{
		Area: "Templates", Question: "Which files does a function have beside its code?",
		Choice: "of Python the folder of the declaration; of JavaScript and TypeScript its files that are no code, if the source asks where it is (__dirname, import.meta.url); of Go none: embed them",
		Why:    "locally a function can read all of the folder; hidden files, such as .env, and node_modules are in no package",
	},
	{
		Area: "Templates", Question: "What are roles called?",
		Choice: "what CloudFormation calls them; locally it is STACK-NAME",
		Why:    "a stack that names roles asks for CAPABILITY_NAMED_IAM, and a named role cannot be replaced",
	},
	{
		Area: "Templates, identity pools", Question: "Has the URL of an Auth0 tenant's OIDC provider the slash at the end that its issuer has?",
		Choice: "no: https://DOMAIN, as of an issuer that is a host alone; an issuer with a path is left as it is",
		Why:    "IAM names a provider by its URL without the scheme, and clients give that name in Logins",
	},
	{
		Area: "Templates, identity pools", Question: "What are role mappings and principal tags of an OIDC provider found by?",
		Choice: "the provider's ARN; of a user pool PROVIDER:CLIENT for each of its clients, and for tags PROVIDER",
		Why:    "the API's text gives examples of other kinds of providers alone",
	},
	{
		Area: "Templates, groups", Question: "Who may assume the role of a group that no identity pool gives?",
		Choice: "nobody: its trust policy denies",
		Why:    "tokens name the role all the same, and a trust policy cannot be empty",
	},
	{
		Area: "Templates, HTTP APIs", Question: "May routes of other methods, or of longer paths, have another name for the same variable, as GET /riders/{id} and PUT /riders/{name}/rides?",
		Choice: "no: it is refused; {name+} may stand beside {name}",
		Why:    "\"has a conflicting variable on the same hierarchical level as\" is seen of one method, and not documented",
	},
	{
		Area: "Templates, REST APIs", Question: "Which methods has the throttle of a route ANY?",
		Choice: "each of the seven that no other route of the path has; locally they share one bucket",
		Why:    "the settings of a stage are of single methods",
	},
	{
		Area: "Templates, REST APIs", Question: "What is a method of the root called in a usage plan's throttle?",
		Choice: "//METHOD: the path, a slash and the method, as of every other path, and as the CDK writes it",
		Why:    "the examples are of other paths alone",
	},
	{
		Area: "Templates, REST APIs", Question: "How are the clients of a user pool's authorizer told apart?",
		Choice: "by identityValidationExpression, which is matched with aud; with scopes it is refused to name some clients only",
		Why:    "access tokens have no aud, and would be refused one and all",
	},
	{
		Area: "Templates, REST APIs", Question: "What becomes of the deployments before?",
		Choice: "they are retained, until their API is deleted",
		Why:    "a stage may be set back to one of them",
	},
	{
		Area: "Templates, user pools", Question: "Which role has Cognito for text messages?",
		Choice: "one of the stack's, with sns:Publish on all resources, for its own external id",
		Why:    "telephones have no ARN",
	},
}

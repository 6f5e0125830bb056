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
		Choice: "no: it is read anew when the function's own properties change",
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
		Area: "Templates", Question: "What are roles called?",
		Choice: "what CloudFormation calls them; locally it is STACK-NAME",
		Why:    "a stack that names roles asks for CAPABILITY_NAMED_IAM, and a named role cannot be replaced",
	},
}

package lambda

import "github.com/doorwright/doorwright/internal/aws"

// Assumptions are the choices made where Lambda's behaviour is not documented,
// or where a local process cannot have it.
var Assumptions = []aws.Assumption{
	{
		Area: "Lambda, Invoke", Question: "How is an invocation answered that timed out?",
		Choice: `errorType Sandbox.Timedout, errorMessage "RequestId: ... Error: Task timed out after 3.00 seconds"`,
		Why:    "it is what is reported today; older reports have only the message, without the request id",
	},
	{
		Area: "Lambda, Invoke", Question: "How is an init answered that takes longer than 10 seconds?",
		Choice: "as a timeout after 10 seconds, and the instance ends",
		Why:    "AWS runs the init a second time within the invocation and its timeout; a handler that needs this is better told at once",
	},
	{
		Area: "Lambda, Invoke", Question: "Is X-Amz-Function-Error ever Handled?",
		Choice: "it is always Unhandled", Why: "current runtimes report every error so",
	},
	{
		Area: "Lambda, Invoke", Question: "Does an invocation end when its caller has gone?",
		Choice: "no: it goes on to its end or its timeout, and the instance is used again",
		Why:    "API Gateway gives up after 30 seconds and the function is not told",
	},
	{
		Area: "Lambda, Invoke", Question: "What counts toward a function's concurrency between the answer and the request for the next event?",
		Choice: "nothing: a further invocation waits for the instance, or gets another below the limit",
		Why:    "AWS counts requests in flight; throttling a caller who has his answer would surprise him",
	},
	{
		Area: "Lambda, Invoke", Question: "What is the text of a TooManyRequestsException?",
		Choice: `"Rate Exceeded."`, Why: "it is what is reported; the reason field is not sent",
	},
	{
		Area: "Lambda, Runtime API", Question: "What does a runtime get that asks for an event while it is at work on one?",
		Choice: "403 InvalidStateTransition", Why: "the API's error list has the status; AWS's interface emulator answers so",
	},
	{
		Area: "Lambda, Runtime API", Question: "What is AWS_LAMBDA_RUNTIME_API?",
		Choice: "127.0.0.1:PORT/SECRET, a secret for each instance, without which the listener answers 403",
		Why:    `on AWS it is a host and port that nobody else can reach. Runtimes put "http://" before it and a path behind`,
	},
	{
		Area: "Lambda, lifecycle", Question: "How long is an instance without work kept?",
		Choice: "5 minutes", Why: "AWS documents no figure; observations range from 5 to 15 minutes",
	},
	{
		Area: "Lambda, lifecycle", Question: "Is a process frozen between invocations?",
		Choice: "no: what a handler leaves running goes on running, though not past the function's end",
		Why:    "AWS freezes it, but promises nothing; a debugger and the logs are easier to follow without",
	},
	{
		Area: "Lambda, environment", Question: "What is AWS_EXECUTION_ENV?",
		Choice: "AWS_Lambda_nodejs and AWS_Lambda_python, without a version; not set for Go",
		Why:    "the version that runs here is the machine's, not a managed runtime's",
	},
	{
		Area: "Lambda, environment", Question: "What are HOME and TMPDIR?",
		Choice: "a folder of the instance's own, removed with it", Why: "/tmp on AWS is private to the instance; the developer's home holds what AWS has not",
	},
	{
		Area: "Lambda, logs", Question: "Does Billed Duration include Init Duration?",
		Choice: "yes", Why: "AWS bills the init phase of all functions since August 2025",
	},
}

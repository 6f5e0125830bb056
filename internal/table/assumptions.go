package table

import "github.com/doorwright/doorwright/internal/aws"

// Assumptions are the choices made where what DynamoDB does is neither documented nor
// recorded.
var Assumptions = []aws.Assumption{
	{
		Area: "DynamoDB tables", Question: "Which Select has a read without one, for the condition key dynamodb:Select?",
		Choice: "What it comes to: SPECIFIC_ATTRIBUTES with a projection, else ALL_ATTRIBUTES, of an index ALL_PROJECTED_ATTRIBUTES; of GetItem and its batches and transactions too.",
		Why:    "A policy with StringEqualsIfExists would otherwise let through a read of all attributes.",
	}, {
		Area: "DynamoDB tables", Question: "Is ReturnValuesOnConditionCheckFailure in the condition key dynamodb:ReturnValues?",
		Choice: "Yes: ALL_OLD of it is ALL_OLD, whatever less ReturnValues says.",
		Why:    "A policy about ReturnValues would otherwise let a write with a condition that fails give back the whole item.",
	}, {
		Area: "DynamoDB tables", Question: "Is a leading key that is a number compared as it was written?",
		Choice: "In its canonical form, as DynamoDB gives it back: 1.50E1 is 15. Bytes are compared as base64.",
		Why:    "Two ways to write a number are one item.",
	}, {
		Area: "DynamoDB tables", Question: "What is answered to members that the operation does not have?",
		Choice: "ValidationException.", Why: "DynamoDB ignores them; an engine that knew one could touch what was not decided on.",
	}, {
		Area: "DynamoDB tables", Question: "What is looked at first, who calls or whether the request makes sense?",
		Choice: "The signature, then the request's form, then policies, then whether the table is there.",
		Why:    "Which items a request touches has to be known before policies can be asked.",
	}, {
		Area: "DynamoDB tables", Question: "Can a table be named by its ARN?",
		Choice: "No: ValidationException.", Why: "Engines take names alone.",
	}, {
		Area: "DynamoDB tables", Question: "What is the resource of ListTables?",
		Choice: "table/*.", Why: "AccessDenied messages name it so; a policy for * allows it too.",
	}, {
		Area: "DynamoDB tables", Question: "Can PartiQL be used?",
		Choice: "No: UnknownOperationException, whatever the engine knows.", Why: "Which items a statement touches would have to be read from it.",
	},
}

package cloudformation

import "github.com/doorwright/doorwright/internal/aws"

// DeployAssumptions are the choices of package stack, where CloudFormation or what is
// behind it does not say what it does. They are here because the root shows them, and
// does not build AWS's SDK for that.
var DeployAssumptions = []aws.Assumption{
	{
		Area: "Deploy, change sets", Question: "How is it known that nothing changes?",
		Choice: "by a change set that is FAILED with \"didn't contain changes\" or \"No updates are to be performed\" in its reason; any other failure is one",
		Why:    "there is no code for it, and these are the two texts that are known",
	},
	{
		Area: "Deploy, change sets", Question: "Is a resource replaced that AWS says is replaced conditionally, or that has an action which is not known?",
		Choice: "yes: of what holds data it is refused without --allow-replace",
		Why:    "AWS itself knows only on the way",
	},
	{
		Area: "Deploy, change sets", Question: "When has an operation ended whose beginning is not to be seen yet?",
		Choice: "when the stack's own event of an end was seen after it was asked for, or after a minute",
		Why:    "DescribeStacks may give the state before for a while",
	},
	{
		Area: "Deploy, states", Question: "May what is left of a first deploy that failed be deleted?",
		Choice: "yes, with what it may hold: the plan says so, and it is asked for",
		Why:    "such a stack takes nothing but its deletion, and nothing of it was in use",
	},
	{
		Area: "Deploy, states", Question: "What does ContinueUpdateRollback leave out?",
		Choice: "nothing: what keeps a stack from going back is to be mended",
		Why:    "a resource that is skipped is not any more what its template says",
	},
	{
		Area: "Deploy, APIs", Question: "Does a new deployment of a REST API show a route that the same update removes, and can a path's variable get another name?",
		Choice: "yes, and no: routes, answers and segments of paths that a REST API does not have any more go in an update before, while the old deployment answers, and so do routes of an HTTP API whose variable gets another name",
		Why:    "CloudFormation deletes at the end of an update, and a deployment shows what is there as it is made",
	},
	{
		Area: "Deploy, removal", Question: "Does AWS take a change of a DeletionPolicy alone?",
		Choice: "no: metadata that says the same is changed along with it, in an update before the deletion",
		Why:    "an update of policies alone is answered by \"No updates are to be performed\"",
	},
	{
		Area: "Deploy, checks", Question: "What of a user pool cannot be changed?",
		Choice: "UsernameAttributes, AliasAttributes, case sensitivity, which standard attributes are required, and each custom attribute, which may be added and neither changed nor left out; what the declaration has not changed since the last deploy is not compared",
		Why:    "CloudFormation would answer \"Updates are not allowed for property\" or \"Existing schema attributes cannot be modified or deleted\" in the middle of an update; not all of it is documented, nor how AWS shows what nobody has set",
	},
	{
		Area: "Deploy, checks", Question: "Which bounds has a String attribute without any?",
		Choice: "0 and 2048, whether AWS shows them or not",
		Why:    "both forms are seen",
	},
	{
		Area: "Deploy, checks", Question: "Can a pool's domain become another in one deploy?",
		Choice: "no: it is refused, and takes two",
		Why:    "CloudFormation makes the new one first, and Cognito says \"User pool already has a domain configured.\"",
	},
	{
		Area: "Deploy, checks", Question: "Does DescribeUserPoolDomain tell of the domains of other accounts?",
		Choice: "what it tells counts; a domain that it knows nothing of is taken to be free, and CloudFormation says if it is not",
		Why:    "it is not documented, and the only question that does not take the domain",
	},
	{
		Area: "Deploy, checks", Question: "Is an OIDC provider used that the account has for the issuer already?",
		Choice: "not by itself: the deploy is refused with the line to write (providerArn), and a provider of one's own stack is never named so; an issuer with a slash more is another one",
		Why:    "it goes with the stack that has made it, and synth could not print the template",
	},
	{
		Area: "Deploy, checks", Question: "Which changes of a table take several deploys?",
		Choice: "more than one global index made or deleted, another attribute for timeToLive; a global index is never changed; what the last deploy has is compared, and not the table",
		Why:    "UpdateTable does one of them, and CloudFormation calls it once",
	},
	{
		Area: "Deploy, checks", Question: "When does a new value of a secret reach a function?",
		Choice: "by the next deploy, which puts the id of the current version into the reference; what rotates a secret has to deploy",
		Why:    "CloudFormation resolves a reference when its text changes; for a roll-back the version before is still there",
	},
	{
		Area: "Deploy, drift", Question: "Has a stack drifted of which AWS could compare a part only?",
		Choice: "it is not known: DETECTION_FAILED stops the deploy, as drift does without --allow-drift",
		Why:    "what was not compared may have been changed",
	},
	{
		Area: "Deploy, drift", Question: "Are the values shown of what has drifted?",
		Choice: "yes, but for those below Environment and ProviderDetails, of keys, and named like a secret",
		Why:    "AWS may compare what a reference to a secret was resolved to",
	},
	{
		Area: "Deploy, calls", Question: "How often is a call tried that is throttled or that the network loses?",
		Choice: "ten times, after 0.5 seconds and then twice as long, to 20 seconds, half of it by chance",
		Why:    "CloudFormation throttles the readers of events of a whole account together",
	},
}

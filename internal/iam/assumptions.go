package iam

import "github.com/doorwright/doorwright/internal/aws"

const (
	areaIAM = "IAM"
	areaSTS = "STS"
)

// Assumptions are the choices made where AWS's behaviour is not known.
var Assumptions = []aws.Assumption{
	{Area: areaIAM, Question: "Which kind of policy is named if several deny?", Choice: "The first of: resource, identity, boundary, session.", Why: "AWS names one and documents no order; whoever mends the first sees the next."},
	{Area: areaIAM, Question: "What does a Deny with NotPrincipal leave out?", Choice: "A caller of whom account, role and session are all listed.", Why: "The user guide asks for all of them; a list that is too short denies."},
	{Area: areaIAM, Question: "What does an Allow with NotPrincipal let in?", Choice: "A caller of whom neither account, role nor session is listed.", Why: "The strict reading of the same list."},
	{Area: areaIAM, Question: "Does an Allow for \"*\" pass a boundary or a session policy that says nothing?", Choice: "No; only an Allow for the session's own ARN does.", Why: "The guide excepts session ARNs alone."},
	{Area: areaIAM, Question: "Can a value that a variable brings part an ARN?", Choice: "No: its colons are text, so such an ArnLike does not match.", Why: "Otherwise whoever chooses a tag's value moves the rest of the pattern into other parts."},
	{Area: areaIAM, Question: "Has a role's session aws:MultiFactorAuthPresent?", Choice: "It is there, and false.", Why: "It is present with temporary credentials; a Deny without MFA counts."},
	{Area: areaIAM, Question: "Can a statement of a resource's policy name a Federated principal or a unique id?", Choice: "No, it is refused: the role is named instead.", Why: "What such a statement does within one account is not documented in full; one that was skipped might have been a Deny."},
	{Area: areaIAM, Question: "Is a trust policy for identity pools taken without a condition on their aud?", Choice: "It is refused; the condition is StringEquals.", Why: "It would let in every pool's identities."},
	{Area: areaSTS, Question: "What is said if a trust policy does not let a caller in?", Choice: "`User: ARN is not authorized to perform: sts:AssumeRole on resource: ARN`, without a reason, whether there is such a role or not.", Why: "It is what was seen on AWS; it tells least."},
	{Area: areaSTS, Question: "What is said if a token's tags are not allowed by sts:TagSession?", Choice: "AccessDenied, `Not authorized to perform sts:AssumeRoleWithWebIdentity`.", Why: "The text for tags is not known."},
	{Area: areaSTS, Question: "How large can session policies and tags be together?", Choice: "As large as 1,800 bytes of a compressed token; PackedPolicySize is their share. A token has 4,000 characters at most.", Why: "AWS keeps the limit to itself; what is over it is PackedPolicyTooLarge."},
	{Area: areaSTS, Question: "What is done with PolicyArns, MFA, SourceIdentity, TransitiveTagKeys, ProvidedContexts and ProviderId?", Choice: "ValidationError that names the parameter.", Why: "Ignoring them would give a session that may do more than was asked for."},
	{Area: areaSTS, Question: "What is the text of MalformedPolicyDocument?", Choice: "`The policy is not in the valid JSON format.` for every mistake; the terminal says which.", Why: "AWS has several texts, which are not documented."},
	{Area: areaSTS, Question: "What does a parameter that is there twice mean?", Choice: "404 MalformedQueryString.", Why: "Two values of one parameter can be read in two ways."},
	{Area: areaSTS, Question: "Is a role the same if it is declared anew?", Choice: "Its id goes by account and name, so that its sessions go on.", Why: "Each start declares all roles; on AWS a deployment does not recreate them."},
}

package doorwright

import (
	"crypto/sha256"
	"encoding/base32"
	"regexp"
	"strconv"
	"strings"

	"github.com/doorwright/doorwright/internal/aws"
)

// The names that a stage's resources have on AWS, and their ARNs. They are the same in
// every run of a stage.

// physicalName names a resource as CloudFormation does, STACK-NAME-SUFFIX, of at most
// limit characters.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-name.html
func physicalName(stack, kind, name string, limit int) string {
	suffix := nameHash(stack, kind, name)[:12]
	room := limit - len(suffix) - len("--")
	if over := len(stack) + len(name) - room; over > 0 {
		// Both give way, but none below the half of the room.
		stack = stack[:max(room-len(name), min(len(stack), room/2))]
		name = name[:min(len(name), room-len(stack))]
	}
	return strings.TrimRight(stack, "-") + "-" + name + "-" + suffix
}

// nameHash gives 26 letters and digits.
func nameHash(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return base32.HexEncoding.EncodeToString(sum[:16])[:26]
}

// The longest names of tables and buckets.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
const (
	maxTableName  = 255
	maxBucketName = 63
)

// tableName gives the name of a declared table.
func (a *App) tableName(name string) string {
	return physicalName(a.Stack(), "table", name, maxTableName)
}

// bucketName gives the name of a declared bucket. It is a label of a host name, too.
func (a *App) bucketName(name string) string {
	return strings.ToLower(physicalName(a.Stack(), "bucket", name, maxBucketName))
}

func (a *App) tableARN(name string) string {
	return aws.ARN{Service: "dynamodb", Region: a.decl.Region, AccountID: aws.AccountID, Resource: "table/" + a.tableName(name)}.String()
}

func (a *App) bucketARN(name string) string {
	return aws.ARN{Service: "s3", Resource: a.bucketName(name)}.String()
}

// apiARN gives the ARN of all requests to a declared API.
func (a *App) apiARN(name string) string {
	return aws.ARN{Service: "execute-api", Region: a.decl.Region, AccountID: aws.AccountID, Resource: apiID(a.Stack(), name)}.String()
}

func (a *App) identityPoolARN(name string) string {
	return aws.ARN{Service: "cognito-identity", Region: a.decl.Region, AccountID: aws.AccountID, Resource: "identitypool/" + a.identityPoolIDs[name]}.String()
}

func roleARN(name string) string {
	return aws.ARN{Service: "iam", AccountID: aws.AccountID, Resource: "role/" + name}.String()
}

// maxRoleName is the length of a role's name (CreateRole RoleName).
const maxRoleName = 64

var notInRoleName = regexp.MustCompile(`[^A-Za-z0-9+=,.@_-]`)

// roleName names a role STACK-PART-PART. What is too long, or could not be told from
// another name, ends in a hash instead.
func (a *App) roleName(parts ...string) string {
	whole := strings.Join(append([]string{a.Stack()}, parts...), "-")
	name := notInRoleName.ReplaceAllString(whole, "-")
	if name == whole && len(name) <= maxRoleName {
		return name
	}
	suffix := nameHash(append([]string{a.Stack(), "role"}, parts...)...)[:8]
	return name[:min(len(name), maxRoleName-len(suffix)-1)] + "-" + suffix
}

// The roles of a declared identity pool, of the rules of its role mappings (from 0), and
// of a declared group.
func (a *App) identityRole(pool, whom string) string { return a.roleName(pool, whom) }

func (a *App) ruleRole(pool, provider string, rule int) string {
	return a.roleName(pool, provider, "rule", strconv.Itoa(rule+1))
}

func (a *App) groupRole(userPool, group string) string { return a.roleName(userPool, "group", group) }

package app

import (
	"fmt"
	"strings"
)

// resourceKinds are the mappings whose resources permissions name.
const resourceKinds = `(apis|tables|buckets|userPools|identityPools)`

var statementResource = late(`^(\*|arn:[^\x00-\x1f]+|(` + resourceKinds + `\.)?[A-Za-z][A-Za-z0-9]{0,63}(/[^\x00-\x1f]+)?)$`)

// accessGrammars are the forms of identity pools, permissions, tables and buckets.
var accessGrammars = []grammar{
	{
		// CreateIdentityPool DeveloperProviderName.
		name:    "developer provider name",
		pattern: late(`^[A-Za-z0-9_.-]{1,128}$`),
		says:    "a developer provider's name is up to 128 letters, digits, -, _ and ., such as login.example.app",
	}, {
		// SetPrincipalTagAttributeMap PrincipalTags; STS Tag Key.
		name:    "tag name",
		pattern: late(`^[A-Za-z0-9 _.:/=+@-]{1,128}$`),
		says:    "a tag's name is up to 128 letters, digits, spaces and _.:/=+-@",
	}, {
		// MappingRule Value.
		name:    "rule value",
		pattern: late(`^[^\x00-\x1f]{1,128}$`),
		says:    "a rule's value is 1 to 128 characters",
	}, {
		name:    "declared role",
		pattern: late(`^(authenticated|[A-Za-z][A-Za-z0-9]{0,63}\.[!-~]{1,128})$`),
		says:    "write authenticated, or USERPOOL.GROUP for the role of a group",
	}, {
		name:    "declared resource",
		pattern: late(`^(` + resourceKinds + `\.)?[A-Za-z][A-Za-z0-9]{0,63}$`),
		says:    "write the name of a resource of this file, or a statement: {actions: [...], resources: [...]}",
		fix: func(s string) string {
			switch name, _, part := strings.Cut(s, "/"); {
			case part && resourcePattern.MatchString(name):
				return fmt.Sprintf("a part of a resource stands in a statement: {actions: [...], resources: [%q]}", s)
			case strings.Contains(s, ":"):
				return fmt.Sprintf("an action stands in a statement: {actions: [%q], resources: [...]}", s)
			}
			return ""
		},
	}, {
		name:    "IAM action",
		pattern: late(`^(\*|[a-z0-9-]{1,64}:[A-Za-z0-9*?]{1,128})$`),
		says:    "an action is service:Name, such as dynamodb:GetItem or s3:Get*",
		fix: func(s string) string {
			if fixed := strings.ReplaceAll(s, ".", ":"); fixed != s && strings.Count(fixed, ":") == 1 && !strings.ContainsAny(fixed, " /") {
				return fmt.Sprintf("write %q", fixed)
			}
			return ""
		},
	}, {
		name:    "statement resource",
		pattern: statementResource,
		says:    `write the name of a resource of this file, perhaps with a path, such as Notes, Notes/index/*, Uploads/public/*, Api/GET/items; an ARN; or "*"`,
		fix: func(s string) string {
			if name, _ := strings.CutSuffix(s, "*"); name != s && resourcePattern.MatchString(name) {
				return fmt.Sprintf("write %q", name+"/*")
			}
			return ""
		},
	}, {
		// AttributeDefinition AttributeName: 1 to 255 characters.
		name:    "attribute name",
		pattern: late(`^[^\x00-\x1f]{1,255}$`),
		says:    "an attribute's name is 1 to 255 characters",
	}, {
		// GlobalSecondaryIndex IndexName.
		name:    "index name",
		pattern: late(`^[A-Za-z0-9_.-]{3,255}$`),
		says:    "an index's name is 3 to 255 letters, digits, _, - and .",
	}, {
		// S3 user guide, ManageCorsUsing: "The origin string can contain only one *".
		name:    "bucket origin",
		pattern: late(`^(\*|https?://([a-z0-9._-]*\*[a-z0-9._-]*|[a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?)$`),
		says:    "an origin is *, or scheme://host[:port] in small letters, as browsers send it, with at most one * and without a path",
		fix: func(s string) string {
			if strings.HasSuffix(s, "/") && strings.Count(s, "/") == 3 {
				return fmt.Sprintf("an origin has no path: write %q", strings.TrimSuffix(s, "/"))
			}
			if hostPattern.MatchString(s) {
				return fmt.Sprintf("write %q", "https://"+s)
			}
			return ""
		},
	}, {
		name:    "bucket header",
		pattern: late(`^([!#$%&'+.^_|~0-9A-Za-z-]+|[!#$%&'+.^_|~0-9A-Za-z-]*\*[!#$%&'+.^_|~0-9A-Za-z-]*)$`),
		says:    "a header is such as Content-Type or x-amz-*, with at most one *",
	},
}

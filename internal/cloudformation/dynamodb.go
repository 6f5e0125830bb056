package cloudformation

import (
	"slices"
	"strings"

	"github.com/doorwright/doorwright/app"
)

// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html
type table struct {
	AttributeDefinitions             []attributeDefinition `json:"AttributeDefinitions"`
	BillingMode                      string                `json:"BillingMode"`
	DeletionProtectionEnabled        bool                  `json:"DeletionProtectionEnabled"`
	GlobalSecondaryIndexes           []secondaryIndex      `json:"GlobalSecondaryIndexes,omitempty"`
	KeySchema                        []keySchema           `json:"KeySchema"`
	LocalSecondaryIndexes            []secondaryIndex      `json:"LocalSecondaryIndexes,omitempty"`
	PointInTimeRecoverySpecification pointInTimeRecovery   `json:"PointInTimeRecoverySpecification"`
	TimeToLiveSpecification          *timeToLive           `json:"TimeToLiveSpecification,omitempty"`
}

type attributeDefinition struct {
	AttributeName string `json:"AttributeName"`
	AttributeType string `json:"AttributeType"`
}

type secondaryIndex struct {
	IndexName  string      `json:"IndexName"`
	KeySchema  []keySchema `json:"KeySchema"`
	Projection projection  `json:"Projection"`
}

type keySchema struct {
	AttributeName string `json:"AttributeName"`
	KeyType       string `json:"KeyType"`
}

type projection struct {
	NonKeyAttributes []string `json:"NonKeyAttributes,omitempty"`
	ProjectionType   string   `json:"ProjectionType"`
}

type pointInTimeRecovery struct {
	PointInTimeRecoveryEnabled bool `json:"PointInTimeRecoveryEnabled"`
}

type timeToLive struct {
	AttributeName string `json:"AttributeName"`
	Enabled       bool   `json:"Enabled"`
}

// keyTypes says the declaration's words for types in DynamoDB's.
var keyTypes = map[string]string{"string": "S", "number": "N", "binary": "B"}

// tableProperties says a declared table in CloudFormation's words. Its engine is a matter
// of the local stage alone.
func tableProperties(t *app.Table, protected bool) table {
	p := table{
		BillingMode:                      "PAY_PER_REQUEST",
		DeletionProtectionEnabled:        protected,
		KeySchema:                        keysOf(t.PrimaryIndex.PartitionKey, t.PrimaryIndex.SortKey),
		PointInTimeRecoverySpecification: pointInTimeRecovery{protected},
	}
	used := []string{t.PrimaryIndex.PartitionKey, t.PrimaryIndex.SortKey}
	for name, g := range t.GlobalIndexes.All() {
		p.GlobalSecondaryIndexes = append(p.GlobalSecondaryIndexes, secondaryIndex{name, keysOf(g.PartitionKey, g.SortKey), projectionOf(g.Projection)})
		used = append(used, g.PartitionKey, g.SortKey)
	}
	for name, l := range t.LocalIndexes.All() {
		p.LocalSecondaryIndexes = append(p.LocalSecondaryIndexes, secondaryIndex{name, keysOf(t.PrimaryIndex.PartitionKey, l.SortKey), projectionOf(l.Projection)})
		used = append(used, l.SortKey)
	}
	// "Number of attributes in KeySchema does not exactly match number of attributes
	// defined in AttributeDefinitions": DynamoDB takes the types of keys alone.
	for field, kind := range t.Fields.All() {
		if slices.Contains(used, field) {
			p.AttributeDefinitions = append(p.AttributeDefinitions, attributeDefinition{field, keyTypes[kind]})
		}
	}
	if t.TimeToLive != "" {
		p.TimeToLiveSpecification = &timeToLive{t.TimeToLive, true}
	}
	return p
}

func keysOf(partition, sort string) []keySchema {
	keys := []keySchema{{partition, "HASH"}}
	if sort != "" {
		keys = append(keys, keySchema{sort, "RANGE"})
	}
	return keys
}

func projectionOf(declared []string) projection {
	if len(declared) == 1 && (declared[0] == "all" || declared[0] == "keys_only") {
		return projection{ProjectionType: strings.ToUpper(declared[0])}
	}
	return projection{NonKeyAttributes: declared, ProjectionType: "INCLUDE"}
}

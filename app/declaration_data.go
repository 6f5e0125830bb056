package app

import "time"

// A Table is a DynamoDB table (AWS::DynamoDB::Table), billed by request. Its name is
// STACK-NAME and a suffix, as CloudFormation makes them.
type Table struct {
	// Fields are the types of attributes, by name (AttributeDefinitions): those of the
	// keys of indexes have to be there, others may.
	Fields Map[string] `yaml:"fields" required:"true" keys:"attribute name" enum:"string number binary"`
	// PrimaryIndex is the table's key (KeySchema).
	PrimaryIndex *PrimaryIndex `yaml:"primaryIndex" required:"true"`
	// GlobalIndexes are indexes with keys of their own, by name, at most 20
	// (GlobalSecondaryIndexes).
	GlobalIndexes Map[*GlobalIndex] `yaml:"globalIndexes" keys:"index name" maxItems:"20"`
	// LocalIndexes are indexes with the partition key of the table, by name, at most 5
	// (LocalSecondaryIndexes).
	LocalIndexes Map[*LocalIndex] `yaml:"localIndexes" keys:"index name" maxItems:"5"`
	// TimeToLive is the attribute that says when an item ends, in seconds since 1970
	// (TimeToLiveSpecification AttributeName).
	TimeToLive string `yaml:"timeToLive" grammar:"attribute name"`
	// Engine is the server that keeps the items locally: DynamoDB Local, dynalite or the
	// like, http://host:port. Who may do what is decided here, before it is asked.
	Engine Expr `yaml:"engine" refs:"a table's engine" nonEmpty:"true"`

	_ struct{} `noun:"a table" later:"stream consumers billing pointInTimeRecovery deletionProtection"`
}

// A PrimaryIndex is the key of a table.
type PrimaryIndex struct {
	// PartitionKey is the field that items are found by (KeyType HASH).
	PartitionKey string `yaml:"partitionKey" required:"true" grammar:"attribute name"`
	// SortKey is the field that parts and orders the items of one partition key (KeyType
	// RANGE).
	SortKey string `yaml:"sortKey" grammar:"attribute name"`

	_ struct{} `noun:"a primary index"`
}

// A GlobalIndex is an index of a table with keys of its own
// (GlobalSecondaryIndex).
type GlobalIndex struct {
	// PartitionKey is the field that items are found by (KeyType HASH).
	PartitionKey string `yaml:"partitionKey" required:"true" grammar:"attribute name"`
	// SortKey is the field that orders the items of one partition key (KeyType RANGE).
	SortKey string `yaml:"sortKey" grammar:"attribute name"`
	// Projection is what the index holds of an item beside keys: all, keys_only, or a
	// list of attributes, at most 20 (Projection).
	Projection []string `yaml:"projection" default:"all" grammar:"attribute name" single:"true" minItems:"1" maxItems:"20" unique:"true"`

	_ struct{} `noun:"a global index"`
}

// A LocalIndex is an index of a table with the table's partition key
// (LocalSecondaryIndex).
type LocalIndex struct {
	// SortKey is the field that orders the items of one partition key (KeyType RANGE).
	SortKey string `yaml:"sortKey" required:"true" grammar:"attribute name"`
	// Projection is what the index holds of an item beside keys: all, keys_only, or a
	// list of attributes, at most 20 (Projection).
	Projection []string `yaml:"projection" default:"all" grammar:"attribute name" single:"true" minItems:"1" maxItems:"20" unique:"true"`

	_ struct{} `noun:"a local index"`
}

// A Bucket is an S3 bucket (AWS::S3::Bucket), of which nothing is public. Its name is
// STACK-NAME and a suffix in small letters, as CloudFormation makes them.
type Bucket struct {
	// CORS are the rules by which pages of other origins may use the bucket
	// (CorsConfiguration): true, one rule, or at most 100. true allows every origin,
	// method and header.
	CORS []*BucketCORS `yaml:"cors" single:"true" minItems:"1" maxItems:"100"`

	_ struct{} `noun:"a bucket" later:"name versioning notifications lifecycle encryption website replication objectLock publicAccess policy"`
}

// A BucketCORS is a CorsRule of a bucket (S3 user guide, ManageCorsUsing). The first
// rule that a request meets counts.
type BucketCORS struct {
	// ID names the rule (Id).
	ID string `yaml:"id" grammar:"policy name"`
	// AllowedOrigins are the origins that may call, with at most one * in each, such as
	// https://*.example.com, or * (AllowedOrigins).
	AllowedOrigins []string `yaml:"allowedOrigins" required:"true" grammar:"bucket origin" minItems:"1" unique:"true"`
	// AllowedMethods are the methods that may be used (AllowedMethods).
	AllowedMethods []string `yaml:"allowedMethods" required:"true" enum:"GET PUT POST DELETE HEAD" minItems:"1" unique:"true"`
	// AllowedHeaders are the request headers that may be sent, with at most one * in
	// each, such as x-amz-* (AllowedHeaders).
	AllowedHeaders []string `yaml:"allowedHeaders" grammar:"bucket header" unique:"true"`
	// ExposedHeaders are the response headers that a script may read, such as ETag
	// (ExposedHeaders).
	ExposedHeaders []string `yaml:"exposedHeaders" grammar:"response header name" unique:"true"`
	// MaxAge is for how long a browser may keep the answer to a preflight: whole seconds
	// (MaxAge). By default the header is not sent.
	MaxAge time.Duration `yaml:"maxAge" min:"0s" max:"1d" step:"1s"`

	_ struct{} `noun:"a cors rule" shorthand:"true"`
}

// setTrue is what cors: true stands for.
func (c *BucketCORS) setTrue() {
	*c = BucketCORS{AllowedOrigins: []string{"*"}, AllowedMethods: []string{"GET", "PUT", "POST", "DELETE", "HEAD"}, AllowedHeaders: []string{"*"}}
}

// setTrue is what cors: true stands for.
func (c *CORS) setTrue() {
	*c = CORS{AllowOrigins: []string{"*"}, AllowMethods: []string{"*"}, AllowHeaders: []string{"*"}}
}

package cloudformation

import (
	"time"

	"github.com/doorwright/doorwright/app"
)

// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
type bucket struct {
	BucketEncryption               bucketEncryption  `json:"BucketEncryption"`
	CorsConfiguration              *bucketCORS       `json:"CorsConfiguration,omitempty"`
	OwnershipControls              ownershipControls `json:"OwnershipControls"`
	PublicAccessBlockConfiguration publicAccessBlock `json:"PublicAccessBlockConfiguration"`
}

type bucketEncryption struct {
	Rules []encryptionRule `json:"ServerSideEncryptionConfiguration"`
}

type encryptionRule struct {
	Default encryptionByDefault `json:"ServerSideEncryptionByDefault"`
}

type encryptionByDefault struct {
	SSEAlgorithm string `json:"SSEAlgorithm"`
}

type ownershipControls struct {
	Rules []ownershipRule `json:"Rules"`
}

type ownershipRule struct {
	ObjectOwnership string `json:"ObjectOwnership"`
}

type publicAccessBlock struct {
	BlockPublicAcls       bool `json:"BlockPublicAcls"`
	BlockPublicPolicy     bool `json:"BlockPublicPolicy"`
	IgnorePublicAcls      bool `json:"IgnorePublicAcls"`
	RestrictPublicBuckets bool `json:"RestrictPublicBuckets"`
}

type bucketCORS struct {
	Rules []bucketCORSRule `json:"CorsRules"`
}

type bucketCORSRule struct {
	AllowedHeaders []string `json:"AllowedHeaders,omitempty"`
	AllowedMethods []string `json:"AllowedMethods"`
	AllowedOrigins []string `json:"AllowedOrigins"`
	ExposedHeaders []string `json:"ExposedHeaders,omitempty"`
	ID             string   `json:"Id,omitempty"`
	MaxAge         int      `json:"MaxAge,omitempty"`
}

// bucketProperties says a declared bucket in CloudFormation's words: nothing in it is
// public, and all of it is the account's.
func bucketProperties(b *app.Bucket) bucket {
	p := bucket{
		BucketEncryption:               bucketEncryption{[]encryptionRule{{encryptionByDefault{"AES256"}}}},
		OwnershipControls:              ownershipControls{[]ownershipRule{{"BucketOwnerEnforced"}}},
		PublicAccessBlockConfiguration: publicAccessBlock{true, true, true, true},
	}
	for _, r := range b.CORS {
		if p.CorsConfiguration == nil {
			p.CorsConfiguration = &bucketCORS{}
		}
		p.CorsConfiguration.Rules = append(p.CorsConfiguration.Rules, bucketCORSRule{
			AllowedHeaders: r.AllowedHeaders, AllowedMethods: r.AllowedMethods, AllowedOrigins: r.AllowedOrigins,
			ExposedHeaders: r.ExposedHeaders, ID: r.ID, MaxAge: int(r.MaxAge / time.Second),
		})
	}
	return p
}

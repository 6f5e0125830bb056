package bucket

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/internal/aws"
)

// level says what an operation is about.
type level string

const (
	service  level = "SERVICE"
	ofBucket level = "BUCKET"
	ofObject level = "OBJECT"
)

// handler runs an operation for a caller who may, and answers.
type handler func(s *Service, ctx context.Context, c *call) error

// operation is a row of the operations table.
type operation struct {
	name   string
	method string
	level  level
	// sub is the query parameter that tells it from others of its method; "" for
	// none.
	sub string
	// copies says that a header names a source.
	copies bool
	// action is what the caller needs on the bucket or the object; "" for an
	// operation that asks for itself.
	action string
	// serve runs it; nil for an operation that is refused.
	serve handler
	// proved says that the request proves by itself who sent it: a form.
	proved bool
	// body says that it reads the request's body. Of others there may be one, and
	// must be what was signed.
	body bool
	note string
}

const (
	get, head, put, post, del = http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPost, http.MethodDelete

	noteWrite = "ACLs but bucket-owner-full-control, encryption by keys, object lock, and storage classes that archive are refused"
	noteOwned = "refused: buckets are made in doorwright.yaml"
)

// operationTable lists every operation of the service's model, so that nothing
// is forgotten in silence. The actions are those of
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html.
func operationTable() []operation {
	return slices.Concat([]operation{
		{name: "ListBuckets", method: get, level: service, action: "s3:ListAllMyBuckets", serve: (*Service).listBuckets},

		{name: "CreateBucket", method: put, level: ofBucket, serve: (*Service).createBucket, note: noteOwned},
		{name: "DeleteBucket", method: del, level: ofBucket, serve: (*Service).deleteBucket, note: noteOwned},
		{name: "HeadBucket", method: head, level: ofBucket, action: "s3:ListBucket", serve: (*Service).headBucket},
		{name: "GetBucketLocation", method: get, level: ofBucket, sub: "location", action: "s3:GetBucketLocation", serve: (*Service).getBucketLocation},
		{name: "GetBucketCors", method: get, level: ofBucket, sub: "cors", action: "s3:GetBucketCORS", serve: (*Service).getBucketCORS},
		{name: "GetBucketVersioning", method: get, level: ofBucket, sub: "versioning", action: "s3:GetBucketVersioning", serve: (*Service).getBucketVersioning, note: "never enabled"},
		{name: "ListObjects", method: get, level: ofBucket, action: "s3:ListBucket", serve: (*Service).listObjects},
		{name: "ListObjectsV2", method: get, level: ofBucket, sub: "list-type", action: "s3:ListBucket", serve: (*Service).listObjectsV2},
		{name: "ListMultipartUploads", method: get, level: ofBucket, sub: "uploads", action: "s3:ListBucketMultipartUploads", serve: (*Service).listMultipartUploads},
		{name: "DeleteObjects", method: post, level: ofBucket, sub: "delete", serve: (*Service).deleteObjects, body: true},
		{name: "PostObject", method: post, level: ofBucket, serve: (*Service).postObject, proved: true, note: "the form upload of browsers, by a signed policy; " + noteWrite},

		{name: "GetObject", method: get, level: ofObject, action: "s3:GetObject", serve: (*Service).getObject},
		{name: "HeadObject", method: head, level: ofObject, action: "s3:GetObject", serve: (*Service).getObject},
		{name: "GetObjectAttributes", method: get, level: ofObject, sub: "attributes", action: "s3:GetObjectAttributes", serve: (*Service).getObjectAttributes},
		{name: "PutObject", method: put, level: ofObject, action: "s3:PutObject", serve: (*Service).putObject, body: true, note: noteWrite},
		{name: "CopyObject", method: put, level: ofObject, copies: true, action: "s3:PutObject", serve: (*Service).copyObject, note: noteWrite},
		{name: "DeleteObject", method: del, level: ofObject, action: "s3:DeleteObject", serve: (*Service).deleteObject},
		{name: "GetObjectTagging", method: get, level: ofObject, sub: "tagging", action: "s3:GetObjectTagging", serve: (*Service).getObjectTagging},
		{name: "PutObjectTagging", method: put, level: ofObject, sub: "tagging", serve: (*Service).putObjectTagging, body: true},
		{name: "DeleteObjectTagging", method: del, level: ofObject, sub: "tagging", action: "s3:DeleteObjectTagging", serve: (*Service).deleteObjectTagging},
		{name: "CreateMultipartUpload", method: post, level: ofObject, sub: "uploads", action: "s3:PutObject", serve: (*Service).createMultipartUpload, note: noteWrite},
		{name: "UploadPart", method: put, level: ofObject, sub: "uploadId", action: "s3:PutObject", serve: (*Service).uploadPart, body: true},
		{name: "UploadPartCopy", method: put, level: ofObject, sub: "uploadId", copies: true, action: "s3:PutObject", serve: (*Service).uploadPartCopy},
		{name: "CompleteMultipartUpload", method: post, level: ofObject, sub: "uploadId", action: "s3:PutObject", serve: (*Service).completeMultipartUpload, body: true},
		{name: "AbortMultipartUpload", method: del, level: ofObject, sub: "uploadId", action: "s3:AbortMultipartUpload", serve: (*Service).abortMultipartUpload},
		{name: "ListParts", method: get, level: ofObject, sub: "uploadId", action: "s3:ListMultipartUploadParts", serve: (*Service).listParts},
	},
		refused(ofBucket, get, `GetBucketAbac=abac GetBucketAccelerateConfiguration=accelerate GetBucketAcl=acl
			GetBucketAnalyticsConfiguration=analytics GetBucketEncryption=encryption
			GetBucketIntelligentTieringConfiguration=intelligent-tiering GetBucketInventoryConfiguration=inventory
			GetBucketLifecycleConfiguration=lifecycle GetBucketLogging=logging GetBucketMetadataConfiguration=metadataConfiguration
			GetBucketMetadataTableConfiguration=metadataTable GetBucketMetricsConfiguration=metrics
			GetBucketNotificationConfiguration=notification GetBucketOwnershipControls=ownershipControls GetBucketPolicy=policy
			GetBucketPolicyStatus=policyStatus GetBucketReplication=replication GetBucketRequestPayment=requestPayment
			GetBucketTagging=tagging GetBucketWebsite=website GetObjectLockConfiguration=object-lock
			GetPublicAccessBlock=publicAccessBlock ListObjectVersions=versions CreateSession=session`),
		refused(ofBucket, put, `PutBucketAbac=abac PutBucketAccelerateConfiguration=accelerate PutBucketAcl=acl
			PutBucketAnalyticsConfiguration=analytics PutBucketCors=cors PutBucketEncryption=encryption
			PutBucketIntelligentTieringConfiguration=intelligent-tiering PutBucketInventoryConfiguration=inventory
			PutBucketLifecycleConfiguration=lifecycle PutBucketLogging=logging PutBucketMetricsConfiguration=metrics
			PutBucketNotificationConfiguration=notification PutBucketOwnershipControls=ownershipControls PutBucketPolicy=policy
			PutBucketReplication=replication PutBucketRequestPayment=requestPayment PutBucketTagging=tagging
			PutBucketVersioning=versioning PutBucketWebsite=website PutObjectLockConfiguration=object-lock
			PutPublicAccessBlock=publicAccessBlock UpdateBucketMetadataInventoryTableConfiguration=metadataInventoryTable
			UpdateBucketMetadataJournalTableConfiguration=metadataJournalTable`),
		refused(ofBucket, post, `CreateBucketMetadataConfiguration=metadataConfiguration CreateBucketMetadataTableConfiguration=metadataTable`),
		refused(ofBucket, del, `DeleteBucketAnalyticsConfiguration=analytics DeleteBucketCors=cors DeleteBucketEncryption=encryption
			DeleteBucketIntelligentTieringConfiguration=intelligent-tiering DeleteBucketInventoryConfiguration=inventory
			DeleteBucketLifecycle=lifecycle DeleteBucketMetadataConfiguration=metadataConfiguration
			DeleteBucketMetadataTableConfiguration=metadataTable DeleteBucketMetricsConfiguration=metrics
			DeleteBucketOwnershipControls=ownershipControls DeleteBucketPolicy=policy DeleteBucketReplication=replication
			DeleteBucketTagging=tagging DeleteBucketWebsite=website DeletePublicAccessBlock=publicAccessBlock`),
		refused(ofObject, get, `GetObjectAcl=acl GetObjectLegalHold=legal-hold GetObjectRetention=retention GetObjectTorrent=torrent`),
		refused(ofObject, put, `PutObjectAcl=acl PutObjectLegalHold=legal-hold PutObjectRetention=retention RenameObject=renameObject
			UpdateObjectEncryption=encryption`),
		refused(ofObject, post, `RestoreObject=restore SelectObjectContent=select`),
	)
}

// refused gives the rows of operations without a handler, named with their
// parameter.
func refused(l level, method, names string) []operation {
	var rows []operation
	for _, name := range strings.Fields(names) {
		name, sub, _ := strings.Cut(name, "=")
		rows = append(rows, operation{name: name, method: method, level: l, sub: sub})
	}
	return rows
}

// route is what tells operations apart.
type route struct {
	method string
	level  level
	sub    string
	copies bool
}

// operations are the rows by route, and subresources the parameters that count.
var operations, subresources = func() (map[route]*operation, []string) {
	m, subs := map[route]*operation{}, []string{}
	for _, o := range operationTable() {
		m[route{o.method, o.level, o.sub, o.copies}] = &o
		if o.sub != "" {
			subs = append(subs, o.sub)
		}
	}
	slices.Sort(subs)
	return m, slices.Compact(subs)
}()

// operationOf finds the operation of a request.
func operationOf(r *http.Request, a address) (*operation, error) {
	at := route{method: r.Method, level: service}
	switch {
	case a.key != "":
		at.level = ofObject
	case a.bucket != "":
		at.level = ofBucket
	}
	var subs []string
	for _, sub := range subresources {
		if a.query.has(sub) && (sub != "list-type" || at.level == ofBucket) {
			subs = append(subs, sub)
		}
	}
	if len(subs) > 1 {
		return nil, invalidArgument("Conflicting query string parameters: "+strings.Join(subs, ", "), "ResourceType", subs[0])
	}
	if len(subs) == 1 {
		at.sub = subs[0]
	}
	if at.sub == "list-type" && a.query.get("list-type") != "2" {
		return nil, invalidArgument("Invalid List Type specified in list-type", "list-type", a.query.get("list-type"))
	}
	at.copies = r.Method == put && at.level == ofObject && (at.sub == "" || at.sub == "uploadId") && len(r.Header.Values(headerCopySource)) > 0
	op := operations[at]
	if op == nil {
		e := refuse(codeMethodNotAllowed, "The specified method is not allowed against this resource.", "Method", r.Method, "ResourceType", string(at.level))
		if at.sub != "" {
			e.details[1].value = strings.ToUpper(at.sub)
		}
		return nil, e
	}
	return op, nil
}

// Operations gives the room's rows of the compatibility table, by name.
func Operations() []aws.Operation {
	var rows []aws.Operation
	for _, o := range operationTable() {
		row := aws.Operation{Service: "s3", Name: o.name, Status: "emulated", Auth: "signed", Note: o.note}
		if o.serve == nil {
			row.Status = "refused"
		}
		rows = append(rows, row)
	}
	for _, name := range []string{"ListDirectoryBuckets", "WriteGetObjectResponse"} {
		rows = append(rows, aws.Operation{Service: "s3", Name: name, Status: "refused", Auth: "signed"})
	}
	slices.SortFunc(rows, func(x, y aws.Operation) int { return strings.Compare(x.Name, y.Name) })
	return rows
}

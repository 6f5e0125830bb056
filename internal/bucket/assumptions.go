package bucket

import "github.com/doorwright/doorwright/internal/aws"

// Assumptions are the choices that this package makes where S3's behaviour is
// not documented, or where it cannot be played.
var Assumptions = []aws.Assumption{
	{Area: "S3", Question: "What is a plus sign in a query?", Choice: "A plus sign.", Why: "So the signature covers it; SDKs send %20 for a space."},
	{Area: "S3", Question: "May tags of a copied object be read and written with s3:GetObject and s3:PutObject alone?", Choice: "No: s3:GetObjectTagging on the source and s3:PutObjectTagging on the copy, if there are tags.", Why: "Each is what gives or writes tags by itself."},
	{Area: "S3", Question: "Which canned ACLs are taken?", Choice: "bucket-owner-full-control alone.", Why: "Buckets are as AWS makes them since 2023, with ACLs off; the documentation names no other."},
	{Area: "S3", Question: "What does x-amz-server-side-encryption: AES256 do?", Choice: "It is taken and given back; other values are refused. The bytes on disk are not encrypted.", Why: "Every object of S3 is encrypted so, which nobody can see; keys of one's own would be seen."},
	{Area: "S3", Question: "What do storage classes do?", Choice: "Those whose objects can be read at once are kept and given back; GLACIER and DEEP_ARCHIVE are refused.", Why: "An archived object that can be read would be a lie."},
	{Area: "S3", Question: "What becomes of a checksum by XXHASH64, XXHASH3 or XXHASH128?", Choice: "400 InvalidRequest.", Why: "It is not computed, and passed over it would protect nothing."},
	{Area: "S3", Question: "What are the conditions of directory buckets (x-amz-if-match-size, …)?", Choice: "501 NotImplemented.", Why: "Passed over, something would be deleted that was to stay."},
	{Area: "S3", Question: "May a request carry a body that its operation does not read?", Choice: "Up to 64 KiB, which must be what was signed.", Why: "Strict."},
	{Area: "S3", Question: "Is a POST policy's signature good for longer than its x-amz-date says?", Choice: "For seven days from it, and until the policy's expiration.", Why: "So long a signing key is good."},
	{Area: "S3", Question: "Is a checksum in a presigned query held against the body?", Choice: "No: it is passed over. One in a header is held.", Why: "So it was observed (aws-sdk-go-v2 issue 2610, aws-sdk-js-v3 issue 4448); SDKs presign uploads with the checksum of no bytes."},
	{Area: "S3", Question: "What keeps an HTML object from acting as a page of the endpoint?", Choice: "Content-Security-Policy: sandbox on every object that is not a PDF, which S3 does not send.", Why: "On AWS a bucket has a host of its own; here all share localhost. Only a browser's window looks at the header."},
	{Area: "S3", Question: "What does a completed upload say that is completed again?", Choice: "What it said before, as long as its object is still there; NoSuchUpload after that.", Why: "A client whose answer was lost asks again."},
}

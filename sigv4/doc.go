// Package sigv4 verifies and makes AWS Signature Version 4 signatures
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
//
// It is written for the server's side: a [Verifier] answers who signed a
// request, or with an *[Error] that says which check failed, in AWS's words,
// and for a mismatch what should have been signed. [Sign] and [Signer] sign
// requests, for clients and tests. Only the standard library is used.
//
// It owns the canonical request, the string to sign, the signing key, the
// Authorization header, the presigned query, the clock windows, and of S3 the
// body in chunks ([Verifier.VerifyStream]) and the policy of a browser's form
// ([Verifier.VerifyPolicy]). It does not own credentials: the Verifier's Lookup
// finds the secret of an access key and decides whether the session token that
// came with it is good. It knows no IAM policies: who may do what is decided on
// the [Identity]. What S3 says in XML of a [Reason] is the caller's.
//
// Signature Version 4A (AWS4-ECDSA-P256-SHA256) is refused as [Unsupported], in
// a header, a query, a form and X-Amz-Content-Sha256; for S3 so is the version
// before, with which the AWS CLI makes links for us-east-1 by default.
//
// # Where AWS is vague, the strict reading
//
//   - Every x-amz-* header of a request must be signed, session token included.
//     The documentation requires it of clients; what each service does with one
//     that is not signed is not documented. X-Amz-Cf-Id is excepted: CloudFront
//     adds it on the way.
//   - But for S3, the body's hash is always computed. x-amz-content-sha256 is a
//     header like the others, so UNSIGNED-PAYLOAD ends in a mismatch.
//   - SignedHeaders must be in order and lower case, parameters must not repeat,
//     and a percent sign in the query must begin an escape.
//   - The order of the checks is the one that was recorded from DynamoDB: header,
//     date, host, algorithm, credential and its scope, key, signature.
//   - A presigned query to S3 must have X-Amz-Expires. Another without it, as SDKs
//     presign for STS, is good for as long as a signed header. Its parameters
//     have one spelling, stand there once in any case, and but for S3, to whose
//     queries SDKs move headers, one that nobody knows is refused.
//   - A presigned query can be used before its time as much as the window says,
//     and after it for as long as it says, to the second.
//   - The session token of a presigned query stands in the query and is signed.
//   - In a body in chunks, a line ends in CRLF and nothing follows the end. The
//     trailer holds the headers that x-amz-trailer names, each once; two forms
//     of line ends that AWS's SDKs and documentation show are taken.
//   - A signed chunk may have [MaxChunk] bytes. Its data is given after its
//     signature was verified; a body signed by one hash is refused at its end.
//   - A browser's form has each field once. Its policy knows expiration and
//     conditions only, needs a condition for the bucket too, and is good for
//     seven days after x-amz-date, like its signing key.
package sigv4

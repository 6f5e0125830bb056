// Package sigv4 verifies and makes AWS Signature Version 4 signatures
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
//
// It is written for the server's side: a [Verifier] answers who signed a
// request, or with an *[Error] that says which check failed, in AWS's words,
// and for a mismatch what should have been signed. [Sign] and [Signer] sign
// requests, for clients and tests. Only the standard library is used.
//
// It owns the canonical request, the string to sign, the signing key, the
// Authorization header and the clock window. It does not own credentials: the
// Verifier's Lookup finds the secret of an access key and decides whether the
// session token that came with it is good. It knows no policies: who may do
// what is decided on the [Identity].
//
// The header form is supported. A presigned query is refused as [Unsupported].
//
// # Where AWS is vague, the strict reading
//
//   - Every x-amz-* header of a request must be signed, session token included.
//     The documentation requires it of clients; what each service does with one
//     that is not signed is not documented. X-Amz-Cf-Id is excepted: CloudFront
//     adds it on the way.
//   - The body's hash is always computed. x-amz-content-sha256 is a header like
//     the others, so UNSIGNED-PAYLOAD ends in a mismatch.
//   - SignedHeaders must be in order and lower case, parameters must not repeat,
//     and a percent sign in the query must begin an escape.
//   - The order of the checks is the one that was recorded from DynamoDB: header,
//     date, host, algorithm, credential and its scope, key, signature.
package sigv4

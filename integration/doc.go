// Package integration drives the doorwright binary with real clients: the AWS
// CLI, boto3, aws-sdk-go-v2 and, by the scripts in js/, the clients that web
// apps use. It is a module of its own, so that what only
// tests need stays out of the product's go.mod; npm packages are pinned in js/ and installed in the user's cache.
//
// What a machine lacks is skipped with the reason; with
// DOORWRIGHT_REQUIRE=all, as in CI, lacking it fails the test.
package integration

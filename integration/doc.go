// Package integration drives the doorwright binary with real clients: the AWS
// CLI, boto3 and aws-sdk-go-v2. It is a module of its own, so that no SDK
// reaches the product's go.mod.
//
// What a machine lacks is skipped with the reason; with
// DOORWRIGHT_REQUIRE=all, as in CI, lacking it fails the test.
package integration

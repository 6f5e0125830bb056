// Package examples holds the projects that `doorwright init` writes. Each is
// whole, and each is run by a test.
package examples

import "embed"

// Files holds every example, one folder each.
//
//go:embed quickstart api-auth-jwt-cognito-user-pool
var Files embed.FS

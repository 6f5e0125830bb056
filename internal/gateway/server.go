package gateway

import "time"

// What an http.Server in front of a Gateway should be set to. The gateway
// holds AWS's limits by itself; these hold the connection.
const (
	// ServerReadHeaderTimeout bounds the time until a header is read.
	ServerReadHeaderTimeout = 10 * time.Second
	// ServerReadTimeout bounds the time until a body of 10 MB is read.
	ServerReadTimeout = 60 * time.Second
	// ServerWriteTimeout is longer than reading and the longest integration.
	ServerWriteTimeout = ServerReadTimeout + MaxTimeout + 30*time.Second
	// ServerIdleTimeout ends a connection without requests.
	ServerIdleTimeout = 120 * time.Second
	// ServerMaxHeaderBytes lets pass what the gateway then refuses with a 431
	// of its own: names and separators do not count for AWS.
	ServerMaxHeaderBytes = 64 << 10
)

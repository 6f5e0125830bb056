package oidc

import "testing"

// TestEndpointsOfANetworkIssuer: an issuer on the network names no address on this
// machine, in any spelling, and nothing but https.
func TestEndpointsOfANetworkIssuer(t *testing.T) {
	for address, want := range map[string]bool{
		"https://idp.example/token": true, "https://other.example/token": true,
		"http://idp.example/token": false, "http://169.254.169.254/latest/meta-data": false,
		"https://localhost:4200/": false, "https://LOCALHOST:4200/": false, "https://localhost.:4200/": false, "https://a.LocalHost/": false,
		"https://127.0.0.1/": false, "https://127.1.2.3:1/": false, "https://[::1]/": false, "https://[::ffff:127.0.0.1]/": false,
		"https://0.0.0.0:4566/": false, "https://[::]/": false, "https://127.0.0.1./": false, "https://[::1%25lo]/": false,
		"https://:443/": false, "//idp.example": false, "ftp://idp.example/": false, "https://u@idp.example/": false, "https://idp.example/#f": false,
	} {
		if err := checkEndpoint("https://idp.example", address); (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
	for address, want := range map[string]bool{
		"http://localhost:1/": true, "http://LOCALHOST:1/": true, "http://127.0.0.1:1/": true, "http://[::1]:1/": true, "https://idp.example/": true,
		"http://10.0.0.1/": false, "http://localhost.evil.example/": false,
	} {
		if err := checkEndpoint("http://localhost:9", address); (err == nil) != want {
			t.Errorf("for an issuer here %s: %v", address, err)
		}
	}
}

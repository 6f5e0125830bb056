package integration

import "testing"

// TestTOTPByAmplify has Amplify set a software token up and sign in with it.
func TestTOTPByAmplify(t *testing.T) {
	browser, js := chromium(t), scripts(t)
	clients(t, "mfa").browse(browser, js, "totp.mjs", nil)
}

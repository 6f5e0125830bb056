package auth0

import (
	"strings"
	"unicode/utf8"
)

// passwordPolicy is what Auth0's pages and errors say of the policy "good", which is
// the default of database connections
// (https://auth0.com/docs/authenticate/database-connections/password-strength).
const passwordPolicy = "* At least 8 characters in length\n" +
	"* Contain at least 3 of the following 4 types of characters:\n" +
	" * lower case letters (a-z)\n * upper case letters (A-Z)\n * numbers (i.e. 0-9)\n * special characters (e.g. !@#$%^&*)"

// Bounds of new passwords.
const (
	minPassword = 8
	maxPassword = 1024
)

// weakPassword is the refusal of a password, as the sign-up API answers it.
type weakPassword struct {
	Name        string        `json:"name"`
	Message     string        `json:"message"`
	Code        string        `json:"code"`
	Description strengthRules `json:"description"`
	Policy      string        `json:"policy"`
	StatusCode  int           `json:"statusCode"`
}

func (*weakPassword) Error() string { return "PasswordStrengthError: Password is too weak" }

type strengthRules struct {
	Rules    []strengthRule `json:"rules"`
	Verified bool           `json:"verified"`
}

type strengthRule struct {
	Message  string         `json:"message"`
	Format   []int          `json:"format,omitempty"`
	Code     string         `json:"code"`
	Items    []strengthRule `json:"items,omitempty"`
	Verified bool           `json:"verified"`
}

// checkStrength refuses a password that the policy does not allow, as a
// *weakPassword.
func checkStrength(password string) error {
	kinds := []strengthRule{
		{Message: "lower case letters (a-z)", Code: "lowerCase", Verified: strings.ContainsAny(password, "abcdefghijklmnopqrstuvwxyz")},
		{Message: "upper case letters (A-Z)", Code: "upperCase", Verified: strings.ContainsAny(password, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")},
		{Message: "numbers (i.e. 0-9)", Code: "numbers", Verified: strings.ContainsAny(password, "0123456789")},
		{Message: "special characters (e.g. !@#$%^&*)", Code: "specialCharacters", Verified: strings.ContainsAny(password, "!@#$%^&*")},
	}
	met := 0
	for _, kind := range kinds {
		if kind.Verified {
			met++
		}
	}
	length := strengthRule{Message: "At least %d characters in length", Format: []int{minPassword}, Code: "lengthAtLeast"}
	length.Verified = utf8.RuneCountInString(password) >= minPassword && len(password) <= maxPassword
	types := strengthRule{
		Message: "Contain at least %d of the following %d types of characters:", Format: []int{3, 4}, Code: "containsAtLeast", Items: kinds, Verified: met >= 3,
	}
	if length.Verified && types.Verified {
		return nil
	}
	return &weakPassword{
		Name: "PasswordStrengthError", Message: "Password is too weak", Code: "invalid_password", Policy: passwordPolicy, StatusCode: 400,
		Description: strengthRules{Rules: []strengthRule{length, types}},
	}
}

package app

import (
	"fmt"
	"slices"
	"time"
)

func (c *checker) userPool(path string, pool *UserPool) {
	if pool == nil || c.opaque[path] {
		return
	}
	c.aliases(path, pool)
	for name, client := range pool.Clients.All() {
		if client != nil {
			c.client(join(path+".clients", name), client)
		}
	}
}

// aliases checks the combination of sign-in aliases. UsernameAttributes and
// AliasAttributes exclude each other (Cognito developer guide,
// user-pool-settings-attributes): with username among the aliases the others are
// AliasAttributes, without it email and phone are UsernameAttributes.
func (c *checker) aliases(path string, pool *UserPool) {
	aliases := pool.SignInAliases
	if slices.Contains(aliases, "preferredUsername") && !slices.Contains(aliases, "username") {
		c.at(path+".signInAliases", "add username to the list", "preferredUsername is an alias of a user name, so it needs username")
	}
	if pool.AutoVerify == nil {
		for _, alias := range aliases {
			if alias == "email" || alias == "phone" {
				pool.AutoVerify = append(pool.AutoVerify, alias)
			}
		}
	}
}

// client checks that no token outlives the refresh token it comes with, as Cognito does.
func (c *checker) client(path string, client *UserPoolClient) {
	for _, v := range []struct {
		key   string
		value time.Duration
	}{{"accessTokenValidity", client.AccessTokenValidity}, {"idTokenValidity", client.IDTokenValidity}} {
		if client.RefreshTokenValidity > 0 && v.value > client.RefreshTokenValidity {
			at := path + "." + v.key
			if _, ok := c.places[at]; !ok {
				at = path + ".refreshTokenValidity" // the other one is a default
			}
			c.at(at, fmt.Sprintf("make %s at most %s, or refreshTokenValidity longer", v.key, formatDuration(client.RefreshTokenValidity)),
				"%s (%s) cannot be longer than refreshTokenValidity (%s)", v.key, formatDuration(v.value), formatDuration(client.RefreshTokenValidity))
		}
	}
}

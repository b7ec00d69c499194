package main

import (
	"github.com/spf13/cobra"

	"deputy/internal/admin/signins"
	"deputy/internal/config"
)

// signInFlags says at which issuer a person signs in, and for which server: what login, whoami and logout have in
// common.
func signInFlags(c *cobra.Command) {
	c.Flags().String("issuer", "", "`name` or URL of the issuer, when people can sign in at several")
	c.Flags().
		String("server", "", "`URL` of a Deputy elsewhere, such as https://deputy.example.com, instead of a configuration")
	c.RegisterFlagCompletionFunc("issuer", fromConfig(signins.Names))
	c.RegisterFlagCompletionFunc("server", cobra.NoFileCompletions)
}

// whichSignIn is the sign-in that the flags name.
func whichSignIn(c *cobra.Command) signins.Which {
	return signins.Which{Issuer: flagText(c, "issuer"), Server: flagText(c, "server"),
		Load: func() (*config.Config, error) { return loadConfig(c) }}
}

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"deputy/identity"
	"deputy/identity/signin"
	"deputy/internal/admin/signins"
)

func newLogin() *cobra.Command {
	c := &cobra.Command{
		Use:   "login",
		Short: "Sign in, so that agents on this machine can act for you",
		Long: `Opens a browser at the issuer that the configuration names for this, and waits until you have signed in there. Without a
browser on this machine, --device shows a code to type on another one.

The token is kept in a file that you alone can read, below $XDG_CONFIG_HOME/deputy, and is renewed there while it is used:
by deputy stdio, deputy whoami and deputy requests. It is never shown. deputy logout gives it back.

With --server you sign in at a Deputy elsewhere, without its configuration: it says itself at which issuer. Whatever it says,
the token is made out to the URL that you give.`,
		Example: `  deputy login --config deputy.yaml
  deputy login --device
  deputy login --server https://deputy.example.com --scope approve`,
		Args: exactly(0),
		RunE: login,
	}
	signInFlags(c)
	f := c.Flags()
	f.Bool("device", false, "show a code to type in a browser on another device")
	f.Bool("no-browser", false, "show the address and open nothing")
	f.StringSlice("scope", nil, "`scopes` to ask for beside the configured ones, such as approve")
	f.String("client-id", "", "with --server: the client `id` that the server's administrator gave you")
	f.String("audience", "", "with --server: the audience of tokens for it, if that is not its URL with /mcp")
	return c
}

func login(c *cobra.Command, _ []string) error {
	kept, err := signins.Kept()
	if err != nil {
		return err
	}
	wanted := signin.Wanted{ClientID: flagText(c, "client-id"), Audience: flagText(c, "audience")}
	t, err := whichSignIn(c).New(c.Context(), kept, wanted, flagList(c, "scope"))
	if err != nil {
		return err
	}
	f := signin.Flow{Out: c.ErrOrStderr()}
	f.Device = flagIs(c, "device")
	if !flagIs(c, "no-browser") {
		f.Browser = signin.Browse
	}
	who, err := kept.Login(c.Context(), t, f)
	if errors.Is(err, context.Canceled) { // it must not look like success to a script
		return errors.New("the sign-in was interrupted")
	}
	if err != nil {
		return signins.InWords(err)
	}
	fmt.Fprintf(c.OutOrStdout(), "Signed in as %s at %s.\n", nameOf(who.User), t.Issuer)
	return nil
}

// nameOf is a user as people know them, and as policies do.
func nameOf(u identity.User) string {
	if u.Name == "" || u.Name == u.ID {
		return u.ID
	}
	return fmt.Sprintf("%s (%s)", u.Name, u.ID)
}

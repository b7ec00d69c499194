package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"deputy/identity/signin"
	"deputy/internal/admin/signins"
)

func newLogout() *cobra.Command {
	c := &cobra.Command{
		Use:   "logout",
		Short: "Sign out, and have the issuer take the tokens back",
		Long: `Gives the tokens of deputy login back to the issuer, if it takes them back (RFC 7009), and forgets them in any case. Agents
that acted for you are refused from the next call on.`,
		Example: "  deputy logout --config deputy.yaml\n  deputy logout --server https://deputy.example.com",
		Args:    exactly(0),
		RunE:    logout,
	}
	signInFlags(c)
	return c
}

func logout(c *cobra.Command, _ []string) error {
	kept, err := signins.Kept()
	if err != nil {
		return err
	}
	t, err := whichSignIn(c).Ended(kept)
	if err != nil {
		return signins.InWords(err)
	}
	done, err := kept.Logout(c.Context(), t)
	out := c.OutOrStdout()
	switch {
	case err != nil:
		return err
	case !done.Was:
		fmt.Fprintf(out, "Nobody was signed in at %s.\n", t.Issuer)
	case done.Revoked:
		fmt.Fprintf(out, "Signed out at %s, which has taken the tokens back.\n", t.Issuer)
	default:
		fmt.Fprintf(out, "Signed out here: the tokens are forgotten.\n")
		text := done.Why.Error()
		if errors.Is(done.Why, signin.ErrNoRevocation) {
			text = "the issuer takes no tokens back"
		}
		fmt.Fprintf(c.ErrOrStderr(), "They are not taken back: %s.\n", text)
		if !done.Expires.IsZero() {
			fmt.Fprintf(
				c.ErrOrStderr(),
				"A copy of the access token would be good until %s.\n",
				done.Expires.UTC().Format(time.RFC3339),
			)
		}
	}
	return nil
}

package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"deputy/internal/config"
)

// switching is one of the four commands that switch a party off or on again.
type switching struct {
	name                    func(id string) config.Party
	argument, what, example string
	disabled                bool
	known                   func(*config.Config) []string // those that can be switched
}

func newSwitch(s switching) *cobra.Command {
	verb, short, long := "enable", "Let %s in again", `A server that runs on this configuration takes it with its next call.`
	if s.disabled {
		verb, short, long = "disable", "Refuse %s from the next call on", `A server that runs on this configuration refuses them with its next call, whatever they prove. Calls that are being answered end as
they began.`
	}
	return &cobra.Command{
		Use:   verb + " " + s.argument,
		Short: fmt.Sprintf(short, s.what),
		Long: fmt.Sprintf(short, s.what) + `, by one word in the configuration. The rest of the file stays as it is, comments and all; the new
one takes its place in one step, and only if it holds.

` + long,
		Example: fmt.Sprintf("  deputy "+s.example, verb),
		Args:    exactly(1),
		ValidArgsFunction: func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			cfg, err := loadConfig(c)
			if err != nil || len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return s.known(cfg), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			who, path := s.name(args[0]), configPath(c)
			changed, err := config.Switch(path, who, s.disabled, os.LookupEnv)
			switch {
			case err != nil:
				return err
			case changed:
				fmt.Fprintf(c.OutOrStdout(), "%s: %s is %sd now\n", path, who, verb)
			default:
				fmt.Fprintf(c.OutOrStdout(), "%s: %s is %sd already\n", path, who, verb)
			}
			return nil
		},
	}
}

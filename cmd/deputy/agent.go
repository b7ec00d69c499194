package main

import (
	"errors"

	"github.com/spf13/cobra"

	"deputy/internal/config"
)

func newAgent() *cobra.Command {
	c := &cobra.Command{
		Use:     "agent",
		Short:   "Register agents, look after them, and switch them off",
		Example: "  deputy agent list\n  deputy agent key nightly-report\n  deputy agent disable nightly-report",
		Args:    exactly(0),
		RunE: func(*cobra.Command, []string) error {
			return &usageError{errors.New("say what to do: deputy agent list, or key, disable or enable with a NAME")}
		},
	}
	c.AddCommand(newAgentList(), newAgentKey())
	for _, lift := range []bool{false, true} {
		c.AddCommand(newSwitch(switching{
			argument: "NAME", what: "an agent", example: "agent %s nightly-report", lift: lift,
			known: func(cfg *config.Config) (out []string) {
				for _, a := range cfg.Agents {
					out = append(out, a.Name)
				}
				return out
			},
		}))
	}
	return c
}

func newUser() *cobra.Command {
	c := &cobra.Command{
		Use:     "user",
		Short:   "Stop what agents do for a person, and what the person decides",
		Example: "  deputy user disable taylor",
		Args:    exactly(0),
		RunE: func(*cobra.Command, []string) error {
			return &usageError{errors.New("say what to do: deputy user disable ID, or enable ID")}
		},
	}
	for _, lift := range []bool{false, true} {
		c.AddCommand(newSwitch(switching{
			user: true, argument: "ID", what: "a user", example: "user %s taylor", lift: lift,
			known: func(cfg *config.Config) (out []string) {
				for _, u := range cfg.Identity.Users {
					out = append(out, u.ID)
				}
				return out
			},
		}))
	}
	return c
}

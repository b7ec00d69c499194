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
	for _, disabled := range []bool{true, false} {
		c.AddCommand(newSwitch(switching{
			name: func(id string) config.Party { return config.Party{ID: id} }, argument: "NAME", what: "an agent", example: "agent %s nightly-report", disabled: disabled,
			known: func(cfg *config.Config) (out []string) {
				for _, a := range cfg.Agents {
					if a.Disabled != disabled {
						out = append(out, a.Name)
					}
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
		Short:   "Switch off what agents do for a person",
		Example: "  deputy user disable taylor",
		Args:    exactly(0),
		RunE: func(*cobra.Command, []string) error {
			return &usageError{errors.New("say what to do: deputy user disable ID, or enable ID")}
		},
	}
	for _, disabled := range []bool{true, false} {
		c.AddCommand(newSwitch(switching{
			name: func(id string) config.Party { return config.Party{User: true, ID: id} }, argument: "ID", what: "a user", example: "user %s taylor", disabled: disabled,
			known: func(cfg *config.Config) (out []string) {
				for _, u := range cfg.Identity.Users {
					if u.Disabled != disabled {
						out = append(out, u.ID)
					}
				}
				return out
			},
		}))
	}
	return c
}

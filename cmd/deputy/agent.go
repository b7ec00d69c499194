package main

import "github.com/spf13/cobra"

func newAgent() *cobra.Command {
	c := &cobra.Command{
		Use:     "agent",
		Short:   "Register agents, look after them, and switch them off",
		Example: "  deputy agent list\n  deputy agent key nightly-report\n  deputy agent disable nightly-report",
	}
	c.AddCommand(newAgentList(), newAgentKey())
	for _, lift := range []bool{false, true} {
		c.AddCommand(newSwitch(switching{
			argument: "NAME", what: "an agent", example: "agent %s nightly-report", lift: lift,
			known: agentNames,
		}))
	}
	return family(c, "deputy agent list, or key, disable or enable with a NAME")
}

func newUser() *cobra.Command {
	c := &cobra.Command{
		Use:     "user",
		Short:   "Stop what agents do for a person, and what the person decides",
		Example: "  deputy user disable taylor",
	}
	for _, lift := range []bool{false, true} {
		c.AddCommand(newSwitch(switching{
			user: true, argument: "ID", what: "a user", example: "user %s taylor", lift: lift,
			known: userNames,
		}))
	}
	return family(c, "deputy user disable ID, or enable ID")
}

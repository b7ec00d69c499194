package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"deputy/identity/stops"
	"deputy/internal/admin"
	"deputy/internal/admin/halt"
	"deputy/internal/config"
	"deputy/internal/report"
)

// switching is one of the four commands that stop a party or let it in again.
type switching struct {
	user                    bool
	argument, what, example string
	lift                    bool
	known                   func(*config.Config) []string // those that can be named
}

// waitForServers is how long servers may take to have a list, unless --wait says otherwise.
const waitForServers = 10 * time.Second

const switchHelp = `, by the list of stops: the file deputy.stops beside the configuration.
The configuration is not changed, and the list is in force whatever the configuration is like. Servers look at it
before every call, over HTTP and standard input alike. Where requests.state.dsn names a PostgreSQL database, the same is
written there, and in force at every server that shares it within seconds; servers go on with their own copy of that
list while the database is out of reach, for requests.state.stale, and then refuse every call. The file's mode is 0600:
run the command as the account that servers run as. Run by root, a new list gets the owner of the configuration.

Then every server is asked whether it has the list: those of server.replicas, or else the one that listens where the
configuration says. Servers on other machines that share no state need the file, too: on a volume that they share, or
copied there. Exits with 1 and names each server that does not have the list after --wait, or that does not answer;
--wait 0 asks once.

When no replicas are configured and the connection to this machine's own address is refused, there is no server to
wait for, and the command exits with 0: what is served over standard input reads the same file. Where servers run on
other machines or in containers, write server.replicas, so that silence is never taken for a stop.`

func newSwitch(s switching) *cobra.Command {
	verb, short, more := "enable", "Let %s in again",
		"\n\nWhat the configuration disables (disabled: true) stays disabled, and the command says on which line."
	if !s.lift {
		verb, short, more = "disable", "Refuse %s from the next call on, and end the calls that run", ""
	}
	c := &cobra.Command{
		Use:     verb + " " + s.argument,
		Short:   fmt.Sprintf(short, s.what),
		Long:    fmt.Sprintf(short, s.what) + switchHelp + more,
		Example: fmt.Sprintf("  deputy "+s.example, verb),
		Args:    exactly(1),
		ValidArgsFunction: func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			cfg, err := config.Peek(configPath(c), os.LookupEnv)
			if err != nil || len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return s.known(cfg), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error { return s.run(c, args[0], verb) },
	}
	c.Flags().Duration("wait", waitForServers, "how long the servers may take to have the list; 0: ask once")
	c.Flags().Bool("json", false, "print JSON")
	if !s.lift {
		c.Flags().String("why", "", "for the list and those who read it: why, in one `line`")
	}
	if s.user {
		c.Flags().
			String("issuer", "", "only the user of this issuer, by its `URL`; default: users who are called so at any")
	}
	return c
}

var errNotEverywhere = errors.New("not every server has the list of stops, " +
	"or something keeps it from meaning what it seems to: see above")

func (s switching) run(c *cobra.Command, id, verb string) error {
	change := halt.StopChange{ConfigFile: configPath(c), Stop: stops.Stop{Agent: id}, Lift: s.lift}
	if s.user {
		change.Stop = stops.Stop{User: id}
		change.Stop.Issuer, _ = c.Flags().GetString("issuer")
	}
	if !s.lift {
		change.Stop.Why, _ = c.Flags().GetString("why")
	}
	if change.Wait, _ = c.Flags().GetDuration("wait"); change.Wait < 0 {
		return admin.Usagef("--wait: a time from 0s on, such as 10s")
	}
	result, err := halt.ChangeStops(c.Context(), change, os.LookupEnv)
	if err != nil {
		return err
	}
	err = printAnswer(c, result, func(w io.Writer) error {
		return result.Print(w, verb)
	})
	if !result.Done() {
		err = errors.Join(err, errNotEverywhere)
	}
	return err
}

// newStops lists who is stopped.
func newStops() *cobra.Command {
	c := &cobra.Command{
		Use:   "stops",
		Short: "List who is stopped: since when, by whom, and why",
		Long: `Lists the agents and users that deputy agent disable and deputy user disable have put on the list of stops,
deputy.stops beside the configuration, and on the list that servers share in a state on PostgreSQL. What the
configuration itself disables (disabled: true) is not on it: see
deputy agent list. A list that cannot be read stops everything: the command then says what is wrong with it, and
exits with 1.`,
		Example: "  deputy stops\n  deputy stops --json",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			all, err := halt.ListStops(c.Context(), configPath(c), os.LookupEnv)
			if err != nil {
				return err
			}
			for _, note := range all.Notes {
				fmt.Fprintln(c.ErrOrStderr(), report.Printable(note))
			}
			if flagIs(c, "json") {
				return printJSON(c.OutOrStdout(), all)
			}
			return printStops(c.OutOrStdout(), all)
		},
	}
	c.Flags().Bool("json", false, "print JSON")
	return c
}

func printStops(w io.Writer, l *halt.Listed) error {
	all := l.All()
	if len(all) == 0 {
		_, err := fmt.Fprintln(w, "Nothing is stopped.")
		return err
	}
	t := report.NewColumns(w)
	t.Row("STOPPED", "SINCE", "BY", "LIST", "WHY")
	for _, s := range all {
		t.Row(s.String(), report.Moment(&s.At), s.By, s.List, s.Why)
	}
	return t.Flush()
}

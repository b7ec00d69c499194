package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"deputy/entitlements/requests"
	"deputy/internal/admin"
	"deputy/internal/admin/stewards"
	"deputy/internal/report"
)

func newRequests() *cobra.Command {
	c := &cobra.Command{
		Use:   "requests",
		Short: "Decide on requests for access",
		Long: `For those who decide when somebody asks for more access. It speaks with a Deputy server, as the human who signed in with
"deputy login --scope approve" or whose token is in $DEPUTY_USER_TOKEN; the server is the one of --server, of $DEPUTY_SERVER, or of the
configuration's public_url.`,
		Example: "  deputy requests list\n  deputy requests show req_06h0pe6rvqerme3gyxq2k74qew\n  deputy requests approve req_06h0pe6rvqerme3gyxq2k74qew --for 1h",
	}
	list := &cobra.Command{
		Use:     "list",
		Short:   "List the requests that you decide on, and your own",
		Example: "  deputy requests list\n  deputy requests list --all --json\n  deputy requests list --status approved --server https://deputy.example.com",
		Args:    exactly(0),
		RunE:    listRequests,
	}
	list.Flags().StringSlice("status", []string{"pending"}, "only requests of these `statuses`")
	list.Flags().Bool("all", false, "of every status")
	list.Flags().String("platform", "", "only requests for tables of the platform `name`")
	list.RegisterFlagCompletionFunc("status", cobra.FixedCompletions(statusNames(), cobra.ShellCompDirectiveNoFileComp))
	show := &cobra.Command{
		Use:   "show ID",
		Short: "Show a request, and what approving it would reveal",
		Long: `Shows who asks for what and why, how many rows and which columns approving would show, who else has it, and what the same person
asked for before. Rows are counted in a role that is vended for that, and it is on the record that you looked.`,
		Example: "  deputy requests show req_06h0pe6rvqerme3gyxq2k74qew",
		Args:    exactly(1),
		RunE:    showRequest,
	}
	family(c, "deputy requests list, show, approve, deny, revoke, confirm or accept-restore",
		list,
		show,
		newRuling("approve", "Approve a request"),
		newRuling("deny", "Deny a request"),
		newRuling("revoke", "Take back what was approved, at once"),
		newRuling("confirm", "Let go on what was approved before the state was restored"),
	)
	for _, sub := range c.Commands() {
		sub.Flags().Bool("json", false, "as JSON, as the server's API has it")
		sub.Flags().
			String("server", "", "`URL` of the Deputy server (default $DEPUTY_SERVER, else public_url of the configuration)")
		if sub != list {
			sub.ValidArgsFunction = completeRequests
		}
	}
	c.AddCommand(newAcceptRestore())
	return c
}

func newRuling(verb, short string) *cobra.Command {
	c := &cobra.Command{
		Use:   verb + " ID",
		Short: short,
		Long: short + `. You are shown first what it is about, and asked, unless you say --yes. What you write with --note is for whoever
asked, and on the record.`,
		Example: fmt.Sprintf(
			"  deputy requests %s req_06h0pe6rvqerme3gyxq2k74qew --note \"for this quarter's mailing\"",
			verb,
		),
		Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			return ruleRequest(c, requests.Verdict(verb), args[0])
		},
	}
	c.Flags().String("note", "", "`words` to whoever asked")
	c.Flags().Bool("yes", false, "do not ask")
	if verb == "approve" {
		c.Flags().String("for", "", "for so `long` at most: 4h, 30d (default as long as was asked for)")
		c.Example += "\n  deputy requests approve req_06h0pe6rvqerme3gyxq2k74qew --for 1h --yes"
	}
	return c
}

func statusNames() (out []string) {
	for _, s := range requests.Statuses {
		out = append(out, string(s))
	}
	return out
}

// stewardsClient asks the server of --server, of the environment or of the configuration.
func stewardsClient(c *cobra.Command) (*stewards.Client, error) {
	server := cmp.Or(flagText(c, "server"), os.Getenv("DEPUTY_SERVER"))
	if server == "" {
		cfg, err := loadConfig(c)
		if err != nil {
			return nil, fmt.Errorf("say which Deputy server with --server or DEPUTY_SERVER: %w", err)
		}
		server = cfg.Server.PublicURL
	}
	return stewards.At(server, os.Getenv)
}

func listRequests(c *cobra.Command, _ []string) error {
	client, err := stewardsClient(c)
	if err != nil {
		return err
	}
	statuses := flagList(c, "status")
	if flagIs(c, "all") {
		statuses = nil
	}
	all, raw, err := client.List(c.Context(), statuses, flagText(c, "platform"))
	switch {
	case err != nil:
		return err
	case flagIs(c, "json"):
		fmt.Fprintln(c.OutOrStdout(), string(raw))
		return nil
	case len(all) == 0:
		fmt.Fprintln(c.OutOrStdout(), "There is no such request for you.")
		return nil
	}
	return report.Requests(c.OutOrStdout(), all)
}

func showRequest(c *cobra.Command, args []string) error {
	client, err := stewardsClient(c)
	if err != nil {
		return err
	}
	v, raw, err := client.Show(c.Context(), args[0])
	if err != nil {
		return err
	}
	if flagIs(c, "json") {
		fmt.Fprintln(c.OutOrStdout(), string(raw))
		return nil
	}
	return report.Request(c.OutOrStdout(), v)
}

func ruleRequest(c *cobra.Command, verdict requests.Verdict, id string) error {
	ruling := stewards.Ruling{Verdict: verdict, Note: flagText(c, "note"), For: flagText(c, "for")}
	if err := ruling.Check(); err != nil {
		return err
	}
	client, err := stewardsClient(c)
	if err != nil {
		return err
	}
	if !flagIs(c, "yes") {
		v, _, err := client.Show(c.Context(), id)
		if err != nil {
			return err
		}
		if err := report.Request(c.ErrOrStderr(), v); err != nil {
			return err
		}
		question := fmt.Sprintf("\n%s it? [y/N] ", strings.ToUpper(string(verdict[:1]))+string(verdict[1:]))
		if !admin.Confirmed(c.Context(), c.InOrStdin(), c.ErrOrStderr(), question) {
			return errors.New("nothing was decided")
		}
	}
	v, raw, err := client.Rule(c.Context(), id, ruling)
	if err != nil {
		return err
	}
	if flagIs(c, "json") {
		fmt.Fprintln(c.OutOrStdout(), string(raw))
		return nil
	}
	text := fmt.Sprintf("Request %s is %s", v.ID, v.Status)
	if v.ExpiresAt != nil && v.Status == requests.StatusApproved {
		text += ", until " + v.ExpiresAt.UTC().Format(time.RFC3339)
	}
	if len(v.Approvers) > 0 {
		text += "; it waits for " + strings.Join(v.Approvers, ", then ")
	}
	fmt.Fprintln(c.OutOrStdout(), report.Printable(text+". Audit id "+v.AuditID+"."))
	return nil
}

// completeRequests completes the ids of requests that are open.
func completeRequests(c *cobra.Command, args []string, _ string) (out []string, _ cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	client, err := stewardsClient(c)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	open, _, err := client.List(c.Context(), []string{"pending", "approved"}, "")
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	for _, v := range open {
		out = append(out, v.ID+"\t"+v.Table)
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"deputy/entitlements/requests"
	"deputy/internal/report"
	"deputy/tools/desk"
)

func newRequests() *cobra.Command {
	c := &cobra.Command{
		Use:   "requests",
		Short: "Decide on requests for access",
		Long: `For those who decide when somebody asks for more access. It speaks with a Deputy server, as the human who signed in with
"deputy login --scope approve" or whose token is in $DEPUTY_USER_TOKEN; the server is the one of --server, of $DEPUTY_SERVER, or of the
configuration's public_url.`,
		Example: "  deputy requests list\n  deputy requests show req_06h0pe6rvqerme3gyxq2k74qew\n  deputy requests approve req_06h0pe6rvqerme3gyxq2k74qew --for 1h",
		Args:    exactly(0),
		RunE: func(*cobra.Command, []string) error {
			return &usageError{errors.New("say what to do: deputy requests list, show, approve, deny or revoke")}
		},
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
	c.AddCommand(
		list,
		show,
		newRuling("approve", "Approve a request"),
		newRuling("deny", "Deny a request"),
		newRuling("revoke", "Take back what was approved, at once"),
	)
	for _, sub := range c.Commands() {
		sub.Flags().Bool("json", false, "as JSON, as the server's API has it")
		sub.Flags().
			String("server", "", "`URL` of the Deputy server (default $DEPUTY_SERVER, else public_url of the configuration)")
		if sub != list {
			sub.ValidArgsFunction = completeRequests
		}
	}
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

func listRequests(c *cobra.Command, _ []string) error {
	query := url.Values{}
	if all, _ := c.Flags().GetBool("all"); !all {
		statuses, _ := c.Flags().GetStringSlice("status")
		query.Set("status", strings.Join(statuses, ","))
	}
	if platform, _ := c.Flags().GetString("platform"); platform != "" {
		query.Set("platform", platform)
	}
	var answer struct {
		Requests []desk.View `json:"requests"`
	}
	raw, err := askServer(c, "GET", "?"+query.Encode(), nil, &answer)
	if err != nil {
		return err
	}
	if asJSON, _ := c.Flags().GetBool("json"); asJSON {
		fmt.Fprintln(c.OutOrStdout(), string(raw))
		return nil
	}
	if len(answer.Requests) == 0 {
		fmt.Fprintln(c.OutOrStdout(), "There is no such request for you.")
		return nil
	}
	return report.Requests(c.OutOrStdout(), answer.Requests)
}

func showRequest(c *cobra.Command, args []string) error {
	var v desk.View
	raw, err := askServer(c, "GET", "/"+url.PathEscape(args[0]), nil, &v)
	if err != nil {
		return err
	}
	return printRequest(c, raw, v)
}

func printRequest(c *cobra.Command, raw []byte, v desk.View) error {
	if asJSON, _ := c.Flags().GetBool("json"); asJSON {
		fmt.Fprintln(c.OutOrStdout(), string(raw))
		return nil
	}
	return report.Request(c.OutOrStdout(), v)
}

func ruleRequest(c *cobra.Command, verdict requests.Verdict, id string) error {
	body := map[string]string{}
	if note, _ := c.Flags().GetString("note"); note != "" {
		body["note"] = note
	}
	if verdict == requests.VerdictApprove {
		if length, _ := c.Flags().GetString("for"); length != "" {
			if _, err := requests.ParsePeriod(length); err != nil {
				return &usageError{fmt.Errorf("--for is %w", err)}
			}
			body["duration"] = length
		}
	}
	if yes, _ := c.Flags().GetBool("yes"); !yes {
		var v desk.View
		if _, err := askServer(c, "GET", "/"+url.PathEscape(id), nil, &v); err != nil {
			return err
		}
		if err := report.Request(c.ErrOrStderr(), v); err != nil {
			return err
		}
		if !confirmed(c, fmt.Sprintf("\n%s it? [y/N] ", strings.ToUpper(string(verdict[:1]))+string(verdict[1:]))) {
			return errors.New("nothing was decided")
		}
	}
	var v desk.View
	raw, err := askServer(c, "POST", "/"+url.PathEscape(id)+"/"+string(verdict), body, &v)
	if err != nil {
		return err
	}
	if asJSON, _ := c.Flags().GetBool("json"); asJSON {
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

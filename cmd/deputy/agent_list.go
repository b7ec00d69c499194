package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"deputy/audit/index"
	"deputy/identity"
	"deputy/identity/stops"
	"deputy/internal/report"
)

func newAgentList() *cobra.Command {
	c := &cobra.Command{
		Use:   "list",
		Short: "List the agents: whose they are, how they prove themselves, and when they last did",
		Long: fmt.Sprintf(
			`Lists the agents of the configuration with each of their credentials. When one was last used is what the audit log says of the
agent's last %d calls; records from before they named the credential say nothing.`,
			mostCalls,
		),
		Example: "  deputy agent list\n  deputy agent list --json",
		Args:    exactly(0),
		RunE:    agentList,
	}
	logFlag(c)
	c.Flags().Bool("json", false, "print JSON")
	return c
}

// mostCalls of an agent are looked at to find when a credential was last used.
const mostCalls = 10_000

// listedAgent is one agent, as it is printed.
type listedAgent struct {
	Name        string             `json:"name"`
	Description string             `json:"description,omitempty"`
	Owner       string             `json:"owner,omitempty"`
	Disabled    bool               `json:"disabled"`          // by the configuration
	Stopped     *stops.Stop        `json:"stopped,omitempty"` // by the list of stops
	Modes       []identity.Mode    `json:"modes"`
	ActsFor     []string           `json:"acts_for,omitempty"`
	Issuers     []string           `json:"issuers,omitempty"`
	Credentials []listedCredential `json:"credentials"`
}

// listedCredential is one key, or all the client ids.
type listedCredential struct {
	Name      string     `json:"credential"` // as records call it
	ClientIDs []string   `json:"client_ids,omitempty"`
	Label     string     `json:"label,omitempty"`
	Expires   *time.Time `json:"expires,omitempty"`
	Expired   bool       `json:"expired,omitempty"`
	LastUsed  *time.Time `json:"last_used,omitempty"`
}

func agentList(c *cobra.Command, _ []string) error {
	cfg, err := loadConfig(c)
	if err != nil {
		return err
	}
	registry, err := identity.NewRegistry(cfg.Agents)
	if err != nil {
		return err
	}
	stopped, _, err := stops.Read(cfg.StopsFile())
	if err != nil {
		fmt.Fprintf(c.ErrOrStderr(), "%s: every call is refused until it can.\n", report.Printable(err.Error()))
	}
	agents, now := []listedAgent{}, time.Now()
	for i, agent := range registry.Agents() {
		listed := listAgent(cfg.Agents[i], agent, now)
		listed.Stopped = stopOf(stopped, func(s stops.Stop) bool { return s.Covers(identity.Principal{Agent: agent}) })
		agents = append(agents, listed)
	}
	path, _ := c.Flags().GetString("log")
	if err := findUses(agents, cmp.Or(path, cfg.Audit.File), c.ErrOrStderr()); err != nil {
		return err
	}
	if asJSON, _ := c.Flags().GetBool("json"); asJSON {
		return printJSON(c.OutOrStdout(), agents)
	}
	return printAgents(c.OutOrStdout(), agents)
}

func listAgent(a identity.AgentConfig, agent identity.Agent, now time.Time) listedAgent {
	out := listedAgent{
		Name:        a.Name,
		Description: a.Description,
		Owner:       a.Owner,
		Disabled:    a.Disabled,
		Modes:       agent.Modes,
		ActsFor:     a.ActsFor,
		Issuers:     a.Issuers,
	}
	if len(a.ClientIDs) > 0 {
		out.Credentials = append(out.Credentials, listedCredential{Name: identity.AccessToken, ClientIDs: a.ClientIDs})
	}
	for _, k := range a.Keys {
		credential := listedCredential{Name: identity.KeyName(k.SHA256), Label: k.Label, Expired: k.Expires.Passed(now)}
		if !k.Expires.IsZero() {
			credential.Expires = &k.Expires.Time
		}
		out.Credentials = append(out.Credentials, credential)
	}
	for _, hash := range a.KeySHA256 {
		out.Credentials = append(out.Credentials, listedCredential{Name: identity.KeyName(hash)})
	}
	return out
}

// findUses says of each credential when it was last used. Without a log, none was.
func findUses(agents []listedAgent, log string, errout io.Writer) error {
	x, err := indexOf(log, false, errout)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer x.Close()
	for _, a := range agents {
		if err := a.findUses(x, errout); err != nil {
			return err
		}
	}
	return nil
}

func (a listedAgent) findUses(x *index.Index, errout io.Writer) error {
	var wanted []string
	for _, credential := range a.Credentials {
		wanted = append(wanted, credential.Name)
	}
	uses, whole, err := x.LastUses(a.Name, wanted, mostCalls)
	if err != nil {
		return err
	}
	for i := range a.Credentials {
		if used, there := uses[a.Credentials[i].Name]; there {
			a.Credentials[i].LastUsed = &used
		}
	}
	if !whole {
		fmt.Fprintf(
			errout,
			"Of agent %s the last %d calls were looked at: a credential may have been used before.\n",
			a.Name,
			mostCalls,
		)
	}
	return nil
}

func printAgents(w io.Writer, agents []listedAgent) error {
	t := newTable(w)
	t.row("AGENT", "STATE", "OWNER", "MODES", "CREDENTIAL", "EXPIRES", "LAST USED")
	for _, a := range agents {
		var modes []string
		for _, m := range a.Modes {
			modes = append(modes, string(m))
		}
		state := "enabled"
		switch {
		case a.Stopped != nil:
			state = stoppedBy(a.Stopped)
		case a.Disabled:
			state = "DISABLED"
		}
		for _, credential := range a.Credentials {
			t.row(
				a.Name,
				state,
				a.Owner,
				strings.Join(modes, ", "),
				credential.String(),
				credential.expiry(),
				at(credential.LastUsed),
			)
		}
	}
	return t.Flush()
}

// table is written in columns; a cell without anything in it is a dash.
type table struct{ *tabwriter.Writer }

func newTable(w io.Writer) table { return table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)} }

func (t table) row(cells ...string) {
	for i, cell := range cells {
		cells[i] = report.Printable(cmp.Or(cell, "-"))
	}
	fmt.Fprintln(t, strings.Join(cells, "\t"))
}

func (l listedCredential) String() string {
	if len(l.ClientIDs) > 0 {
		return l.Name + " of " + strings.Join(l.ClientIDs, ", ")
	}
	if l.Label != "" {
		return l.Name + " (" + l.Label + ")"
	}
	return l.Name
}

func (l listedCredential) expiry() string {
	if l.Expired {
		return at(l.Expires) + " EXPIRED"
	}
	return at(l.Expires)
}

func at(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"deputy/audit"
	"deputy/mcp/client"
	"deputy/tools"
)

// Person is somebody in the demo's company.
type Person struct {
	Subject, Name string
	Groups        []string
}

// The people of the story. None has an account in the database.
var (
	Taylor = Person{"taylor", "Taylor", []string{"Marketing"}}
	Priya  = Person{"priya", "Priya", []string{"Privacy"}}
	Sam    = Person{"sam", "Sam", nil}
	Dana   = Person{"dana", "Dana", []string{"Data-Stewards"}}
)

// RecentOrders is what everybody asks first.
const RecentOrders = "SELECT lastname, region, order_total, total_with_shipping FROM sales.customer_orders"

// scene is one call of the story.
type scene struct {
	title  string
	person *Person // nil: the scanner, on its own
	sql    string
}

var scenes = []scene{
	{
		"Taylor (Marketing) asks the marketing agent for the most recent orders. Last names are personal data: masked.",
		&Taylor,
		RecentOrders,
	},
	{"Priya (Privacy) asks the same agent the same thing, and sees the names.", &Priya, RecentOrders},
	{"Only agents were granted the regions table. Taylor's agent joins it; the names stay masked as for Taylor.", &Taylor,
		"SELECT o.lastname, o.region, r.warehouse FROM sales.customer_orders o JOIN sales.regions r ON r.region = o.region WHERE o.order_total > 100 ORDER BY o.order_total"},
	{"Sam is in no group, and is told what to ask for.", &Sam, RecentOrders},
	{
		"Taylor looks for a real name. The condition sees only masked values, and finds nothing.",
		&Taylor,
		RecentOrders + " WHERE lastname = 'Okafor'",
	},
	{"Somebody talks the agent into ending the transaction.", &Taylor, "COMMIT; DROP TABLE sales.customer_orders"},
	{
		"At night the PII scanner runs alone, with its own key and its own access.",
		nil,
		"SELECT count(*) AS orders, count(DISTINCT lastname) AS names FROM sales.customer_orders",
	},
}

// Tell plays the whole story on the stage and writes it down. Where time passes in it, wait does: Sleep, or the stage's
// clock.
func Tell(ctx context.Context, s *Stage, wait func(context.Context, time.Duration) error, out io.Writer) error {
	if err := tellQuestions(ctx, s, out); err != nil {
		return err
	}
	if err := s.tellRequest(ctx, len(scenes), wait, out); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nThe audit log: when, who for whom, through which role, how it ended, what.\n\n")
	return printLog(s.AuditFile, out)
}

// Sleep waits for so long, or until the context ends.
func Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tellQuestions is its first part: what people and a bot ask, and are answered.
func tellQuestions(ctx context.Context, s *Stage, out io.Writer) error {
	fmt.Fprintf(
		out,
		"Deputy is listening at %s. A host adds it as an MCP server and relays the token of whoever is signed in.\n",
		s.URL,
	)
	for i, sc := range scenes {
		fmt.Fprintf(out, "\n%d. %s\n\n", i+1, sc.title)
		fmt.Fprintf(out, "   %s\n\n", sc.sql)
		if err := s.play(ctx, sc, out); err != nil {
			return fmt.Errorf("scene %d: %w", i+1, err)
		}
		standing, err := s.Engines[platform].Standing(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "   Roles left in the database: %s\n", orNone(standing))
	}
	return nil
}

// play makes one call as a host would and prints the answer, a refusal included.
func (s *Stage) play(ctx context.Context, sc scene, out io.Writer) error {
	bearer := s.ScannerKey
	if sc.person != nil {
		bearer = s.Token(*sc.person)
	}
	c, err := client.HTTP(ctx, s.URL, bearer, "")
	if err != nil {
		return err
	}
	defer c.Close()
	result, err := c.Query(ctx, map[string]any{"sql": sc.sql})
	var refusal *tools.Refusal
	if errors.As(err, &refusal) {
		fmt.Fprintf(out, "   Refused (%s): %s\n   Hint: %s\n", refusal.Code, refusal.Message, refusal.Hint)
		return nil
	}
	if err != nil {
		return err
	}
	printTable(out, result)
	return nil
}

func printTable(out io.Writer, r *tools.QueryResult) {
	var text bytes.Buffer
	w := tabwriter.NewWriter(&text, 0, 0, 3, ' ', 0)
	line := func(cells []string) { fmt.Fprintf(w, "   %s\n", strings.Join(cells, "\t")) }
	var names, rules []string
	for _, c := range r.Columns {
		names, rules = append(names, c.Name), append(rules, strings.Repeat("-", len(c.Name)))
	}
	line(names)
	line(rules)
	for _, row := range r.Rows {
		var cells []string
		for _, v := range row {
			cells = append(cells, fmt.Sprint(v))
		}
		line(cells)
	}
	w.Flush()
	if len(r.Rows) == 0 {
		fmt.Fprintln(&text, "   (no rows)")
	}
	for _, notice := range r.Notices {
		fmt.Fprintf(&text, "   Note: %s\n", notice)
	}
	fmt.Fprintln(&text, "   Ran as:", r.Role)
	out.Write(text.Bytes())
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func printLog(path string, out io.Writer) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	for r, err := range audit.Read(file) {
		if err != nil {
			return err
		}
		if r.Phase != audit.Intent { // the outcome says it all
			fmt.Fprintf(out, "   %s\n", audit.Line(r))
		}
	}
	return nil
}

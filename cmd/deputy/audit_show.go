package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"deputy/audit"
	"deputy/internal/report"
)

func newAuditShow() *cobra.Command {
	c := &cobra.Command{
		Use:   "show ID",
		Short: "Show all that the log knows of one call, on one page",
		Long: `Who asked, on whose behalf, what, what was seen and what was hidden by which policy, how it ended, and where in the signed
log this stands. The ID is the audit_id that the call's answer has; it is also in the role's name.

Exits with 1 when the records are not as they were signed. Without the verifier key, or the private one, that is not
checked, and the page says so.`,
		Example: "  deputy audit show 06dfz1wq2y8r5v3k9m4n7p0t2c",
		Args:    exactly(1),
		RunE:    auditShow,
	}
	logFlag(c)
	verifierFlag(c)
	c.Flags().Bool("json", false, "print JSON")
	c.ValidArgsFunction = cobra.NoFileCompletions
	return c
}

func auditShow(c *cobra.Command, args []string) error {
	x, err := openIndex(c, false)
	if err != nil {
		return err
	}
	defer x.Close()
	call, found, err := x.Call(args[0])
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("%w: %q", errNothing, args[0])
	}
	standing, wrong := logOf(c).Standing(call)
	if flagIs(c, "json") {
		err = printCallJSON(c, call, standing)
	} else {
		err = report.Call(c.OutOrStdout(), call, standing)
	}
	return errors.Join(err, wrong)
}

func printCallJSON(c *cobra.Command, call audit.Call, s report.Standing) error {
	record, err := call.JSON()
	if err != nil {
		return err
	}
	return printJSON(c.OutOrStdout(), struct {
		Record  json.RawMessage `json:"record"`
		Outcome audit.Outcome   `json:"outcome"`
		Log     report.Standing `json:"log"`
	}{record, call.Ending(), s})
}

// printJSON prints JSON in which nothing is for the terminal to obey.
func printJSON(w io.Writer, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, audit.Escape(text), "", "  "); err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, out.String())
	return err
}

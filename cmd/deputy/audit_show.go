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

var errNotProven = errors.New("the records of this call are not as they were signed: run deputy audit verify")

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
	standing, wrong := standingOf(c, call)
	if asJSON, _ := c.Flags().GetBool("json"); asJSON {
		err = printCallJSON(c, call, standing)
	} else {
		err = report.Call(c.OutOrStdout(), call, standing)
	}
	return errors.Join(err, wrong)
}

// standingOf proves the records of a call, if there is a key to do it with.
func standingOf(c *cobra.Command, call audit.Call) (s report.Standing, wrong error) {
	for _, e := range []*audit.Entry{call.Intent, call.Outcome} {
		if e != nil {
			s.Records = append(s.Records, report.At{Phase: e.Phase, Index: e.Index, File: e.Segment})
		}
	}
	path, v, err := auditedLog(c)
	if err != nil {
		s.Text = "NOT CHECKED whether they are as they were signed: " + err.Error()
		return s, nil
	}
	text, err := audit.Prove(path, call.ID, v)
	var proven *audit.Proven
	if err == nil {
		proven, err = audit.CheckProof(text, v)
	}
	if err == nil {
		err = sameRecords(call, proven)
	}
	if err != nil {
		s.Text = "NOT AS IT WAS SIGNED: " + err.Error()
		return s, errNotProven
	}
	s.Proven, s.Signed, s.Root = true, proven.Checkpoint.Size, proven.Checkpoint.Root.String()
	s.Text = fmt.Sprintf(
		"Proven to be in the log that %s signed when it had %d lines (deputy audit prove %s writes the proof)",
		proven.Checkpoint.Origin,
		s.Signed,
		call.ID,
	)
	return s, nil
}

// sameRecords makes sure that what is shown is what was proven.
func sameRecords(call audit.Call, proven *audit.Proven) error {
	for _, e := range []*audit.Entry{call.Intent, call.Outcome} {
		if e == nil {
			continue
		}
		shown, err := json.Marshal(e.Record)
		if err != nil {
			return err
		}
		same := false
		for _, p := range proven.Records {
			signed, err := json.Marshal(p.Record)
			same = same || err == nil && p.Index == e.Index && string(signed) == string(shown)
		}
		if !same {
			return fmt.Errorf("line %d of the log is not the one that was signed", e.Index+1)
		}
	}
	return nil
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

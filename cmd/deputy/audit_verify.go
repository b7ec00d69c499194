package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"deputy/audit"
	"deputy/internal/admin/trail"
)

func newAuditVerify() *cobra.Command {
	c := &cobra.Command{
		Use:   "verify",
		Short: "Check that every byte of the audit log is as it was written",
		Long: `Reads the whole log. Says OK, or the file, the line and the record where it is not what was signed, and exits with 1.
A server may go on writing meanwhile.

A log that somebody rewrote together with its key is caught by a checkpoint that was kept elsewhere: give the file with
--checkpoint, more than once if there are several.`,
		Example: "  deputy audit verify --config deputy.yaml\n  deputy audit verify --log copy/deputy-audit.jsonl --key NAME+01234567+A… --checkpoint kept.txt",
		Args:    exactly(0),
		RunE:    auditVerify,
	}
	c.Flags().String("log", "", "active `file` of the log (default: the configured one)")
	c.Flags().StringArray("checkpoint", nil, "`file` with one or more checkpoints of earlier states")
	verifierFlag(c)
	return c
}

func auditVerify(c *cobra.Command, _ []string) error {
	files, _ := c.Flags().GetStringArray("checkpoint")
	r, kept, err := logOf(c).Verify(files)
	if errors.Is(err, trail.ErrNotAsWritten) {
		fmt.Fprintln(c.OutOrStdout(), r.Problem.Error())
	}
	if err != nil {
		return err
	}
	printReport(c.OutOrStdout(), r, kept)
	return nil
}

func printReport(out io.Writer, r *audit.Report, kept int) {
	fmt.Fprintf(out, "OK: %d lines, %d records, %d segments\n", r.Checkpoint.Size+1, r.Records, r.Segments)
	fmt.Fprintf(
		out,
		"root %s of the first %d lines, signed by %s\n",
		r.Checkpoint.Root,
		r.Checkpoint.Size,
		r.Checkpoint.Origin,
	)
	if !r.Time.IsZero() {
		fmt.Fprintf(out, "last record of %s\n", r.Time.UTC().Format(time.RFC3339))
	}
	if r.Retired > 0 {
		fmt.Fprintf(out, "the first %d lines are no longer there: they were deleted for their age\n", r.Retired)
	}
	if r.Adopted > 0 {
		fmt.Fprintf(out, "%d lines are from before the log was signed: they are as they were found then\n", r.Adopted)
	}
	if r.Remains > 0 {
		fmt.Fprintf(out, "%d lines are remains of crashes or failed writes: they do not count\n", r.Remains)
	}
	if kept > 0 {
		fmt.Fprintf(out, "%d of %d checkpoints that were kept elsewhere are of this log\n", kept-r.Uncompared, kept)
	}
	if r.Uncompared > 0 {
		fmt.Fprintf(out, "%d are from before the first line that is still there, and could not be compared\n", r.Uncompared)
	}
}

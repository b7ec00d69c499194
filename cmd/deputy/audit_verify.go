package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"deputy/internal/admin/trail"
	"deputy/internal/report"
)

func newAuditVerify() *cobra.Command {
	c := &cobra.Command{
		Use:   "verify",
		Short: "Check that every byte of the audit log is as it was written",
		Long: `Reads the whole log. Says OK, or the file, the line and the record where it is not what was signed, and exits with 1.
A server may go on writing meanwhile.

A log that somebody rewrote together with its key is caught by a checkpoint that was kept elsewhere: give the file with
--checkpoint, more than once if there are several. deputy audit copy makes a copy that verifies; of one that was made
otherwise while a server was writing, --copy says up to which line it is complete.`,
		Example: "  deputy audit verify --config deputy.yaml\n  deputy audit verify --log copy/deputy-audit.jsonl --key NAME+01234567+A… --checkpoint kept.txt",
		Args:    exactly(0),
		RunE:    auditVerify,
	}
	c.Flags().String("log", "", "active `file` of the log (default: the configured one)")
	c.Flags().Bool("copy", false, "it is a copy that was taken file by file while Deputy wrote: its end may be missing")
	c.Flags().StringArray("checkpoint", nil, "`file` with one or more checkpoints of earlier states")
	verifierFlag(c)
	return c
}

func auditVerify(c *cobra.Command, _ []string) error {
	files, _ := c.Flags().GetStringArray("checkpoint")
	r, kept, err := logOf(c).Verify(files, flagIs(c, "copy"))
	if errors.Is(err, trail.ErrNotAsWritten) {
		fmt.Fprintln(c.OutOrStdout(), r.Problem.Error())
	}
	if middle, is := errors.AsType[*trail.TakenInTheMiddle](err); is {
		last := r.Checkpoint.Size + 1
		fmt.Fprintf(c.OutOrStdout(), "This is a copy taken in the middle, complete up to line %d.\n", last)
		for _, file := range middle.Left {
			fmt.Fprintf(c.OutOrStdout(), "Left out: what %s has after that line.\n", report.Printable(file))
		}
		err = nil
	}
	if err != nil {
		return err
	}
	trail.PrintVerified(c.OutOrStdout(), r, kept)
	return nil
}

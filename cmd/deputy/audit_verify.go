package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"deputy/audit"
	"deputy/audit/checkpoint"
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

var errNotAsWritten = errors.New("the audit log is not as it was written")

func auditVerify(c *cobra.Command, _ []string) error {
	path, v, err := auditedLog(c)
	if err != nil {
		return err
	}
	cfg := audit.VerifyConfig{Path: path, Verifier: v}
	files, _ := c.Flags().GetStringArray("checkpoint")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		kept, err := v.Checkpoints(string(text))
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		cfg.Checkpoints = append(cfg.Checkpoints, kept...)
	}
	report, err := audit.Verify(cfg)
	if err != nil {
		return err
	}
	if report.Problem != nil {
		fmt.Fprintln(c.OutOrStdout(), report.Problem.Error())
		return errNotAsWritten
	}
	printReport(c.OutOrStdout(), report, len(cfg.Checkpoints))
	return nil
}

// auditedLog is the log that a command is about, and whose signature counts on it.
func auditedLog(c *cobra.Command) (path string, v *checkpoint.Verifier, err error) {
	path, _ = c.Flags().GetString("log")
	key, _ := c.Flags().GetString("key")
	if path != "" && key != "" { // an auditor has no configuration
		v, err = verifier(c, "")
		return path, v, err
	}
	cfg, err := loadConfig(c)
	if err != nil {
		return "", nil, err
	}
	if path == "" {
		path = cfg.Audit.File
	}
	v, err = verifier(c, cfg.Audit.Key)
	return path, v, err
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

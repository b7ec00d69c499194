package main

import (
	"bufio"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"deputy/audit"
	"deputy/audit/sink"
	"deputy/internal/admin"
	"deputy/internal/admin/trail"
)

func newAuditExport() *cobra.Command {
	c := &cobra.Command{
		Use:   "export",
		Short: "Print the records of the audit log, one line of JSON each",
		Long: `Prints every record from the oldest to the newest, as it is (native) or as an event of the Open Cybersecurity Schema
Framework (ocsf). It checks no signature: deputy audit verify does.

A line of the log that is no record is named on standard error, and the command goes on and exits with 1.`,
		Example: "  deputy audit export --config deputy.yaml --format ocsf --since 24h",
		Args:    exactly(0),
		RunE:    auditExport,
	}
	logFlag(c)
	c.Flags().String("format", "native", "`format` of the lines: native or ocsf")
	c.Flags().
		String("since", "", "only what began after this `time`: 2026-03-01, 2026-03-01T12:00:00Z, or 24h for as long ago")
	return c
}

func auditExport(c *cobra.Command, _ []string) error {
	name := flagText(c, "format")
	format, known := sink.Formats[name]
	if !known {
		return admin.Usagef("there is no format %q: it may be %s", name,
			strings.Join(slices.Sorted(maps.Keys(sink.Formats)), " or "))
	}
	since, err := trail.Moment("since", flagText(c, "since"), time.Now())
	if err != nil {
		return err
	}
	path, err := logOf(c).File()
	if err != nil {
		return err
	}
	out, damaged := bufio.NewWriter(c.OutOrStdout()), false
	for e, err := range audit.Records(path) {
		if c.Context().Err() != nil {
			return c.Context().Err()
		}
		switch {
		case err != nil:
			damaged = true
			fmt.Fprintln(c.ErrOrStderr(), err)
			continue
		case e.Time.Before(since):
			continue
		}
		line, err := format(e.Record)
		if err != nil {
			return err
		}
		if _, err := out.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if damaged {
		return errors.New("not all of the audit log could be exported: run deputy audit verify")
	}
	return nil
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"deputy/internal/admin/catalog"
	"deputy/internal/report"
)

func newCatalog() *cobra.Command {
	c := &cobra.Command{
		Use:   "catalog",
		Short: "Say what is new in the databases, and accept it",
		Long: `What a database has when a server first serves it is written into the catalog file by that server. Tables and columns that appear
later bear the tag New: a new column of a table with masked columns, and a new table where anything is masked, filtered or guarded, is
hidden from everybody until it is accepted. A policy with "guardrail: [tag:New]" closes new tables altogether; one with
"mask: [tag:New]" decides in place of what is built in.`,
		Example: "  deputy catalog new --config deputy.yaml\n  deputy catalog accept --config deputy.yaml",
	}
	list := &cobra.Command{
		Use:   "new",
		Short: "List tables and columns that nobody has accepted yet",
		Long: `Compares the databases with the catalog file and lists what bears the tag New. A column under another name is new. It is no
error when there is something.`,
		Example: "  deputy catalog new --config deputy.yaml\n  deputy catalog new --config deputy.yaml --platform shop --json",
		Args:    exactly(0),
		RunE:    listNew,
	}
	list.Flags().Bool("json", false, "as JSON: a list of what is new")
	accept := &cobra.Command{
		Use:   "accept",
		Short: "Accept the databases as they are now",
		Long: `Writes all tables and columns that are there into the catalog file, and lists what it adds and what it takes out because it is
gone. Run it when the policies say what should become of what is new, and keep the file under version control.`,
		Example: "  deputy catalog accept --config deputy.yaml\n  deputy catalog accept --config deputy.yaml --platform shop",
		Args:    exactly(0),
		RunE:    acceptCatalog,
	}
	for _, sub := range []*cobra.Command{list, accept} {
		sub.Flags().String("platform", "", "`name` of one platform (default all)")
		completeNames(sub)
	}
	return family(c, "deputy catalog new, or deputy catalog accept", list, accept)
}

func listNew(c *cobra.Command, _ []string) error {
	cfg, err := loadConfig(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
	defer cancel()
	found, err := catalog.News(ctx, cfg, flagText(c, "platform"))
	if err != nil {
		return err
	}
	if flagIs(c, "json") {
		return json.NewEncoder(c.OutOrStdout()).Encode(found)
	}
	printChanges(c.OutOrStdout(), "new", found)
	if len(found) == 0 {
		fmt.Fprintln(c.OutOrStdout(), "Nothing is new.")
	}
	return nil
}

func acceptCatalog(c *cobra.Command, _ []string) error {
	cfg, err := loadConfig(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
	defer cancel()
	accepted, err := catalog.Accept(ctx, cfg, flagText(c, "platform"))
	if err != nil {
		return err
	}
	for _, a := range accepted {
		printChanges(c.OutOrStdout(), "accepted", a.Added)
		printChanges(c.OutOrStdout(), "gone", a.Gone)
	}
	fmt.Fprintf(c.OutOrStdout(), "Everything that is there now stands in %s.\n", cfg.Catalog.File)
	return nil
}

func printChanges(out io.Writer, what string, list []catalog.Change) {
	for _, c := range list {
		fmt.Fprintf(out, "%s  %s  %s\n", what, c.Platform, report.Printable(c.Name))
	}
}

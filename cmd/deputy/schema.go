package main

import (
	"github.com/spf13/cobra"

	"deputy/examples"
)

func newSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the configuration, for editors",
		Long: `Prints the JSON Schema of the configuration. An editor with a YAML language server completes and checks a file that names
it in its first line: # yaml-language-server: $schema=./deputy.schema.json`,
		Example: "  deputy schema > deputy.schema.json",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write(examples.Schema)
			return err
		},
	}
}

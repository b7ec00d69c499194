// Command schema writes what is made of the table of the configuration's keys: examples/deputy.schema.json, the JSON
// Schema for editors, and docs/configuration.md, the reference page. Run it at the root of the module (make schema
// does). A test of internal/config/form fails when a file is not what it would write.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"deputy/internal/config/form"
)

func main() {
	if err := write(); err != nil {
		fmt.Fprintln(os.Stderr, "schema: "+err.Error())
		os.Exit(1)
	}
}

func write() error {
	files, err := form.Generated()
	for name, text := range files {
		if err == nil {
			err = os.MkdirAll(filepath.Dir(name), 0o755) //nolint:gosec // G301: a folder of the source tree
		}
		if err == nil {
			err = os.WriteFile(name, text, 0o644) //nolint:gosec // G306: a file of the source tree
		}
	}
	return err
}

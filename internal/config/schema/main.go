// Command schema writes examples/deputy.schema.json: the JSON Schema of the configuration, for editors. Run it at the
// root of the module (make schema does). A test fails when the file is not what it would write.
//
// A key that is added to a struct of the configuration is in the schema by itself, with the comment at the field as its
// help. A type that reads its own YAML must be described in types.go, and a rule about which keys go together in
// rules.go.
package main

import (
	"fmt"
	"os"
)

const file = "examples/deputy.schema.json"

func main() {
	text, err := generate()
	if err == nil {
		err = os.WriteFile(file, text, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "schema: "+err.Error())
		os.Exit(1)
	}
}

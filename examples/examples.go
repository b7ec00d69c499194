// Package examples holds configurations that run as they stand, and the schema of every configuration. The demo reads
// its own from here, and a test starts each.
package examples

import _ "embed"

// Demo is the configuration of "deputy demo".
//
//go:embed demo.yaml
var Demo []byte

// Schema is the JSON Schema of the configuration, for editors. Made by "make schema".
//
//go:embed deputy.schema.json
var Schema []byte

// Package examples holds configurations that run as they stand. The demo reads its own from here, and a test starts each.
package examples

import _ "embed"

// Demo is the configuration of "deputy demo".
//
//go:embed demo.yaml
var Demo []byte

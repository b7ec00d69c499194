package tools_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"deputy/audit"
)

// recordSchema is the published one of the audit log's records.
var recordSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	text, err := os.ReadFile("../examples/audit-record.schema.json")
	if err != nil {
		return nil, err
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("record.json", document); err != nil {
		return nil, err
	}
	return c.Compile("record.json")
})

// published returns nil if the record is as its schema says. The recorder of all tests of this package asks it about
// every record.
func published(r audit.Record) error {
	line, err := audit.Native(r)
	if err != nil {
		return err
	}
	return publishedLine(line)
}

func publishedLine(line []byte) error {
	schema, err := recordSchema()
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
	if err != nil {
		return err
	}
	if err := schema.Validate(value); err != nil {
		return fmt.Errorf("%s is not as examples/audit-record.schema.json says: %w", line, err)
	}
	return nil
}

func TestTheSchemaOfRecordsTellsARecordFromWhatIsNone(t *testing.T) {
	log := &memory{}
	r := audit.Record{ID: "a", Phase: audit.Ended, Tool: "query", Mode: "autonomous", Outcome: audit.Answered}
	if err := log.Append(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	line, _ := audit.Native(r)
	old := strings.Replace(string(line), `"v":1,`, "", 1)
	if err := publishedLine([]byte(old)); err != nil {
		t.Errorf("a record from before the format had a version: %v", err)
	}
	for what, wrong := range map[string]string{
		"another version":         strings.Replace(string(line), `"v":1`, `"v":2`, 1),
		"no id":                   strings.Replace(string(line), `"id":"a",`, ``, 1),
		"an unknown outcome":      strings.Replace(string(line), `answered`, `done`, 1),
		"an intent with outcome":  strings.Replace(string(line), `"phase":"outcome"`, `"phase":"intent"`, 1),
		"a value of the database": strings.Replace(string(line), `"rows":0`, `"rows":[["Lindqvist"]]`, 1),
		"a key of its own":        strings.Replace(string(line), `"rows":0`, `"rows":0,"token":"x"`, 1),
	} {
		if !json.Valid([]byte(wrong)) || wrong == string(line) {
			t.Fatalf("%s: %s", what, wrong)
		}
		if publishedLine([]byte(wrong)) == nil {
			t.Errorf("%s is taken for a record: %s", what, wrong)
		}
	}
}

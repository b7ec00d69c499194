package config

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// corpusVariables are what the files of the corpus find in the environment: whatever else they ask for is a key of its
// own, long enough to sign with.
func corpusVariables(name string) (string, bool) {
	known := map[string]string{
		"EMPTY": "", "SECRET": "hunter2", "SPACE": " hunter2", "YAML": "{max_rows: 1}", "HOST": "id.example.com", "S": "hunter2",
	}
	if value, there := known[name]; there {
		return value, true
	}
	return "hunter2-of-" + name + "-0123456789abcdef0123456789abcdef", name != "NONE" && name != "X"
}

// TestCorpus reads every file that the tests, the examples and the field had when the form was told in five places
// (tag base12), and compares what is found in each, or what it is in Go, with what was found then. With UPDATE_CORPUS
// set it writes testdata/corpus.golden anew.
func TestCorpus(t *testing.T) {
	inputs, err := txtar.ParseFile("testdata/corpus.txtar")
	if err != nil {
		t.Fatal(err)
	}
	out := &txtar.Archive{Comment: []byte("What internal/config says to each file of corpus.txtar.\n\n")}
	least, err := parse("deputy.yaml", inputs.Files[0].Data, corpusVariables)
	if err != nil {
		t.Fatal(err)
	}
	plain := dump(least)
	for _, f := range inputs.Files {
		var text string
		c, err := parse("deputy.yaml", f.Data, corpusVariables)
		if err != nil {
			if text = err.Error() + "\n"; strings.Contains(text, "hunter2") {
				t.Errorf("%s: an error shows what a variable holds:\n%s", f.Name, text)
			}
		} else {
			got := dump(c)
			for _, key := range slices.Sorted(maps.Keys(got)) {
				if f.Name != inputs.Files[0].Name && plain[key] == got[key] {
					continue
				}
				text += fmt.Sprintf("%s = %s\n", key, got[key])
			}
		}
		out.Files = append(out.Files, txtar.File{Name: f.Name, Data: []byte(text)})
	}
	const golden = "testdata/corpus.golden"
	if os.Getenv("UPDATE_CORPUS") != "" {
		if err := os.WriteFile(golden, txtar.Format(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := txtar.ParseFile(golden)
	if err != nil || len(want.Files) != len(out.Files) {
		t.Fatalf("%s has not the files of the corpus (%v)", golden, err)
	}
	for i, f := range out.Files {
		if w := want.Files[i]; w.Name != f.Name || !bytes.Equal(w.Data, f.Data) {
			t.Errorf("%s\n%s\nis now\n%snot\n%s", f.Name, inputs.Files[i].Data, f.Data, w.Data)
		}
	}
}

// dump lists all values of a configuration that are not zero, by the Go names of their places in lower
// case.
func dump(c *Config) map[string]string {
	out := map[string]string{}
	v := reflect.ValueOf(c).Elem()
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.IsExported() && f.Name != "Version" {
			dumpValue(out, strings.ToLower(f.Name), v.Field(i))
		}
	}
	return out
}

func dumpValue(out map[string]string, at string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			out[at] = "there"
			dumpValue(out, at, v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			dumpValue(out, at+"."+strings.ToLower(v.Type().Field(i).Name), v.Field(i))
		}
	case reflect.Slice:
		if !v.IsNil() {
			out[at] = fmt.Sprintf("%d of them", v.Len())
		}
		for i := range v.Len() {
			dumpValue(out, fmt.Sprintf("%s[%d]", at, i), v.Index(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			out[fmt.Sprintf("%s[%q]", at, key.String())] = "there"
			dumpValue(out, fmt.Sprintf("%s[%q]", at, key.String()), v.MapIndex(key))
		}
	case reflect.String:
		if v.Len() > 0 {
			out[at] = fmt.Sprintf("%q", v.String())
		}
	default:
		if !v.IsZero() {
			out[at] = fmt.Sprint(v)
		}
	}
}

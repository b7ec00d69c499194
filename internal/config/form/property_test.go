package form_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"deputy/internal/config"
	"deputy/internal/config/form"
)

// hidden is a value that no message may show.
const hidden = "hunter2-secret"

// right are values of kinds that need a certain form, by the kinds' words; other kinds take a word, or their default.
var right = map[string]string{
	"text": "word", "true or false": "true", "whole number": "2", "size": "128KiB", "percentage": "10%", "duration": "30s",
	"age": "2d", "period": "4h", "date or time": "2027-02-23", "host:port": "127.0.0.1:8080", "URL": "https://id.example.com",
	"secret": "0123456789abcdef0123456789abcdef", "schema.name": "a.b", "matcher": "everyone", "mask": "hash", "SQL": "x",
	"selectors": "tag:A", "tags": "{A: a.b}", "name": "chat", "client id": "chat", "schema": "a",
	"SHA-256": strings.Repeat(
		"ab",
		32,
	), "person": "user:taylor", "address": "tcp://host:601", "whole number, or all": "all",
}

// rightAt are values of keys that are more special than their kinds.
var rightAt = map[string]string{
	"policies.match": "{column: a, attribute: b}", "policies.within": "{column: a, last: 90d}",
	"audit.checkpoints.webhook": "https://keeper.example.com",
	"limits.memory":             "64MiB",
}

// leaves are all keys of the table with a plain value, each with the parts of a file around it.
func leaves(s *form.Section, path string, wrap func(string) string) (out []leaf) {
	for i := range s.Keys {
		k := &s.Keys[i]
		at := strings.TrimPrefix(path+"."+k.Name, ".")
		below := func(inner string) string { return wrap("{" + k.Name + ": " + inner + "}") }
		switch part := k.Kind.Section(); {
		case part == nil || k.Kind.ReadsItself():
			out = append(out, leaf{at, k, s, wrap})
		case k.Kind.Word == "section":
			out = append(out, leaves(part, at, below)...)
		case strings.HasPrefix(k.Kind.Word, "list"):
			out = append(out, leaves(part, at, func(inner string) string { return below("[" + inner + "]") })...)
		default:
			out = append(out, leaves(part, at, func(inner string) string { return below("{a: " + inner + "}") })...)
		}
	}
	return out
}

type leaf struct {
	path string
	key  *form.Key
	in   *form.Section
	wrap func(string) string
}

// file writes the key with a value on a line of its own, and nothing else.
func (l leaf) file(value string) string { return l.wrap("{\n"+l.key.Name+": "+value+"\n}") + "\n" }

// value is one that the key takes.
func (l leaf) value() (string, bool) {
	if own, known := rightAt[l.path]; known || l.key.Default != "" {
		return own + l.key.Default, true
	}
	v, known := right[strings.TrimPrefix(l.key.Kind.Word, "list of ")]
	if word, _, several := strings.Cut(strings.TrimPrefix(l.key.Kind.Word, "list of "), ", "); !known && several {
		return word, true
	}
	return v, known
}

// Each key of the table with a right value has no problem of its own, and a wrong one or an unknown key beside it is
// refused by the server with its line and by the schema; what a variable or a secret holds is never shown.
func TestEveryKeyIsJudged(t *testing.T) {
	folder := t.TempDir()
	s := compiled(t)
	load := func(text string) error {
		path := filepath.Join(folder, "deputy.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := config.Load(path, func(string) (string, bool) { return hidden, true })
		if err != nil && strings.Contains(err.Error(), hidden) {
			t.Errorf("an error shows what is hidden:\n%v\n%s", err, text)
		}
		return err
	}
	all := leaves(form.File, "", func(inner string) string { return inner })
	if len(all) < 140 {
		t.Fatalf("the table has only %d keys", len(all))
	}
	for _, l := range all {
		judgeRight(t, l, load)
		judgeWrong(t, l, load, s)
		for _, value := range []string{"${HIDDEN}", `"${HIDDEN}:x"`, hidden, "[" + hidden + "]"} {
			if l.key.Kind.Word == "secret" || strings.Contains(value, "$") {
				_ = load(l.file(value))
			}
		}
	}
}

func judgeRight(t *testing.T, l leaf, load func(string) error) {
	t.Helper()
	value, known := l.value()
	if !known {
		if l.path != "tests" && l.path != "purposes" && !strings.HasPrefix(l.key.Kind.Word, "names") {
			t.Errorf("the test knows no value of the kind %s, which %s has", l.key.Kind.Word, l.path)
		}
		return
	}
	err := load(l.file(value))
	for line := range strings.Lines(fmt.Sprint(err)) {
		for _, says := range []string{"unknown key", "belongs here", "not a ", "out of range", "is not one of"} {
			if strings.Contains(line, l.key.Name+": "+says) {
				t.Errorf("%s does not take %s: %s", l.path, value, line)
			}
		}
	}
}

func judgeWrong(t *testing.T, l leaf, load func(string) error, s *validator.Schema) {
	t.Helper()
	for _, text := range []string{
		l.wrap("{\n"+l.key.Name+"x: 1\n}") + "\n",
		l.file("{{nobody: knows}: this}"), l.file("[[[a]]]"),
	} {
		err := load(text)
		if err == nil || !strings.Contains(err.Error(), "deputy.yaml:2: ") {
			t.Errorf("the second line is wrong, and the server says %v:\n%s", err, text)
		}
		if !strings.Contains(text, "{{") && s.Validate(asJSON(t, []byte(text))) == nil {
			t.Errorf("the schema takes\n%s", text)
		}
	}
}

// Numbers outside the bounds of a row are refused by both, and those inside by neither.
func TestBoundsAreJudged(t *testing.T) {
	folder := t.TempDir()
	s := compiled(t)
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SampledFrom([]string{"max_rows", "concurrency", "at_once", "connections", "max_bytes"}).Draw(t, "key")
		most := map[string]int{"max_rows": 1_000_000, "concurrency": 1000, "at_once": 100_000, "connections": 100_000, "max_bytes": 256 << 20}[key]
		n := rapid.OneOf(rapid.IntRange(0, 2), rapid.IntRange(most-2, most+2), rapid.IntRange(1, most)).Draw(t, "n")
		text := least + fmt.Sprintf("limits:\n  %s: %d\n", key, n)
		path := filepath.Join(folder, "deputy.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := config.Load(path, os.LookupEnv)
		fits := n >= 1 && n <= most
		if fits != (err == nil) || !fits && !strings.Contains(err.Error(), ":6: limits."+key+": out of range") {
			t.Fatalf("the server says %v to %s", err, text)
		}
		if valid := s.Validate(asJSON(t, []byte(text))) == nil; valid != fits {
			t.Fatalf("the schema says %v to %s", valid, text)
		}
	})
}

package form_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"deputy/internal/config"
	"deputy/internal/config/form"
)

// compiled reads the committed schema, at the root of the module.
func compiled(t *testing.T) *validator.Schema {
	t.Helper()
	t.Chdir(filepath.Join("..", "..", ".."))
	text, err := os.ReadFile("examples/deputy.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	document, err := validator.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := validator.NewCompiler()
	if err := c.AddResource("deputy.schema.json", document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("deputy.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What is made of the table is checked in.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	t.Chdir(filepath.Join("..", "..", ".."))
	files, err := form.Generated()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the table says (%v): run make schema", name, err)
		}
	}
}

// An editor has help for every key.
func TestEveryKeyIsDescribed(t *testing.T) {
	text, err := form.JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	type part struct {
		Description string
		Properties  map[string]json.RawMessage
	}
	var root struct {
		Properties map[string]json.RawMessage
		Defs       map[string]part `json:"$defs"`
	}
	if err := json.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	root.Defs["the file"] = part{"-", root.Properties}
	for name, def := range root.Defs {
		if def.Description == "" && name != "Text" && name != "NonEmpty" {
			t.Errorf("nothing says what %s is", name)
		}
		for key, raw := range def.Properties {
			var property struct{ Description string }
			if json.Unmarshal(raw, &property); property.Description == "" {
				t.Errorf("there is no help for %s of %s: comment its field", key, name)
			}
		}
	}
}

func TestWhatLoadsIsValid(t *testing.T) {
	s := compiled(t)
	files, err := filepath.Glob("examples/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no examples: %v", err)
	}
	for _, name := range append(files, "internal/config/testdata/complete.yaml") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(asJSON(t, text)); err != nil {
			t.Errorf("%s is valid: %v", name, err)
		}
		if first, _, _ := strings.Cut(string(text), "\n"); strings.HasPrefix(name, "examples/") &&
			first != "# yaml-language-server: $schema=./deputy.schema.json" {
			t.Errorf("%s does not name its schema in its first line", name)
		}
	}
}

// The least file, to which each snippet adds something.
const least = `
agents: [{name: chat, client_ids: [chat]}]
identity: {issuers: [{url: https://id.example.com}]}
platforms: {shop: {engine: sqlite, path: shop.db, hash_key: 0123456789abcdef0123456789abcdef}}
`

// agree asks the schema and config.Load about the same file.
func agree(t *testing.T, s *validator.Schema, text string, valid bool) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "deputy.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, loaded := config.Load(path, func(string) (string, bool) { return "", false })
	err := s.Validate(asJSON(t, []byte(text)))
	if (err == nil) != valid || (loaded == nil) != valid {
		t.Errorf("of this file the schema says %v and the server %v:\n%s", err, loaded, text)
	}
}

func TestWrongFilesAreNotValid(t *testing.T) {
	s := compiled(t)
	agree(t, s, least, true)
	for _, wrong := range []string{
		"servers: {}", "server: {port: 8080}", "server: {listen: [a]}", "server: {log_level: loud}", "server: {public_url: deputy.example.com}", "server: {listen: localhost}",
		"limits: {max_rows: many}", "limits: {max_rows: 0}", "limits: {max_rows: 1000001}", "limits: {max_bytes: 4 apples}", "limits: {timeout: 30}", "limits: {concurrency: 1.5}", "limits: {max_rows: }",
		"audit: {file: ''}", "audit: {path: x}", "tags: [PII]", "tags: {'A B': a.b}", "tags: {New: a.b}", "tags: {A: []}", "tags: {A: 'tag:B'}", "tags: {A: a.b.c.d}", "policies: none", "policies: [a]",
		"tags: {A: 'a b.c'}",
	} {
		agree(t, s, least+wrong+"\n", false)
	}
	for _, wrong := range []string{
		"agents: []", "agents: [{name: Chat, client_ids: [c]}]", "agents: [{client_ids: [c]}]", "agents: [{name: chat}]", "agents: [{name: chat, client_ids: ['']}]",
		"agents: [{name: chat, key_sha256: [x]}]", "agents: [{name: chat, client_ids: [c], modes: [obo]}]", "agents: [{name: chat, client_ids: [c], key: x}]",
		"identity: {issuers: [{name: a}]}", "identity: {issuers: [{url: id.example.com}]}", "identity: {issuers: [{url: https://id.example.com, algorithms: [HS256]}]}",
		"identity: {issuers: [{url: https://id.example.com}], users: [{groups: [a]}]}", "identity: {issuers: [{url: https://id.example.com}], users: [{id: a, attributes: {a: {b: c}}}]}",
		"platforms: {}", "platforms: {Shop: {engine: sqlite, path: x}}", "platforms: {shop: {path: x}}", "platforms: {shop: {engine: oracle}}", "platforms: {shop: {engine: sqlite}}",
		"platforms: {shop: {engine: sqlite, path: x, dsn: y}}", "platforms: {shop: {engine: postgres, dsn: x, schemas: [a]}}", "platforms: {shop: {engine: sqlite, path: x, hash_key: short}}",
		"platforms: {shop: {engine: postgres, dsn: x, schemas: [a], signing_key: 0123456789abcdef0123456789abcdef, path: x}}",
		"platforms: {shop: {engine: postgres, dsn: x, schemas: [a], signing_key: 0123456789abcdef0123456789abcdef, functions: [net]}}",
		"platforms: {shop: {engine: postgres, dsn: x, schemas: [a], signing_key: 0123456789abcdef0123456789abcdef, policy_path: [$user]}}",
		"platforms: {shop: {engine: sqlite, path: x, discoverable: [a.b.c]}}",
	} {
		key, _, _ := strings.Cut(wrong, ":")
		var kept []string
		for line := range strings.Lines(least) {
			if !strings.HasPrefix(line, key+":") {
				kept = append(kept, line)
			}
		}
		agree(t, s, strings.Join(kept, "")+wrong+"\n", false)
	}
}

// Each key of a policy beside each kind: the schema and the server agree on which go together, and on every form of
// their values.
func TestTheSchemaJudgesPoliciesAsTheServerDoes(t *testing.T) {
	s := compiled(t)
	kinds := []string{
		"grant: a.b, to: everyone",
		"guardrail: a.b, require: everyone",
		"mask: a.b.c, with: hash",
		"filter: a.b, where: x",
	}
	belongs := map[string][]bool{ // beside a grant, a guardrail, a mask, a filter
		"platform: shop": {
			true,
			true,
			true,
			true,
		}, "for: everyone": {false, false, true, true}, "except: everyone": {false, false, true, true},
		"when: x": {
			false,
			false,
			true,
			false,
		}, "match: {column: a, attribute: b}": {false, false, false, true}, "within: {column: a, last: 1d}": {false, false, false, true},
		"sample: 10%": {
			false,
			false,
			false,
			true,
		}, "nonsense: x": {false, false, false, false}, "for: everyone, except: everyone": {false, false, false, false},
	}
	for key, by := range belongs {
		for i, kind := range kinds {
			agree(t, s, policy(kind+", "+key), by[i])
		}
	}
	for _, kind := range kinds {
		first, _, _ := strings.Cut(kind, ",")
		agree(t, s, policy(first), false)
		for _, other := range kinds {
			if other != kind {
				agree(t, s, policy(first+", "+other), false)
			}
		}
	}
	agree(t, s, policy("to: everyone"), false)

	for matcher, valid := range map[string]bool{
		"everyone": true, "group:Sales": true, "attribute:region=EU": true, "user:corp/taylor": true, "agent:bot": true, "agent-group:Bots": true, "mode:autonomous": true, "[group:A, user:b]": true,
		"{all: [everyone, {not: group:A}]}": true, "{any: [{all: [group:A]}]}": true, "{not: [group:A, group:B]}": true, "group:Sales and Marketing": true,
		"everyone:x": false, "grp:Sales": false, "'group:'": false, "'group: a'": false, "attribute:region": false, "mode:both": false, "[]": false, "{all: []}": false, "{all: everyone}": false,
		"{none: [everyone]}": false, "{all: [everyone], any: [everyone]}": false, "{}": false, "~": false, "true": false, "{group: Sales}": false,
	} {
		agree(t, s, policy("grant: a.b, to: "+matcher), valid)
	}
	for mask, valid := range map[string]bool{
		"null": true, "'null'": true, "hash": true, "email": true, "format_preserving": true, "{constant: REDACTED}": true, "{constant: 0}": true, "{constant: true}": true,
		"{partial: {first: 1}}": true, "{partial: {first: 0, last: 4}}": true, "{regex: {match: '[0-9]', replace: x}}": true, "{regex: {match: a}}": true, "{regex: {match: a, unmatched: keep}}": true,
		"{regex: {match: a, unmatched: null}}": true, "{round: 100}": true, "{round: 0.5}": true, "{truncate: month}": true, "{bucket: [{below: 100, name: small}, {name: large}]}": true,
		"{bucket: [{below: 2026-01-01, name: old}]}": true, "{sql: 'left($column, 1)'}": true,
		"constant": false, "blur": false, "{constant: }": false, "{constant: [a]}": false, "{partial: {}}": false, "{partial: {first: 0}}": false, "{partial: {first: -1, last: 1}}": false, "{partial: {middle: 1}}": false,
		"{regex: {replace: a}}": false, "{regex: {match: a, unmatched: show}}": false, "{round: 0}": false, "{round: -1}": false, "{round: ten}": false, "{truncate: decade}": false, "{bucket: []}": false,
		"{bucket: [{below: 1}]}": false, "{bucket: [{below: x, name: a}]}": false, "{bucket: {below: 1}}": false, "{sql: ''}": false, "{hash: true}": false, "{constant: a, round: 1}": false, "{}": false, "[hash]": false,
		"{hash: {length: 8}}": true, "{hash: {length: 64}}": true, "{hash: {}}": true, "{hash: {length: 7}}": false,
		"{hash: {length: 65}}": false, "{hash: {length: 0}}": false, "{hash: {size: 8}}": false,
	} {
		agree(t, s, policy("mask: a.b.c, with: "+mask), valid)
	}
	for rule, valid := range map[string]bool{
		"where: x = any(:attribute.y)": true, "where: ' '": false, "match: {column: a}": false, "match: {column: a, attribute: 'b c'}": false, "match: a": false,
		"within: {column: a, last: 12h}": true, "within: {column: a, last: 4w}": true, "within: {column: a, last: 3 months}": false, "within: {column: a, last: 0d}": false, "within: {last: 1d}": false,
		"sample: 0.01%": true, "sample: 0%": false, "sample: 0.0%": false, "sample: 100%": false, "sample: 10": false, "sample: 0.1": false,
	} {
		agree(t, s, policy("filter: a.b, "+rule), valid)
	}
	for selectors, valid := range map[string]bool{
		"a": true, "a.*": true, `'"a.b".c'`: true, "[a.b, 'tag:PII.SSN']": true, "a.b.c": false, "'tag:'": false, "'tag:PII.*'": false, "a.": false, "[a b]": false, "~": false, "{a: b}": false,
	} {
		agree(t, s, policy("grant: "+selectors+", to: everyone"), valid)
	}
	for selectors, valid := range map[string]bool{"a.b.c": true, "'*.*.email'": true, "'tag:PII'": true, "a.b": false, "a": false} {
		agree(t, s, policy("mask: "+selectors+", with: null"), valid)
	}
}

func policy(keys string) string { return least + "policies: [{name: p, " + keys + "}]\n" }

func TestVariablesMayStandForAnything(t *testing.T) {
	s := compiled(t)
	for _, text := range []string{
		"limits: {max_rows: '${X}', max_bytes: '${X}', timeout: '${X}s', concurrency: '${X}'}", "server: {log_level: '${X}', listen: '${X}', public_url: '${X}'}",
		"policies: [{name: '${X}', platform: '${X}', mask: '${X}', with: {partial: {first: '${X}'}}, for: '${X}'}]", "policies: [{name: a, filter: '${X}.b', sample: '${X}', within: {column: '${X}', last: '${X}d'}}]",
		"policies: [{name: a, mask: a.b.c, with: '${X}'}]", "policies: [{name: a, mask: a.b.c, with: {round: '${X}'}}, {name: b, mask: a.b.c, with: {truncate: '${X}'}}]",
	} {
		if err := s.Validate(asJSON(t, []byte(least+text))); err != nil {
			t.Errorf("%s is valid: %v", text, err)
		}
	}
}

// asJSON reads YAML as editors do: a scalar without quotes is what it looks like.
func asJSON(t interface {
	Helper()
	Fatal(...any)
}, text []byte) any {
	t.Helper()
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	return value(document.Content[0])
}

func value(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			out[n.Content[i].Value] = value(n.Content[i+1])
		}
		return out
	case yaml.SequenceNode:
		out := []any{}
		for _, item := range n.Content {
			out = append(out, value(item))
		}
		return out
	}
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(n.Value, "true")
	case "!!int", "!!float":
		if r, ok := new(big.Rat).SetString(n.Value); ok {
			return json.Number(r.FloatString(4))
		}
	}
	return fmt.Sprint(n.Value)
}

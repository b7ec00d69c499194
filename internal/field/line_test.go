package field

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// line is one input of the field, with what is needed to judge the answer.
type line struct {
	ID, Group, World, Caller, Kind, Right string

	SQL       string
	Oracle    string // what psql is asked instead of SQL
	Platform  string
	Unordered bool // rows that tie in ORDER BY come in any order

	Rule  string // a policy that holds for the group named after the line
	Table string

	Claims struct {
		Groups        []string
		Claims, Extra map[string]json.RawMessage // laid over the token's claims; null stays null
	}

	Tool      string
	Arguments map[string]any
	Describes string // the table that describe_table must show, as SQL spells it

	Request *request
	Token   string // "expired", or the end of an audience

	Do, Before, After, While, Expect string // of a database with odd settings
	Clear                            string // the count of the join without masks

	Deputy json.RawMessage // what was observed
}

// request is one HTTP request of a host.
type request struct {
	Method, Path string
	Headers      map[string]string
	Body         *string
}

// groups are those of the line's caller.
func (l line) groups() []string {
	if inside, ok := strings.CutPrefix(l.Caller, "groups ["); ok {
		inside, _, _ = strings.Cut(inside, "]")
		return strings.Split(inside, ", ")
	}
	if l.Rule != "" || (l.Group != "attributes" && l.Group != "claims" && l.Claims.Groups == nil) {
		return []string{"Staff"}
	}
	return l.Claims.Groups
}

// file is the name of the world's SQL without its ending: the platform's, in main.yaml.
func (l line) file() string {
	name, _, _ := strings.Cut(l.World, ".sql")
	return name
}

// read reads the lines of a file.
func read[L any](t *testing.T, path string) (lines []L) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var l L
		if err := json.Unmarshal(scanner.Bytes(), &l); err != nil {
			t.Fatalf("%s: %v: %.200s", path, err, scanner.Text())
		}
		lines = append(lines, l)
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

// kinds are the lines by the file they stand in: the failing kinds, and "holds".
func kinds(t *testing.T) map[string][]line {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "failing", "*.jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no failing kinds: %v", err)
	}
	out := map[string][]line{"holds": read[line](t, filepath.Join("testdata", "holds.jsonl"))}
	for _, path := range files {
		out[strings.TrimSuffix(filepath.Base(path), ".jsonl")] = read[line](t, path)
	}
	return out
}

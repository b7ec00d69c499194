package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"deputy/entitlements"
	"deputy/internal/config"
)

// loadBeside reads the least configuration there is, with a catalog file beside it.
func loadBeside(t *testing.T, catalog string) (*config.Config, string, error) {
	t.Helper()
	folder := t.TempDir()
	path := filepath.Join(folder, "deputy.yaml")
	for name, text := range map[string]string{path: completed(""), filepath.Join(folder, "deputy-catalog.json"): catalog} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := config.Load(path, env())
	return c, folder, err
}

// listed is a table of which only the names of its columns are known.
func listed(names ...string) entitlements.AcceptedTable {
	t := entitlements.AcceptedTable{Columns: []entitlements.AcceptedColumn{}}
	for _, name := range names {
		t.Columns = append(t.Columns, entitlements.AcceptedColumn{Name: name})
	}
	return t
}

func TestABaselineComesBackAsItWasWritten(t *testing.T) {
	want := config.Baseline{
		"demo": {
			{Schema: "sales", Name: "orders"}: listed("id", "lastname"),
			{Schema: "sales", Name: "a.b"}:    listed(`"`, "<&>", "x y"),
			{Schema: "sales.a", Name: "b"}:    listed("id"),
			{Schema: "sales", Name: "empty"}:  listed(),
			{Schema: "sales", Name: "people"}: {Tags: []string{"PII", "EU"}, Columns: []entitlements.AcceptedColumn{
				{
					Name: "ssn",
					Type: "text",
					Tags: []string{"PII.SSN", "Secret"},
				}, {Name: "id", Type: "numeric(10,2)"}, {Name: "x", Type: "-"},
			}},
		},
		"nothing": {},
	}
	c, folder, err := loadBeside(t, "{}")
	if err != nil {
		t.Fatal(err)
	}
	if err := want.Write(c.Catalog.File); err != nil {
		t.Fatal(err)
	}
	again, err := config.Load(filepath.Join(folder, "deputy.yaml"), env())
	if err != nil || !reflect.DeepEqual(again.Baseline(), want) {
		t.Errorf("what comes back is %v (%v)", again.Baseline(), err)
	}
	if info, err := os.Stat(c.Catalog.File); err != nil || info.Mode() != 0o644 {
		t.Errorf("the file is not there for all to read: %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(folder, ".*")); left != nil {
		t.Errorf("writing leaves %v", left)
	}
	if files := c.Files(); !reflect.DeepEqual(
		files,
		[]string{filepath.Join(folder, "deputy.yaml"), filepath.Join(folder, "deputy-catalog.json")},
	) {
		t.Errorf("the files to watch are %v", files)
	}
}

func TestWithoutAFileNothingWasAccepted(t *testing.T) {
	c, err := load(t, completed(""), env())
	if err != nil || c.Baseline() != nil || c.Accepted("demo") != nil {
		t.Errorf("there is a baseline, and nobody made one: %v (%v)", c.Accepted("demo"), err)
	}
	c, _, err = loadBeside(t, "{}")
	if err != nil || c.Accepted("demo") == nil || len(c.Accepted("demo")) > 0 {
		t.Errorf("a platform that is not in the file has accepted tables: %v (%v)", c.Accepted("demo"), err)
	}
}

func TestDamagedBaselinesAreRefused(t *testing.T) {
	const orders = `{"demo": {"sales.orders": ["id"]`
	for _, c := range []struct{ name, file, says string }{
		{"nothing", "", "deputy-catalog.json:1: it ends too early"},
		{"cut off", orders, "deputy-catalog.json:1: it ends too early"},
		{"cut off in a word", "{\n\"demo\": {\"sales.or", "deputy-catalog.json:2: it ends too early"},
		{"two files in one", orders + "}}\n{}", "deputy-catalog.json:2: something follows the end of the list"},
		{"a conflict left by a merge", "{\n<<<<<<< HEAD\n", "deputy-catalog.json:"},
		{"a table twice", orders + `, "sales.orders": ["id", "ssn"]}}`, `"sales.orders" is there twice`},
		{"a platform twice", orders + `}, "demo": {}}`, `"demo" is there twice`},
		{"a column twice", `{"demo": {"sales.orders": ["id", "id"]}}`, `column "id" of sales.orders is there twice`},
		{"a wildcard", `{"demo": {"sales.*": ["id"]}}`, `"sales.*" is no table`},
		{"no schema", `{"demo": {"orders": ["id"]}}`, `"orders" is no table`},
		{"a column", `{"demo": {"sales.orders.id": ["id"]}}`, `"sales.orders.id" is no table`},
		{"a list for the whole", `["demo"]`, "[ stands where an object of platforms belongs"},
		{"a word for tables", `{"demo": "*"}`, "* stands where an object of tables belongs"},
		{"a word for columns", `{"demo": {"sales.orders": "*"}}`, "* stands where a list of columns belongs"},
		{"a number for a type", `{"demo": {"sales.orders": {"id": 1}}}`, "1 is no name"},
		{"a column twice, with types", `{"demo": {"sales.orders": {"id": "text", "id": "text"}}}`, `"id" is there twice`},
		{"a number for a column", `{"demo": {"sales.orders": [1]}}`, "1 is no name"},
		{"a null for a column", `{"demo": {"sales.orders": [null]}}`, "is no name"},
		{"a column without a name", `{"demo": {"sales.orders": [""]}}`, "is no name"},
		{"not UTF-8", "{\"demo\": {\"sales.\xff\": []}}", "it is not UTF-8 text"},
	} {
		_, _, err := loadBeside(t, c.file)
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "deputy-catalog.json") {
			t.Errorf("%s is answered with\n%v\nwithout %s", c.name, err, c.says)
		}
	}
}

func TestALargeBaselineIsNoProblem(t *testing.T) {
	accepted := entitlements.Accepted{}
	for _, table := range strings.Split(strings.Repeat("t", 300), "") {
		accepted[entitlements.TableName{Schema: "s", Name: strings.Repeat(table, 1+len(accepted))}] = listed(
			strings.Repeat("c", 10_000),
		)
	}
	c, folder, err := loadBeside(t, "{}")
	if err == nil {
		err = config.Baseline{"demo": accepted}.Write(c.Catalog.File)
	}
	if err == nil {
		c, err = config.Load(filepath.Join(folder, "deputy.yaml"), env())
	}
	if err != nil || len(c.Accepted("demo")) != 300 {
		t.Errorf("of 300 tables in 3 MB come back %d (%v)", len(c.Accepted("demo")), err)
	}
}

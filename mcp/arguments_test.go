package mcp

import (
	"encoding/json"
	"strings"
	"testing"

	"deputy/tools"
)

func TestArgumentsAreReadExactly(t *testing.T) {
	for _, tt := range []struct {
		raw, want string // an empty want: they are read
		args      tools.QueryArgs
	}{
		{`{"sql":"SELECT 1"}`, "", tools.QueryArgs{SQL: "SELECT 1"}},
		{`{"max_rows":10,"platform":"lake","sql":""}`, "", tools.QueryArgs{Platform: "lake", MaxRows: 10}},
		{`{"sql":"SELECT 1","purpose":"support"}`, "", tools.QueryArgs{SQL: "SELECT 1", Purpose: "support"}},
		{`{"sql":"SELECT 1","purpose":""}`, "purpose is empty", tools.QueryArgs{}},
		{`{"sql":"SELECT 1","purpose":["support"]}`, "purpose must be a string", tools.QueryArgs{}},
		{`{"\u0073ql":"SELECT 1"}`, "", tools.QueryArgs{SQL: "SELECT 1"}},
		{``, "sql is missing", tools.QueryArgs{}},
		{`null`, "sql is missing", tools.QueryArgs{}},
		{`"{\"sql\":\"SELECT 1\"}"`, "not a text that holds one", tools.QueryArgs{}},
		{`[]`, "must be one JSON object", tools.QueryArgs{}},
		{`{"sql":null}`, "sql is missing", tools.QueryArgs{}},
		{`{"sql":1}`, "sql must be a string", tools.QueryArgs{}},
		{`{"sql":"SELECT 1","sql":"DROP TABLE x"}`, `has the key "sql" twice`, tools.QueryArgs{}},
		{`{"sql":"SELECT 1","Sql":"DROP TABLE x"}`, `has the key "Sql" twice`, tools.QueryArgs{}},
		{`{"SQL":"SELECT 1"}`, `there is no argument "SQL": did you mean sql?`, tools.QueryArgs{}},
		{`{"sql":"SELECT 1","maxRows":3}`, `did you mean max_rows?`, tools.QueryArgs{}},
		{`{"sql":"SELECT 1","max_rows":1.5}`, "max_rows must be a whole number", tools.QueryArgs{}},
		{`{"sql":"SELECT 1","max_rows":99999999999999999999}`, "max_rows must be a whole number", tools.QueryArgs{}},
		{`{"sql":"SELECT 1","max_rows":-1}`, "at least 1", tools.QueryArgs{}},
		{`{"sql":"SELECT 1","user":"ceo"}`, `no argument "user"`, tools.QueryArgs{}},
		{`{"sql":"SELECT 1","` + strings.Repeat("x", 5000) + `":1}`, `x…"`, tools.QueryArgs{}},
	} {
		args, err := readQueryArgs(json.RawMessage(tt.raw), reading{purposes: true})
		switch {
		case tt.want == "" && (err != nil || args != tt.args):
			t.Errorf("%.80s: read as %+v, %v", tt.raw, args, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || len(err.Error()) > 300):
			t.Errorf("%.80s: error %v, want one with %q", tt.raw, err, tt.want)
		case tt.want != "" && args != tools.QueryArgs{}:
			t.Errorf("%.80s: refused, and yet %+v", tt.raw, args)
		}
	}
	for what, read := range map[string]func() error{
		"query": func() error {
			_, err := readQueryArgs(json.RawMessage(`{"sql":"SELECT 1","purpose":"support"}`), reading{})
			return err
		},
		"describe_table": func() error {
			_, err := readDescribeArgs(json.RawMessage(`{"purpose":"support"}`), reading{})
			return err
		},
	} {
		if err := read(); err == nil || !strings.Contains(err.Error(), `there is no argument "purpose"`) ||
			strings.Contains(err.Error(), "purpose,") {
			t.Errorf("without purposes, %s takes one: %v", what, err)
		}
	}
	if _, err := readDescribeArgs(json.RawMessage(`{"purpose":""}`), reading{purposes: true}); err == nil {
		t.Error("describe_table takes an empty purpose")
	}
	if args, err := readDescribeArgs(
		json.RawMessage(`{"table":"sales.orders"}`),
		reading{purposes: true},
	); err != nil ||
		args.Table != "sales.orders" {
		t.Errorf("describe_table: %+v, %v", args, err)
	}
}

func FuzzReadArguments(f *testing.F) {
	f.Add([]byte(`{"sql":"SELECT 1","max_rows":3}`))
	f.Add([]byte(`{"sql":"a","SQL":"b"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		args, err := readQueryArgs(raw, reading{purposes: true})
		if err != nil {
			return
		}
		var theirs map[string]any // what any other reader makes of it
		if json.Unmarshal(raw, &theirs) != nil || theirs["sql"] != args.SQL {
			t.Errorf("%q is read as %+v", raw, args)
		}
	})
}

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
		{`{"\u0073ql":"SELECT 1"}`, "", tools.QueryArgs{SQL: "SELECT 1"}},
		{``, "sql is missing", tools.QueryArgs{}},
		{`null`, "must be one JSON object", tools.QueryArgs{}},
		{`[]`, "must be one JSON object", tools.QueryArgs{}},
		{`{"sql":null}`, "sql must be a string", tools.QueryArgs{}},
		{`{"sql":1}`, "sql must be a string", tools.QueryArgs{}},
		{`{"sql":"SELECT 1","sql":"DROP TABLE x"}`, `has the key "sql" twice`, tools.QueryArgs{}},
		{`{"sql":"SELECT 1","Sql":"DROP TABLE x"}`, `has the key "Sql" twice`, tools.QueryArgs{}},
		{`{"SQL":"SELECT 1"}`, `there is no argument "SQL"`, tools.QueryArgs{}},
		{`{"sql":"SELECT 1","max_rows":"10"}`, "max_rows must be a whole number", tools.QueryArgs{}},
		{`{"sql":"SELECT 1","max_rows":1.5}`, "max_rows must be a whole number", tools.QueryArgs{}},
		{`{"sql":"SELECT 1","max_rows":99999999999999999999}`, "max_rows must be a whole number", tools.QueryArgs{}},
		{`{"sql":"SELECT 1","max_rows":0}`, "at least 1", tools.QueryArgs{}},
		{`{"sql":"SELECT 1","max_rows":-1}`, "at least 1", tools.QueryArgs{}},
		{`{"sql":"SELECT 1","user":"ceo"}`, `no argument "user"`, tools.QueryArgs{}},
		{`{"sql":"SELECT 1","` + strings.Repeat("x", 5000) + `":1}`, `x…"`, tools.QueryArgs{}},
	} {
		args, err := readQueryArgs(json.RawMessage(tt.raw))
		switch {
		case tt.want == "" && (err != nil || args != tt.args):
			t.Errorf("%.80s: read as %+v, %v", tt.raw, args, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || len(err.Error()) > 300):
			t.Errorf("%.80s: error %v, want one with %q", tt.raw, err, tt.want)
		case tt.want != "" && args != tools.QueryArgs{}:
			t.Errorf("%.80s: refused, and yet %+v", tt.raw, args)
		}
	}
	if args, err := readDescribeArgs(json.RawMessage(`{"table":"sales.orders"}`)); err != nil || args.Table != "sales.orders" {
		t.Errorf("describe_table: %+v, %v", args, err)
	}
}

func FuzzReadArguments(f *testing.F) {
	f.Add([]byte(`{"sql":"SELECT 1","max_rows":3}`))
	f.Add([]byte(`{"sql":"a","SQL":"b"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		args, err := readQueryArgs(raw)
		if err != nil {
			return
		}
		var theirs map[string]any // what any other reader makes of it
		if json.Unmarshal(raw, &theirs) != nil || theirs["sql"] != args.SQL {
			t.Errorf("%q is read as %+v", raw, args)
		}
	})
}

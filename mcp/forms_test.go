package mcp

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"deputy/tools"
)

// Each form that hosts send is read as what it stands for.
func TestFormsOfHosts(t *testing.T) {
	read := func(raw string) (tools.QueryArgs, error) { return readQueryArgs(json.RawMessage(raw), reading{}) }
	for _, n := range []string{`10`, `10.0`, `1e1`, `1.0E+1`, `"10"`, `"10.0"`} {
		if args, err := read(`{"sql":"SELECT 1","max_rows":` + n + `}`); err != nil || args.MaxRows != 10 {
			t.Errorf("max_rows %s is %d, %v", n, args.MaxRows, err)
		}
	}
	for _, n := range []string{
		`null`, `0`, `"0"`, `0.0`, `-0`,
	} {
		if args, err := read(`{"sql":"SELECT 1","max_rows":` + n + `}`); err != nil || args.MaxRows != 0 {
			t.Errorf("max_rows %s is %d, %v", n, args.MaxRows, err)
		}
	}
	for _, n := range []string{
		`1.5`, `"1.5"`, `"ten"`, `""`, `" 10"`, `"1e1"`, `"0x10"`, `1e400`, `"99999999999999999999"`,
		`true`, `[10]`, `"null"`, `-1`, `"-1"`,
	} {
		if args, err := read(
			`{"sql":"SELECT 1","max_rows":` + n + `}`,
		); err == nil ||
			!strings.Contains(err.Error(), "max_rows") {
			t.Errorf("max_rows %s is read as %d, %v", n, args.MaxRows, err)
		}
	}
	for _, left := range []string{
		`{"sql":"SELECT 1","platform":null}`, `{"platform":null,"sql":"SELECT 1","max_rows":null}`,
	} {
		if args, err := read(left); err != nil || args != (tools.QueryArgs{SQL: "SELECT 1"}) {
			t.Errorf("%s is read as %+v, %v", left, args, err)
		}
	}
}

// A list or an object may come in a text; a text that holds neither is none.
func TestListsInTexts(t *testing.T) {
	for _, tt := range []struct {
		raw     string
		columns []string
	}{
		{`{"table":"a","columns":"[\"email\",\"name\"]"}`, []string{"email", "name"}},
		{`{"table":"a","columns":" [\"email\"]\n"}`, []string{"email"}},
		{`{"table":"a","columns":"email"}`, nil},
		{`{"table":"a","columns":"email,name"}`, nil},
		{`{"table":"a","columns":"[]"}`, nil},
		{`{"table":"a","columns":"[\"\"]"}`, nil},
		{`{"table":"a","columns":"null"}`, nil},
		{`{"table":"a","columns":""}`, nil},
		{`{"table":"a","columns":"[\"email\",null]"}`, nil},
		{`{"table":"a","columns":"\"email\""}`, nil},
		{`{"table":"a","columns":"[\"email\"] -- and more"}`, nil},
	} {
		args, err := readRequestArgs(json.RawMessage(tt.raw), reading{})
		if (tt.columns == nil) == (err == nil) || !slices.Equal(args.Columns, tt.columns) {
			t.Errorf("%s is read as %q, %v", tt.raw, args.Columns, err)
		}
	}
	args, err := readRequestArgs(
		json.RawMessage(`{"table":"a","answers":"{\"ticket\":\"T-1\"}","cancel":"False"}`),
		reading{},
	)
	if err != nil || args.Answers["ticket"] != "T-1" || args.Cancel {
		t.Errorf("read as %+v, %v", args, err)
	}
}

// What hosts add is ignored and counted by name, and what is like an argument is not.
func TestArgumentsOfHosts(t *testing.T) {
	var ignored []string
	r := reading{ignore: []string{"x_trace"}, ignored: func(name string) { ignored = append(ignored, name) }}
	raw := `{"sql":"SELECT 1","toolCallId":"call_1","sessionId":null,"action":{"a":[1]},"x_trace":7}`
	args, err := readQueryArgs(json.RawMessage(raw), r)
	if err != nil || args != (tools.QueryArgs{SQL: "SELECT 1"}) {
		t.Errorf("read as %+v, %v", args, err)
	}
	if want := []string{"toolCallId", "sessionId", "action", "x_trace"}; !slices.Equal(ignored, want) {
		t.Errorf("ignored are %q, want %q", ignored, want)
	}
	for name, want := range map[string]string{
		"query": "only max_rows, platform, sql", "limit": "only max_rows",
		"max_row": "did you mean max_rows?", "maxrows": "did you mean max_rows?", "plattform": "did you mean platform?",
		"ToolCallId": "only max_rows", "x_Trace": "only max_rows",
	} {
		_, err := readQueryArgs(json.RawMessage(`{"sql":"SELECT 1","`+name+`":"x"}`), r)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if err := CheckIgnored(hostArguments); err != nil {
		t.Errorf("a name that is always ignored is like an argument: %v", err)
	}
	for _, name := range append(slices.Clone(argumentNames), "Columns", "column", "colums", "max_row", "reasons", "sq") {
		if CheckIgnored([]string{"harmless", name}) == nil {
			t.Errorf("%q can be ignored", name)
		}
	}
}

// The names that CheckIgnored guards are those of the tools' schemas.
func TestArgumentNamesAreAll(t *testing.T) {
	c := choices{platforms: []string{"a", "b"}, purposes: map[string]string{"p": "p"}}
	var names []string
	for _, raw := range []json.RawMessage{
		queryTool(c).RawInputSchema, describeTool(c).RawInputSchema, requestTool(c).RawInputSchema,
	} {
		var schema struct{ Properties map[string]any }
		if err := json.Unmarshal(raw, &schema); err != nil {
			t.Fatal(err)
		}
		names = append(names, argumentsOf(schema.Properties)...)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if !slices.Contains(argumentNames, name) {
			t.Errorf("the argument %s is missing", name)
		}
	}
}

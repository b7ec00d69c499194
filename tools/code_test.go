package tools_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/identity"
	"deputy/tools"
	"deputy/tools/desk"
	"deputy/vending"
)

// broken is an engine that answers everything with one error, once it is told to.
type broken struct {
	vending.Engine
	with error
}

func (f *broken) Catalog(ctx context.Context) (*entitlements.Catalog, error) {
	if f.with != nil {
		return nil, f.with
	}
	return f.Engine.Catalog(ctx)
}

// panicking is an engine that has a bug, once it is told to.
type panicking struct {
	vending.Engine
	now bool
}

func (p *panicking) Catalog(ctx context.Context) (*entitlements.Catalog, error) {
	if p.now {
		panic("a bug")
	}
	return p.Engine.Catalog(ctx)
}

// ofStatements are words that a hint may have only where the caller has sent a statement.
var ofStatements = []string{"statement", "select", "fewer rows", "aggregate", "condition", "sql"}

// holdsCode says that a refusal has the code, and a hint that is about the tool that was called.
func holdsCode(t *testing.T, tool, code string, err error) {
	t.Helper()
	r := refusal(t, err)
	if string(r.Code) != code {
		t.Errorf("the code is %q, not %q: %+v", r.Code, code, r)
	}
	if r.Hint == "" {
		t.Errorf("no hint: %+v", r)
	}
	speaks := slices.ContainsFunc(ofStatements, func(word string) bool {
		return strings.Contains(strings.ToLower(r.Hint), word)
	})
	if tool != "query" && speaks {
		t.Errorf("the hint speaks of a statement, and %s has none: %+v", tool, r)
	}
	if (code == "invalid_argument") && speaks {
		t.Errorf("the hint is about the statement, and the fault is an argument: %+v", r)
	}
}

// refusalCalls are the three tools, each called in a way that is answered where nothing is in the way.
func refusalCalls(o *office) map[string]func(context.Context, tools.Call, string) error {
	return map[string]func(context.Context, tools.Call, string) error{
		"query": func(ctx context.Context, call tools.Call, platform string) error {
			_, err := o.Query(ctx, call, tools.QueryArgs{SQL: "SELECT id FROM orders", Platform: platform})
			return err
		},
		"describe_table": func(ctx context.Context, call tools.Call, platform string) error {
			_, err := o.DescribeTable(ctx, call, tools.DescribeArgs{Table: "payroll", Platform: platform})
			return err
		},
		"request_access": func(ctx context.Context, call tools.Call, platform string) error {
			_, err := o.RequestAccess(ctx, call, tools.RequestArgs{Table: "payroll", Reason: why, Platform: platform})
			return err
		},
	}
}

func TestQueryRefusalCodes(t *testing.T) {
	o := newOffice(t, func(c *tools.Config) { c.Purposes = purposes })
	for name, tt := range map[string]struct {
		args tools.QueryArgs
		code string
	}{
		"no SQL":                   {tools.QueryArgs{}, "invalid_sql"},
		"no word of SQL":           {tools.QueryArgs{SQL: "please"}, "unsupported_statement"},
		"a NUL":                    {tools.QueryArgs{SQL: "SELECT \x00"}, "invalid_sql"},
		"a column that is missing": {tools.QueryArgs{SQL: "SELECT nothing FROM orders"}, "invalid_sql"},
		"a write":                  {tools.QueryArgs{SQL: "DELETE FROM orders"}, "unsupported_statement"},
		"a system table":           {tools.QueryArgs{SQL: "SELECT * FROM sqlite_master"}, "unsupported_statement"},
		"a closed table":           {tools.QueryArgs{SQL: "SELECT * FROM payroll"}, "not_permitted"},
		"a hidden table":           {tools.QueryArgs{SQL: "SELECT * FROM hidden"}, "not_permitted"},
		"an unknown platform":      {tools.QueryArgs{SQL: "SELECT id FROM orders", Platform: "lake"}, "invalid_argument"},
		"an unknown purpose":       {tools.QueryArgs{SQL: "SELECT id FROM orders", Purpose: "fun"}, "invalid_argument"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := o.Query(t.Context(), seller(), tt.args)
			holdsCode(t, "query", tt.code, err)
		})
	}
}

func TestDescribeRefusalCodes(t *testing.T) {
	o := newOffice(t, func(c *tools.Config) { c.Purposes = purposes })
	for name, tt := range map[string]struct {
		args tools.DescribeArgs
		code string
	}{
		"a hidden table":         {tools.DescribeArgs{Table: "hidden"}, "not_permitted"},
		"a table that is absent": {tools.DescribeArgs{Table: "nothing"}, "not_permitted"},
		"an unknown platform":    {tools.DescribeArgs{Platform: "lake"}, "invalid_argument"},
		"an unknown purpose":     {tools.DescribeArgs{Table: "orders", Purpose: "fun"}, "invalid_argument"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := o.DescribeTable(t.Context(), seller(), tt.args)
			holdsCode(t, "describe_table", tt.code, err)
		})
	}
	t.Run("no purposes", func(t *testing.T) {
		_, err := newOffice(t).DescribeTable(t.Context(), seller(), tools.DescribeArgs{Purpose: "fun"})
		holdsCode(t, "describe_table", "invalid_argument", err)
	})
}

func TestRequestRefusalCodes(t *testing.T) {
	o := newOffice(t)
	waits := o.ask(seller(), tools.RequestArgs{Table: "events", Reason: why, Duration: "1d"}).ID
	ended := o.ask(seller(), tools.RequestArgs{Table: "orders", Columns: []string{"email"}, Reason: why}).ID
	o.ask(seller(), tools.RequestArgs{RequestID: ended, Cancel: true})
	long := strings.Repeat("x", 1001)
	ticket := map[string]string{"ticket": "T-1"}
	answers := map[string]string{"ticket": "T-1", "more": "x"}
	for name, tt := range map[string]struct {
		args tools.RequestArgs
		code string
	}{
		"no reason":              {tools.RequestArgs{Table: "payroll"}, "invalid_argument"},
		"a reason that is blank": {tools.RequestArgs{Table: "payroll", Reason: " \n"}, "invalid_argument"},
		"a reason that is long":  {tools.RequestArgs{Table: "payroll", Reason: long}, "invalid_argument"},
		"no table":               {tools.RequestArgs{Reason: why}, "invalid_argument"},
		"columns without table":  {tools.RequestArgs{Columns: []string{"email"}}, "invalid_argument"},
		"a duration unread":      {tools.RequestArgs{Table: "payroll", Reason: why, Duration: "4"}, "invalid_argument"},
		"a duration too long":    {tools.RequestArgs{Table: "payroll", Reason: why, Duration: "400d"}, "invalid_argument"},
		"request and table":      {tools.RequestArgs{RequestID: waits, Table: "payroll", Reason: why}, "invalid_argument"},
		"cancel and table":       {tools.RequestArgs{Cancel: true, Table: "payroll", Reason: why}, "invalid_argument"},
		"cancel nothing":         {tools.RequestArgs{Cancel: true}, "invalid_argument"},
		"cancel what has ended":  {tools.RequestArgs{RequestID: ended, Cancel: true}, "settled"},
		"no such request":        {tools.RequestArgs{RequestID: "req_x"}, "no_such_request"},
		"an unknown column":      {tools.RequestArgs{Table: "orders", Columns: []string{"x"}, Reason: why}, "invalid_argument"},
		"an unknown platform":    {tools.RequestArgs{Table: "payroll", Reason: why, Platform: "lake"}, "invalid_argument"},
		"no answers":             {tools.RequestArgs{Table: "ledger", Reason: why}, "invalid_argument"},
		"an answer too many":     {tools.RequestArgs{Table: "ledger", Reason: why, Answers: answers}, "invalid_argument"},
		"answers without table":  {tools.RequestArgs{Answers: ticket}, "invalid_argument"},
		"an open table":          {tools.RequestArgs{Table: "orders", Reason: why}, "already_open"},
		"an open column":         {tools.RequestArgs{Table: "orders", Columns: []string{"id"}, Reason: why}, "already_open"},
		"a hidden table":         {tools.RequestArgs{Table: "hidden", Reason: why}, "not_permitted"},
		"no rule":                {tools.RequestArgs{Table: "bonus", Reason: why}, "not_permitted"},
		"the human declined":     {tools.RequestArgs{Table: "payroll", Reason: why, Declined: true}, "not_permitted"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := o.RequestAccess(t.Context(), seller(), tt.args)
			holdsCode(t, "request_access", tt.code, err)
		})
	}
	t.Run("an agent for itself", func(t *testing.T) {
		_, err := o.RequestAccess(t.Context(), alone("bot", false), tools.RequestArgs{Table: "payroll", Reason: why})
		holdsCode(t, "request_access", "not_permitted", err)
	})
	t.Run("another's request", func(t *testing.T) {
		_, err := o.RequestAccess(t.Context(), as("robin", "Marketing"), tools.RequestArgs{RequestID: waits})
		holdsCode(t, "request_access", "no_such_request", err)
	})
	t.Run("no requests are kept", func(t *testing.T) {
		none := newOffice(t, func(c *tools.Config) { c.Requests = nil })
		_, err := none.RequestAccess(t.Context(), seller(), tools.RequestArgs{Table: "payroll", Reason: why})
		holdsCode(t, "request_access", "not_permitted", err)
	})
}

// doubled is an engine whose schema archive has the closed table of the schema sales, too.
type doubled struct{ vending.Engine }

func (d doubled) Catalog(ctx context.Context) (*entitlements.Catalog, error) {
	catalog, err := d.Engine.Catalog(ctx)
	if err != nil {
		return nil, err
	}
	twice := *catalog
	for _, table := range catalog.Tables {
		if table.Name == "payroll" {
			table.Schema = "archive"
			twice.Tables = append(slices.Clone(twice.Tables), table)
		}
	}
	return &twice, nil
}

// Tables of one name are told apart by their schema, which an argument names and no statement.
func TestAmbiguousTableIsAnArgument(t *testing.T) {
	o := newOffice(t, func(c *tools.Config) {
		p := &c.Platforms[0]
		p.Engine = doubled{p.Engine}
		p.Discoverable = append(p.Discoverable, "archive.payroll")
	})
	for tool, call := range refusalCalls(o) {
		if tool != "query" {
			t.Run(tool, func(t *testing.T) { holdsCode(t, tool, "invalid_argument", call(t.Context(), seller(), "")) })
		}
	}
}

// A code that an engine answers with has a translation. A new one without it fails here, because it is read from the
// source in which the codes stand.
func TestEveryEngineCodeIsTranslated(t *testing.T) {
	source, err := os.ReadFile("../vending/errors.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`(?m)^\t\w+\s+Code = "(\w+)"`).FindAllStringSubmatch(string(source), -1)
	if len(declared) < 7 {
		t.Fatalf("only %d codes are declared in vending/errors.go", len(declared))
	}
	engine := &broken{}
	o := newOffice(t, func(c *tools.Config) {
		engine.Engine = c.Platforms[0].Engine
		c.Platforms[0].Engine = engine
	})
	for _, code := range declared {
		engine.with = &vending.Error{Code: vending.Code(code[1]), Message: "the words of the engine"}
		_, err := o.Query(t.Context(), seller(), tools.QueryArgs{SQL: "SELECT id FROM orders"})
		if r := refusal(t, err); r.Message != "the words of the engine" {
			t.Errorf("the code %s is not translated: %+v", code[1], r)
		}
	}
}

// What an engine, a limit or an administrator ends has the same code in every tool, and a hint of that tool's own.
func TestEveryToolNamesWhatStoppedIt(t *testing.T) {
	engine := &broken{}
	o := newOffice(t, func(c *tools.Config) {
		engine.Engine = c.Platforms[0].Engine
		c.Platforms[0].Engine = engine
	})
	for code, want := range map[vending.Code]string{
		vending.NotPermitted: "not_permitted", vending.Timeout: "timeout", vending.Cancelled: "timeout",
		vending.TooBusy: "too_busy", vending.Unavailable: "unavailable",
		vending.InvalidSQL: "", vending.Unsupported: "", // see below: without a statement they are the engine's fault
	} {
		engine.with = &vending.Error{Code: code, Message: "the engine says no"}
		for tool, call := range refusalCalls(o) {
			t.Run(string(code)+" "+tool, func(t *testing.T) {
				expected := want
				switch {
				case want == "" && tool == "query":
					expected = string(code)
				case want == "":
					expected = "unavailable"
				}
				holdsCode(t, tool, expected, call(t.Context(), seller(), ""))
			})
		}
	}
	engine.with = errors.New("dial tcp 10.0.0.7:5432: connection refused")
	for tool, call := range refusalCalls(o) {
		t.Run("out of reach "+tool, func(t *testing.T) {
			holdsCode(t, tool, "unavailable", call(t.Context(), seller(), ""))
		})
	}
	engine.with = nil
	stopped, stop := context.WithCancelCause(t.Context())
	stop(&identity.AuthError{Code: identity.Unavailable, Message: "this agent is stopped", Cause: identity.ErrStopped})
	for tool, call := range refusalCalls(o) {
		t.Run("stopped "+tool, func(t *testing.T) { holdsCode(t, tool, "stopped", call(stopped, seller(), "")) })
		t.Run("scope "+tool, func(t *testing.T) {
			holdsCode(t, tool, "not_permitted", call(t.Context(), limited("approve"), ""))
		})
		t.Run("unreadable "+tool, func(t *testing.T) {
			holdsCode(t, tool, "invalid_argument", o.Refuse(t.Context(), seller(), tool, "there is no argument x"))
		})
	}
	o.state.down = errors.New("the state is down")
	for tool, call := range refusalCalls(o) {
		t.Run("state down "+tool, func(t *testing.T) {
			holdsCode(t, tool, "unavailable", call(t.Context(), seller(), ""))
		})
	}
}

func TestPanicHasCode(t *testing.T) {
	engine := &panicking{}
	o := newOffice(t, func(c *tools.Config) {
		engine.Engine = c.Platforms[0].Engine
		c.Platforms[0].Engine = engine
	})
	engine.now = true
	for tool, call := range refusalCalls(o) {
		t.Run(tool, func(t *testing.T) { holdsCode(t, tool, "unavailable", call(t.Context(), seller(), "")) })
	}
}

func TestWhatNoToolTookHasCode(t *testing.T) {
	o := newOffice(t)
	for _, tool := range []string{"", "nothing"} {
		holdsCode(t, tool, "bad_request", o.Refuse(t.Context(), seller(), tool, "there is no such tool"))
	}
	holdsCode(t, "", "too_busy", o.OverLimit(t.Context(), seller(), "too many requests"))
}

func TestUnwrittenRecordHasCode(t *testing.T) {
	o := newOffice(t)
	o.log.failure = errors.New("no space left")
	for tool, call := range refusalCalls(o) {
		t.Run(tool, func(t *testing.T) { holdsCode(t, tool, "unavailable", call(t.Context(), seller(), "")) })
	}
}

func TestDeskRefusalCodes(t *testing.T) {
	o := newOffice(t)
	id := o.ask(seller(), tools.RequestArgs{Table: "payroll", Reason: why}).ID
	person := func(name string, groups ...string) tools.Steward {
		return tools.Steward{User: *as(name, groups...).Principal.User, Client: "192.0.2.9"}
	}
	for _, tt := range []struct {
		name   string
		who    tools.Steward
		id     string
		ruling desk.Ruling
		code   string
	}{
		{"no such", person("sam", "Stewards"), "req_x", desk.Ruling{Verdict: requests.VerdictApprove}, "no_such_request"},
		{"a stranger", person("robin"), id, desk.Ruling{Verdict: requests.VerdictApprove}, "no_such_request"},
		{"one's own", person("taylor", "Stewards"), id, desk.Ruling{Verdict: requests.VerdictApprove}, "own_request"},
		{"too long", person("sam", "Stewards"), id,
			desk.Ruling{Verdict: requests.VerdictApprove, For: 400 * 24 * time.Hour}, "too_long"},
		{"a note", person("sam", "Stewards"), id,
			desk.Ruling{Verdict: requests.VerdictApprove, Note: "\x00"}, "bad_request"},
		{"not in force", person("sam", "Stewards"), id, desk.Ruling{Verdict: requests.VerdictRevoke}, "settled"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := o.desk.Rule(t.Context(), tt.who, tt.id, tt.ruling)
			if r := refusal(t, err); string(r.Code) != tt.code {
				t.Errorf("%+v", r)
			}
		})
	}
	err := o.desk.Misread(t.Context(), person("sam", "Stewards"), requests.VerdictDeny, "there is no field x")
	if r := refusal(t, err); string(r.Code) != "bad_request" {
		t.Errorf("%+v", r)
	}
}

// The page for people who write hosts names every code that there is, and no other.
func TestEveryCodeIsDocumented(t *testing.T) {
	source, err := os.ReadFile("refusal/refusal.go")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../docs/refusals.md")
	if err != nil {
		t.Fatal(err)
	}
	named := func(pattern string, text []byte) (out []string) {
		for _, found := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
			out = append(out, found[1])
		}
		return out
	}
	codes, documented := named(`(?m)^\t\w+ Code = "(\w+)"`, source), named("(?m)^\\| `([a-z_]+)` \\|", page)
	if !slices.Equal(codes, documented) || len(codes) == 0 {
		t.Errorf("the codes are %v, and documented are %v", codes, documented)
	}
}

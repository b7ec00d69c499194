package tools_test

import (
	"strings"
	"testing"

	"deputy/entitlements"
	"deputy/internal/config/form"
	"deputy/tools"
	"deputy/tools/kept"
)

// What a waiting file governs no more, or has in another place, is closed whatever its policies say.
func TestBothPlatform(t *testing.T) {
	e := onSQLite(t)
	made, _ := newTools(t, e, "- {name: all, grant: '*.*', to: everyone}\n")
	var everything []entitlements.Policy
	if err := form.Fragment("policies", "- {name: all, grant: '*.*', to: everyone}", &everything); err != nil {
		t.Fatal(err)
	}
	call := as("taylor", "Marketing")
	other := call.Principal
	call.Principal.Waiting = &other
	for name, tt := range map[string]struct {
		change func(*tools.Config)
		closed bool
	}{
		"the same":         {func(*tools.Config) {}, false},
		"the same schema":  {func(c *tools.Config) { c.Platforms[0].Schemas = []string{"sales"} }, false},
		"another schema":   {func(c *tools.Config) { c.Platforms[0].Schemas = []string{"x"} }, true},
		"another database": {func(c *tools.Config) { c.Platforms[0].Elsewhere = true }, true},
		"another platform": {func(c *tools.Config) { c.Platforms[0].Name = "x" }, true},
	} {
		c := toolsConfig(t, e, &memory{}, "")
		// nothing that names what is gone
		c.Platforms[0].Policies, c.Platforms[0].Tags, c.Platforms[0].Discoverable = everything, nil, nil
		tt.change(&c)
		both := made.Both(c)
		_, err := both.Query(
			t.Context(),
			call,
			tools.QueryArgs{SQL: "SELECT salary FROM sales.payroll", Platform: c.Platforms[0].Name},
		)
		_, described := both.DescribeTable(t.Context(), call, tools.DescribeArgs{Table: "sales.payroll"})
		if (err != nil) != tt.closed || (described != nil) != tt.closed {
			t.Errorf("%s: %v, %v", name, err, described)
		}
		if err != nil && strings.Contains(err.Error(), "payroll") {
			t.Errorf("%s: the refusal names the table: %v", name, err)
		}
	}
}

// What of statements is on the record is the stricter of both.
func TestBothStatements(t *testing.T) {
	e := onSQLite(t)
	for _, tt := range []struct{ inForce, waiting kept.Statements }{
		{kept.Whole, kept.Digested}, {kept.Digested, kept.Whole}, {"", kept.Digested}, {kept.Redacted, kept.Digested},
	} {
		log := &memory{}
		c := toolsConfig(t, e, log, "- {name: all, grant: '*.*', to: everyone}\n")
		c.Statements = tt.inForce
		made, err := tools.New(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		c.Statements, c.Version = tt.waiting, "waits"
		call := as("taylor")
		other := call.Principal
		call.Principal.Waiting = &other
		if _, err := made.Both(c).Query(t.Context(), call, tools.QueryArgs{SQL: "SELECT 'a value'"}); err != nil {
			t.Fatal(err)
		}
		if r := log.last(t); r.SQL != "" || r.SQLDigest == "" || r.WaitingVersion != "waits" {
			t.Errorf(
				"%q and %q: the record has %q, %q, %q",
				tt.inForce,
				tt.waiting,
				r.SQL,
				r.SQLDigest,
				r.WaitingVersion,
			)
		}
	}
}

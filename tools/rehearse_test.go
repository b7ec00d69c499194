package tools_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"deputy/entitlements"
	"deputy/internal/config/form"
	"deputy/tools"
	"deputy/tools/platforms"
	"deputy/vending"
	"deputy/vending/postgres"
)

// problemsOf are what stops the start with these policies beside the others; none if it starts.
func problemsOf(t *testing.T, e vending.Engine, more string) []entitlements.Problem {
	t.Helper()
	_, err := tools.New(t.Context(), toolsConfig(t, e, &memory{}, more))
	var policies *platforms.PolicyError
	if err != nil && !errors.As(err, &policies) {
		t.Fatalf("the start ends with %v, which is about no policy", err)
	}
	if policies == nil {
		return nil
	}
	return policies.Problems
}

func TestSQLThatTheDatabaseDoesNotUnderstandStopsTheStart(t *testing.T) {
	onBothEngines(t, func(t *testing.T, e vending.Engine) {
		for name, test := range map[string]struct{ policy, key, says string }{
			"a column nobody has":                   {`filter: [sales.customer_orders], where: "regio = 'US-EAST'"`, "where", "regio"},
			"a column nobody has, and a list":       {`filter: [sales.customer_orders], where: "regio = any(:attribute.region)"`, "where", "regio"},
			"a column nobody has, and who asks":     {`filter: [sales.customer_orders], where: "regio = :user.id"`, "where", "regio"},
			"a column nobody has, behind a list":    {`filter: [sales.customer_orders], where: "region = any(:attribute.region) and regio = 'x'"`, "where", "regio"},
			"a function nobody has":                 {`filter: [sales.customer_orders], where: "regionise(region) = 'x'"`, "where", "regionise"},
			"a lookup table nobody has":             {`filter: [sales.customer_orders], where: "region in (select region from sales.allowd where owner = :user.id)"`, "where", "allowd"},
			"what is no expression":                 {`filter: [sales.customer_orders], where: "region ="`, "where", "syntax error"},
			"a rule for others than everybody":      {`filter: [sales.customer_orders], where: "regio = 'x'", for: "user:nobody"`, "where", "regio"},
			"one of several rules":                  {`filter: [sales.customer_orders], where: "regio = 'x'", match: {column: region, attribute: region}, sample: 10%`, "where", "regio"},
			"a mask on a column nobody has":         {`mask: [sales.customer_orders.region], with: {sql: "regio || $column"}`, "with", "regio"},
			"a mask's condition nobody has":         {`mask: [sales.customer_orders.region], with: hash, when: "regio = 'x'"`, "when", "regio"},
			"a mask's condition and a list":         {`mask: [sales.customer_orders.region], with: hash, when: "regio <> all(:attribute.region)"`, "when", "regio"},
			"a mask's condition and who asks":       {`mask: [sales.customer_orders.region], with: hash, when: "regio = :user.id"`, "when", "regio"},
			"a filter on a table nobody is granted": {`filter: [sales.hidden], where: "regio = 'x'"`, "where", "regio"},
		} {
			t.Run(name, func(t *testing.T) {
				problems := problemsOf(t, e, "\n- {name: wrong, "+test.policy+"}\n")
				if len(problems) != 1 {
					t.Fatalf("there are %d problems: %v", len(problems), problems)
				}
				p := problems[0]
				if p.Policy != "wrong" || p.Key != fmt.Sprintf("policies[%d].%s", firstMore, test.key) {
					t.Errorf("the problem is with %s of policy %q", p.Key, p.Policy)
				}
				if on := " on sales."; !strings.Contains(p.Message, on) || !strings.Contains(p.Message, test.says) {
					t.Errorf("the problem does not say where it is, or not what: %s", p.Message)
				}
			})
		}
	})
}

func TestARehearsalReadsNoRow(t *testing.T) {
	for name, test := range map[string]struct {
		e     vending.Engine
		fails string
	}{
		"sqlite":   {onSQLite(t), "abs(CASE WHEN lastname <> '' THEN -9223372036854775807 - 1 ELSE 1 END) = 1"},
		"postgres": {onPostgres(t), "1 / (CASE WHEN lastname <> '' THEN 0 ELSE 1 END) = 1"},
	} {
		policy := "\n- {name: open, grant: [sales.payroll], to: everyone}\n- {name: touchy, filter: [sales.payroll], where: \"" + test.fails + "\"}\n"
		if problems := problemsOf(t, test.e, policy); problems != nil {
			t.Errorf("%s: a rule that fails on every row was tried on one: %v", name, problems)
		}
		made, _ := newTools(t, test.e, policy)
		if _, err := made.Query(t.Context(), as("taylor", "Marketing"), tools.QueryArgs{SQL: `SELECT salary FROM payroll`}); err == nil {
			t.Errorf("%s: the rule does not fail on a row", name)
		}
	}
}

// Whether a role may call a function is only asked when a plan is made ready to run, and what is constant is only
// computed when one is made. It is the vended role that calls it, though the view belongs to deputy_owner.
func TestWhatPostgreSQLFindsOutLateStopsTheStartToo(t *testing.T) {
	database := newPostgres(t, "sales", seeded("sales."))
	exec(
		t,
		database,
		`CREATE SCHEMA lib; GRANT USAGE ON SCHEMA lib TO PUBLIC; CREATE FUNCTION lib.open(text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
		CREATE FUNCTION lib.closed(text) RETURNS text STABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
		REVOKE ALL ON FUNCTION lib.closed FROM PUBLIC; GRANT EXECUTE ON FUNCTION lib.closed TO deputy_owner`,
	)
	exec(
		t,
		database,
		`CREATE TABLE sales.notes (region json, owner text); CREATE VIEW sales.closing AS SELECT lib.closed(lastname) AS name, region FROM sales.customer_orders;
		GRANT SELECT ON sales.notes, sales.closing TO deputy_owner`,
	)
	e := openPostgres(t, database, "sales", func(c *postgres.Config) { c.Functions = []string{"lib.open", "lib.closed"} })
	if problems := problemsOf(t, e, "\n- {name: open, filter: [sales.payroll], where: \"lib.open('x') = 'x'\"}\n"); problems != nil {
		t.Errorf("a function that everybody may call: %v", problems)
	}
	for name, test := range map[string]struct{ policy, key, says string }{
		"a function for few, on rows":        {`filter: [sales.customer_orders], where: "lib.closed(region) = 'x'"`, "where", "permission denied for function closed"},
		"a function for few, and a list":     {`filter: [sales.customer_orders], where: "lib.closed(region) <> all(:attribute.region)"`, "where", "permission denied for function closed"},
		"a function for few, and who asks":   {`filter: [sales.customer_orders], where: "lib.closed(:user.id) = region"`, "where", "permission denied for function closed"},
		"a function for few, in a lookup":    {`filter: [sales.customer_orders], where: "region in (select lib.closed(lastname) from sales.hidden)"`, "where", "permission denied for function closed"},
		"a constant that cannot be computed": {`filter: [sales.customer_orders], where: "region = 'x' or 1 / 0 = 1"`, "where", "division by zero"},
		"a constant beside a list":           {`filter: [sales.customer_orders], where: "region = any(:attribute.region) and 1 / 0 = 1"`, "where", "division by zero"},
		"a function for few, as a mask":      {`mask: [sales.customer_orders.region], with: {sql: "lib.closed($column)"}`, "with", "customer_orders.region: pq: permission denied for function closed"},
		"a function for few, and a mask":     {`mask: [sales.customer_orders.region], with: hash, when: "lib.closed(region) = any(:attribute.region)"`, "when", "customer_orders.region: pq: permission denied for function closed"},
		"a constant in a mask":               {`mask: [sales.customer_orders.region], with: {sql: "case when $column = 'x' then 1 / 0 else 1 end"}`, "with", "division by zero"},
		"an aggregate as a mask":             {`mask: [sales.customer_orders.region], with: {sql: "max($column)"}`, "with", "must appear in the GROUP BY"},
		"a function for few, in a view":      {`mask: [sales.closing.region], with: hash`, "with", "sales.closing.region: pq: permission denied for function closed"},
		"a type that cannot be compared":     {`filter: [sales.notes], match: {column: region, attribute: region}`, "match", "operator does not exist"},
	} {
		problems := problemsOf(t, e, "\n- {name: wrong, "+test.policy+"}\n")
		if len(problems) != 1 || problems[0].Key != fmt.Sprintf("policies[%d].%s", firstMore, test.key) ||
			!strings.Contains(problems[0].Message, test.says) {
			t.Errorf("%s ends with %v", name, problems)
		}
	}
}

// Many tables are looked at in one statement, and what is wrong with one of them is found all the same.
func TestManyTablesAreRehearsedTogether(t *testing.T) {
	const tables = 200
	var create []string
	for i := range tables {
		create = append(create, fmt.Sprintf(`CREATE TABLE t%d (id integer, "a ""quoted"" name" text, name text)`, i))
	}
	create = append(create, `ALTER TABLE t77 DROP COLUMN id`)
	script := strings.Join(create, ";")
	for name, engine := range map[string]vending.Engine{"sqlite": sqliteWith(t, "sales", script), "postgres": postgresWith(t, "sales", script)} {
		runs, vended := 0, 0
		e := &changing{Engine: engine, run: func(ctx context.Context, l vending.Lease) (vending.Result, error) {
			runs, vended = runs+1, vended+len(l.Access)
			return engine.Run(ctx, l)
		}}
		start := func(policies string) error {
			runs, vended = 0, 0
			c := toolsConfig(t, e, &memory{}, "")
			p := platforms.Config{Name: "shop", Engine: e}
			if err := form.Fragment("policies", policies, &p.Policies); err != nil {
				t.Fatal(err)
			}
			c.Platforms = []platforms.Config{p}
			_, err := tools.New(t.Context(), c)
			return err
		}
		if err := start(`[{name: names, mask: ["sales.t*.name"], with: hash}, {name: some, filter: ["sales.t*"], sample: 10%}]`); err != nil ||
			vended < tables ||
			runs > tables/20 {
			t.Errorf("%s: %d tables are rehearsed in %d runs: %v", name, vended, runs, err)
		}
		err := start(
			`[{name: names, mask: ["sales.t*.name"], with: hash}, {name: some, filter: ["sales.t*"], where: "id > 0"}]`,
		)
		var policies *platforms.PolicyError
		if !errors.As(err, &policies) || len(policies.Problems) != 1 || policies.Problems[0].Key != "policies[1].where" ||
			!strings.Contains(policies.Problems[0].Message, "sales.t77") ||
			runs > tables/5 {
			t.Errorf("%s: the one table without an id is found in %d runs as %v", name, runs, err)
		}
	}
}

// A platform that cannot do it now says nothing of the policies.
func TestARehearsalThatIsInterruptedBlamesNoPolicy(t *testing.T) {
	runs := 0
	e := &changing{Engine: onSQLite(t), run: func(context.Context, vending.Lease) (vending.Result, error) {
		runs++
		return vending.Result{}, &vending.Error{Code: vending.Timeout, Message: "too slow"}
	}}
	_, err := tools.New(t.Context(), toolsConfig(t, e, &memory{}, ""))
	var policies *platforms.PolicyError
	if err == nil || errors.As(err, &policies) || runs != 1 {
		t.Errorf("after %d runs the start ends with %v", runs, err)
	}
}

// What fits alone may not fit together. It is a problem then, and not passed over.
func TestPoliciesThatFitOnlyAloneStopTheStart(t *testing.T) {
	engine := onSQLite(t)
	e := &changing{Engine: engine, run: func(ctx context.Context, l vending.Lease) (vending.Result, error) {
		masked := 0
		for _, c := range l.Access[0].Columns {
			masked += len(c.Masks)
		}
		if masked+len(l.Access[0].Filters) > 1 {
			return vending.Result{}, &vending.Error{
				Code:    vending.InvalidSQL,
				Message: "it is too much",
				Cause:   errors.New("too much at once"),
			}
		}
		return engine.Run(ctx, l)
	}}
	problems := problemsOf(t, e, "")
	if len(problems) != 1 || !strings.Contains(problems[0].Message, "sales.customer_orders") ||
		!strings.Contains(problems[0].Message, "too much at once") {
		t.Errorf("the problems are %v", problems)
	}
}

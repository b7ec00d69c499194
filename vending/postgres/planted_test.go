package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/postgres"
)

const plantSeed = `CREATE EXTENSION citext; CREATE SCHEMA sales; CREATE SCHEMA util; GRANT USAGE ON SCHEMA util TO PUBLIC;
CREATE FUNCTION util.same(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 OPERATOR(pg_catalog.=) $2';
CREATE TABLE sales.people (id int, region varchar(9), email citext, secret text); CREATE TABLE sales.other (id int);
INSERT INTO sales.people VALUES (1, 'EU', 'Ann@x.y', 's1'), (2, 'US', 'bo@x.y', 's2'); INSERT INTO sales.other VALUES (7);`

// plants are better matches than what a policy means, as a role that may create in a schema of the path would make them
// (CVE-2018-1058). Each would show every row; the type's constraint runs as soon as a literal is read.
func plants(schema string) string {
	return strings.ReplaceAll(`
CREATE FUNCTION @.yes(varchar, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION @.yes(citext, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION @.yes(varchar, varchar) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE OPERATOR @.= (LEFTARG = varchar, RIGHTARG = text, FUNCTION = @.yes);
CREATE OPERATOR @.= (LEFTARG = citext, RIGHTARG = text, FUNCTION = @.yes);
CREATE OPERATOR @.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = @.yes);
CREATE FUNCTION @.lower(varchar) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'eu' $$;
CREATE FUNCTION @.starts_with(varchar, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION @.same(varchar, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';`, "@", schema)
}

var plantedConditions = []string{
	"region = 'EU'::text", "region = any(:x)", "email = 'Ann@x.y'::text", "lower(region) = 'eu'", "starts_with(region, 'E')", "util.same(region, 'EU')", "region = 'EU'",
}

func under(condition string) entitlements.Filter { return where(condition, "EU") }

// planted is an engine whose policies may use util.same.
func planted(t *testing.T, seed string) (*postgres.Engine, string, *time.Time) {
	database := newDatabase(t, seed)
	now := time.Now()
	e := newEngineWith(
		t,
		database,
		func(c *postgres.Config) { c.Functions = []string{"util.same"}; c.Now = func() time.Time { return now } },
	)
	return e, database, &now
}

// What another role plants into a schema that it may create in, before the start or after it, decides about no row.
func TestPlantedObjectsDecideNothing(t *testing.T) {
	for _, into := range []string{"public", "util"} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprint(into, " after the start: ", after), func(t *testing.T) {
				open, seed := `GRANT CREATE ON SCHEMA `+into+` TO planter`, plantSeed
				exec(
					"postgres",
					`DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'planter') THEN CREATE ROLE planter LOGIN; END IF; END $$`,
				)
				e, database, now := planted(t, seed)
				want := map[string]string{}
				if after {
					for _, condition := range plantedConditions {
						got, err := shown(t, e, `SELECT id FROM people ORDER BY 1`, access(t, e, "people", under(condition)))
						if err != nil || got == "" || got == "1|2" {
							t.Fatalf("%s shows %q before anything is planted: %v", condition, got, err)
						}
						want[condition] = got
					}
				}
				exec(database, `GRANT USAGE ON SCHEMA public TO planter; `+open)
				execAs(t, "planter", database, plants(into))
				if !after {
					*now = now.Add(time.Hour)
				}
				for _, condition := range plantedConditions {
					for range 2 { // before the snapshot is renewed, and behind it
						got, err := shown(t, e, `SELECT id FROM people ORDER BY 1`, access(t, e, "people", under(condition)))
						var known *vending.Error
						if errors.As(err, &known) && known.Code == vending.Unavailable {
							continue
						}
						if err != nil || got != "1" {
							t.Errorf("%s shows %s: %v", condition, got, err)
						}
					}
				}
				if got, err := shown(t, e, `SELECT id FROM other`, access(t, e, "other")); err != nil || got != "7" {
					t.Errorf("a table without a policy is closed: %s, %v", got, err)
				}
				s, err := e.Analyze(t.Context(), `SELECT id FROM people WHERE region = 'x'::text OR email = 'x'::text`)
				if err == nil && vending.Gate(s) == nil {
					if got, err := shown(t, e, `SELECT id FROM people WHERE region = 'x'::text OR email = 'x'::text`, access(t, e, "people")); err != nil ||
						got != "" {
						t.Errorf("a statement uses what was planted: %s, %v", got, err)
					}
				}
				execAs(t, "postgres", database, `DROP OWNED BY planter`)
			})
		}
	}
}

// The owner of a schema on the path may create there. What they make decides nothing either, unless the configuration
// names it.
func TestStrayObjectsAreRefused(t *testing.T) {
	e, database, now := planted(t, plantSeed)
	for _, condition := range plantedConditions {
		if _, err := shown(t, e, `SELECT id FROM people`, access(t, e, "people", under(condition))); err != nil {
			t.Fatal(err)
		}
	}
	execAs(t, "dba", database, plants("public"))
	for round := range 2 {
		for _, condition := range plantedConditions {
			got, err := shown(t, e, `SELECT id FROM people ORDER BY 1`, access(t, e, "people", under(condition)))
			switch {
			case err == nil && got != "1":
				t.Errorf("round %d: %s shows %s", round, condition, got)
			case err != nil && !strings.Contains(err.Error(), "belongs to no extension and is not named under functions"):
				t.Errorf("round %d: %s: %v", round, condition, err)
			case err == nil && condition == "lower(region) = 'eu'":
				t.Errorf("round %d: %s is understood without what was planted: this test says nothing", round, condition)
			}
		}
		*now = now.Add(time.Hour)
	}
}

// A literal of a planted type runs its constraint while the view is only being made, as deputy_owner.
func TestPlantedTypeRunsNothing(t *testing.T) {
	exec(
		"postgres",
		`DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'planter') THEN CREATE ROLE planter LOGIN; END IF; END $$`,
	)
	e, database, now := planted(t, plantSeed)
	access(t, e, "people") // the engine has looked at the schemas, and finds nothing wrong with them
	exec(database, `GRANT CREATE, USAGE ON SCHEMA public TO planter`)
	execAs(t, "planter", database, `CREATE FUNCTION public.own(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'planted code runs as %', current_user USING ERRCODE = '42P17'; END $$;
CREATE DOMAIN public.evil AS text CHECK (public.own(VALUE));
CREATE FUNCTION public.eq(varchar, public.evil) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR public.= (LEFTARG = varchar, RIGHTARG = public.evil, FUNCTION = public.eq);`)
	for range 2 {
		for _, condition := range []string{"region = any(:x)", "region = 'EU'", "region in ('EU', 'x')"} {
			got, err := shown(t, e, `SELECT id FROM people ORDER BY 1`, access(t, e, "people", under(condition)))
			if err != nil && strings.Contains(err.Error(), "planted code runs") || err == nil && got != "1" {
				t.Errorf("%s: %s %v", condition, got, err)
			}
		}
		*now = now.Add(time.Hour)
	}
	execAs(t, "postgres", database, `DROP OWNED BY planter`)
}

// Where an extension's schema is out of reach, its values would be compared as text. That is refused with the way out,
// and other tables go on.
func TestExtensionOutOfReach(t *testing.T) {
	seed := `CREATE SCHEMA extensions; CREATE EXTENSION citext SCHEMA extensions; CREATE EXTENSION pg_trgm SCHEMA extensions; CREATE SCHEMA sales;
CREATE TABLE sales.people (id int, region varchar(9), email extensions.citext); INSERT INTO sales.people VALUES (1, 'EU', 'Ann@x.y');`
	for name, tt := range map[string]struct {
		after  string
		config func(*postgres.Config)
		want   string
	}{
		"closed to deputy_owner": {after: `REVOKE ALL ON SCHEMA extensions FROM deputy_owner`, want: "closed to deputy_owner: run deputy bootstrap postgres again"},
		"others may create":      {after: `GRANT CREATE ON SCHEMA extensions TO PUBLIC`, want: "is open to others: REVOKE CREATE ON SCHEMA \"extensions\""},
		"not on the path":        {config: func(c *postgres.Config) { c.PolicyPath = []string{"pg_catalog"} }, want: "is not on policy_path: add it"},
	} {
		t.Run(name, func(t *testing.T) {
			database := newDatabase(t, seed)
			e := newEngineWith(t, database, func(c *postgres.Config) {
				if tt.config != nil {
					tt.config(c)
				}
			})
			if tt.after != "" {
				execAs(t, "dba", database, tt.after)
			}
			for _, condition := range []string{"email <> 'ann@x.y'", `"email" = any(:x)`, "people::text <> 'x'"} {
				_, err := shown(t, e, `SELECT id FROM people`, access(t, e, "people", where(condition, "ann@x.y")))
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%s: %v", condition, err)
				}
			}
			if got, err := shown(t, e, `SELECT id FROM people`, access(t, e, "people", where("region = 'EU'"))); err != nil ||
				got != "1" {
				t.Errorf("a policy about another column: %s, %v", got, err)
			}
			// Callers have no USAGE on the schema: what their statement means is not guessed either.
			for _, sql := range []string{`SELECT id FROM people WHERE email = 'x'`, `SELECT email FROM people ORDER BY email`, `SELECT max(email) FROM people`, `SELECT length(email) FROM people`} {
				s, err := e.Analyze(t.Context(), sql)
				if err == nil {
					err = vending.Gate(s)
				}
				if err == nil || !strings.Contains(err.Error(), "an administrator can ") {
					t.Errorf("%s: %v", sql, err)
				}
			}
			s, err := e.Analyze(t.Context(), `SELECT id, email FROM people WHERE email::text = 'Ann@x.y'`)
			if err != nil || vending.Gate(s) != nil {
				t.Errorf("what is meant is said, and yet refused: %v %v", err, s)
			}
		})
	}
}

// No search path of a caller changes what a policy means. The gate refuses set_config; here it is not asked.
func TestCallersPathChangesNoPolicy(t *testing.T) {
	e, _, _ := planted(t, plantSeed)
	for _, path := range []string{"''", "'pg_catalog'", "'pg_temp, util'", "'sales'"} {
		for _, sql := range []string{
			`WITH s AS MATERIALIZED (SELECT set_config('search_path', ` + path + `, true)) SELECT id FROM s, people`,
			`SELECT id FROM (SELECT id, set_config('search_path', ` + path + `, true) AS s FROM people OFFSET 0) q WHERE s IS NOT NULL`,
		} {
			for _, condition := range []string{"email = 'ANN@X.Y'", "email like 'ANN%'", "util.same(region, 'EU')"} {
				if got, err := shown(t, e, sql, access(t, e, "people", under(condition))); err != nil || got != "1" {
					t.Errorf("%s under %s: %s, %v", sql, condition, got, err)
				}
			}
		}
	}
}

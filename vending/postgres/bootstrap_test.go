package postgres_test

import (
	"context"
	"strings"
	"testing"

	"deputy/vending/postgres"
	"deputy/vending/postgres/setup"
)

func TestBootstrapByADBAWhoIsNoSuperuser(t *testing.T) {
	database := newDatabase(t, seed)
	e := newEngine(t, database, "sales")
	bootstrap(t, database, "sales") // once more: idempotent
	if findings, err := e.Check(context.Background()); err != nil || len(findings) > 0 {
		t.Errorf("after bootstrap, check says %v %v", findings, err)
	}
	if n := count(
		t,
		database,
		`SELECT count(*) FROM pg_auth_members WHERE roleid = 'deputy_owner'::regrole AND member = 'dba'::regrole AND
		(current_setting('server_version_num')::int < 160000 OR NOT admin_option)`,
	); n != 0 {
		t.Error("the administrator is still a member of deputy_owner after bootstrap")
	}
}

func TestCheckSaysWhatIsWrongAndWhatToDo(t *testing.T) {
	ctx := context.Background()
	for name, tt := range map[string]struct {
		seed, after string // SQL before and after bootstrap; no "after": no bootstrap at all
		config      func(*postgres.Config)
		want        string
	}{
		"no bootstrap": {seed: seed, want: "deputy.vend is not there or not ours to call: run deputy bootstrap postgres"},
		"another key": {seed: seed, after: "SELECT 1", config: func(c *postgres.Config) { c.SigningKey = strings.Repeat("z", 32) },
			want: "the signing key is not the one the database was set up with"},
		"a superuser's dsn": {seed: seed, after: "SELECT 1", config: func(c *postgres.Config) { c.DSN = strings.Replace(c.DSN, "deputy_runner", "postgres", 1) },
			want: "the dsn logs in as postgres: it must be deputy_runner"},
		"the administrator's dsn, who may not use the schema deputy": {seed: seed, after: "SELECT 1",
			config: func(c *postgres.Config) { c.DSN = strings.Replace(c.DSN, "deputy_runner", "dba", 1) },
			want:   "the dsn logs in as dba: it must be deputy_runner"},
		"a table that is taken away": {
			seed: seed, after: "REVOKE SELECT ON sales.customer_orders FROM deputy_owner",
			want: "deputy_owner cannot read sales.customer_orders",
		},
		"a table granted to everybody": {seed: seed, after: "GRANT SELECT ON sales.customer_orders TO PUBLIC",
			want: "sales.customer_orders is granted to PUBLIC"},
		"a function that is not there": {seed: seed, after: "SELECT 1", config: func(c *postgres.Config) { c.Functions = []string{"tools.net"} },
			want: "function tools.net is not there or not open to everybody"},
		"a schema that is not there": {seed: seed, after: "SELECT 1", config: func(c *postgres.Config) { c.Schemas = append(c.Schemas, "nowhere") },
			want: "there is no schema nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			database := newDatabase(t, tt.seed)
			if tt.after != "" {
				bootstrap(t, database, "sales")
				execAs(t, "dba", database, tt.after)
			}
			c := postgres.Config{
				DSN:        cluster.DSN("deputy_runner", database),
				Schemas:    []string{"sales"},
				SigningKey: signingKey,
			}
			if tt.config != nil {
				tt.config(&c)
			}
			e, err := postgres.Open(c)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			findings, err := e.Check(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range findings {
				if strings.Contains(f.Text, tt.want) {
					return
				}
			}
			t.Errorf("check says %v, and not %q", findings, tt.want)
		})
	}
}

func TestNoSecretIsPrintedOrInAnError(t *testing.T) {
	s := setup.Order{Schemas: []string{"sales"}, SigningKey: signingKey, RunnerPassword: "hunter2hunter2"}
	for what, text := range map[string]string{"the printed SQL": s.Print(), "the error of a failed bootstrap": failedBootstrap(t, s)} {
		if strings.Contains(text, s.SigningKey) || strings.Contains(text, s.RunnerPassword) {
			t.Errorf("%s has a secret in it", what)
		}
	}
}

func failedBootstrap(t *testing.T, s setup.Order) string {
	database := newDatabase(t) // without the schema that is to be governed
	err := setup.Bootstrap(context.Background(), open(t, "dba", database), s)
	if err == nil || !strings.Contains(err.Error(), `schema "sales" does not exist`) {
		t.Fatalf("bootstrap of a schema that is not there says %v", err)
	}
	if n := count(t, database, `SELECT count(*) FROM pg_namespace WHERE nspname = 'deputy'`); n != 0 {
		t.Error("a failed bootstrap left half of its work")
	}
	return err.Error()
}

func TestBootstrapRefusesWhatSomebodyElsePrepared(t *testing.T) {
	database := newDatabase(t, seed, `CREATE SCHEMA deputy`) // the DBA's own, not deputy_owner's
	err := setup.Bootstrap(
		context.Background(),
		open(t, "dba", database),
		setup.Order{Schemas: []string{"sales"}, SigningKey: signingKey},
	)
	if err == nil || !strings.Contains(err.Error(), "does not belong to deputy_owner") {
		t.Errorf("a schema named deputy that somebody else made was taken over: %v", err)
	}
}

package postgres_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"

	"deputy/vending"
	"deputy/vending/postgres"
	"deputy/vending/postgres/setup"
)

// vends says why a server cannot vend; nil: it can.
func vends(t *testing.T, e *postgres.Engine) error {
	t.Helper()
	_, err := e.Run(t.Context(), vending.Lease{
		ID: "rotate000000", SQL: "SELECT 1", MaxRows: 1, MaxBytes: 1 << 10, Timeout: 30 * time.Second,
	})
	return err
}

// withKey is a server that starts with a signing key.
func withKey(t *testing.T, database, key string) *postgres.Engine {
	t.Helper()
	e, err := postgres.Open(postgres.Config{
		DSN: cluster.DSN("deputy_runner", database), Schemas: []string{"sales"}, SigningKey: key,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// Servers change over to a new signing key one by one: both are good until the old one is dropped. A key that is given
// without a word about that replaces all others at once, and dropping never makes an older key good again.
func TestSigningKeyRotates(t *testing.T) {
	database := newDatabase(t, seed)
	admin := open(t, "dba", database)
	first, second, third := strings.Repeat("1", 32), strings.Repeat("2", 32), strings.Repeat("3", 32)
	servers := map[string]*postgres.Engine{}
	for _, key := range []string{first, second, third} {
		servers[key] = withKey(t, database, key)
	}
	for _, step := range []struct {
		name string
		do   setup.Order
		good []string
	}{
		{"set up", setup.Order{SigningKey: first}, []string{first}},
		{"rotated", setup.Order{SigningKey: second, RotateKey: true}, []string{first, second}},
		{"once more, by a retry", setup.Order{SigningKey: second, RotateKey: true}, []string{first, second}},
		{"set up for a new table meanwhile", setup.Order{SigningKey: second}, []string{first, second}},
		{"dropped with the old key", setup.Order{SigningKey: first, DropOldKey: true}, []string{first, second}},
		{"dropped", setup.Order{SigningKey: second, DropOldKey: true}, []string{second}},
		{"rotated again", setup.Order{SigningKey: third, RotateKey: true}, []string{second, third}},
		{"and again too soon", setup.Order{SigningKey: first, RotateKey: true}, []string{third, first}},
		{"replaced, because keys have leaked", setup.Order{SigningKey: second}, []string{second}},
	} {
		step.do.Schemas = []string{"sales"}
		err := setup.Bootstrap(t.Context(), admin, step.do)
		refused := step.do.DropOldKey && step.do.SigningKey == first
		if (err != nil) != refused || refused && !strings.Contains(err.Error(), "is not the newest of the database") {
			t.Fatalf("%s: %v", step.name, err)
		}
		for key, server := range servers {
			if err := vends(t, server); (err == nil) != slices.Contains(step.good, key) {
				t.Errorf("%s: the key %s…: %v", step.name, key[:1], err)
			}
		}
	}
	both := setup.Order{Schemas: []string{"sales"}, SigningKey: first, RotateKey: true, DropOldKey: true}
	if err := setup.Bootstrap(t.Context(), admin, both); err == nil {
		t.Error("rotated and dropped at once")
	}
}

// A set-up of another version than the server's vends nothing, in both directions, also to a server that runs already;
// check, the catalog (which readyz asks) and the refusal say so.
func TestSetUpOfAnotherVersion(t *testing.T) {
	says := func(function string, version int) string {
		const is = `CREATE OR REPLACE FUNCTION deputy.%s() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT %d';`
		return fmt.Sprintf(is, function, version)
	}
	for name, tt := range map[string]struct{ after, want string }{
		"without a version": {`DROP FUNCTION deputy.version()`, "an older one (1, and this server is 2)"},
		"older": {says("version", 1),
			"an older one (1, and this server is 2): run deputy bootstrap postgres again"},
		"newer": {says("version", 9) + says("oldest", 3),
			"a newer one (9, and this server is 2): run the Deputy of that version"},
		"newer, and serves older servers": {says("version", 9), ""},
	} {
		t.Run(name, func(t *testing.T) {
			database := newDatabase(t, seed)
			e := newEngine(t, database, "sales")
			if err := vends(t, e); err != nil {
				t.Fatal(err)
			}
			execAs(t, "postgres", database, tt.after)
			err := vends(t, e)
			known, _ := errors.AsType[*vending.Error](err)
			if (err == nil) != (tt.want == "") || err != nil && (known == nil || known.Code != vending.Unavailable) {
				t.Errorf("the server that runs vends: %v", err)
			}
			findings, err := e.Check(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			said := ""
			for _, f := range findings {
				said += f.Text + "\n"
			}
			if !strings.Contains(said, tt.want) || tt.want == "" && said != "" {
				t.Errorf("check says %q", said)
			}
			started := withKey(t, database, signingKey)
			if _, err := started.Catalog(t.Context()); (err == nil) != (tt.want == "") ||
				err != nil && !errors.Is(err, setup.ErrVersion) {
				t.Errorf("a server that starts reads the catalog: %v", err)
			}
		})
	}
}

// A lease that says something which the set-up does not know vends nothing, however well it is signed: what is not
// known might take something away.
func TestUnknownLeaseRefused(t *testing.T) {
	database := newDatabase(t, seed)
	newEngine(t, database, "sales")
	key := sha256.Sum256([]byte(signingKey))
	runner := open(t, "deputy_runner", database)
	for name, tt := range map[string]struct {
		more string
		good bool
	}{
		"as it is":             {`"tables": []`, true},
		"of a server before v": {`"tables": [], "functions": []`, true},
		"a version":            {`"tables": [], "v": 2`, true},
		"a newer version":      {`"tables": [], "v": 3`, false},
		"a version of nothing": {`"tables": [], "v": 0`, false},
		"a key":                {`"tables": [], "columns": []`, false},
		"a key in other case":  {`"tables": [], "Path": []`, false},
		"a key of a table": {
			`"tables": [{"schema": "s", "name": "n", "barrier": false, "query": "SELECT 1", "limit": 1}]`, false,
		},
	} {
		lease := fmt.Sprintf(`{"id": "unknown00000", "expires": %d, "path": ["pg_catalog"], "callers": [], %s}`,
			time.Now().Add(time.Minute).Unix(), tt.more)
		mac := hmac.New(sha256.New, key[:])
		mac.Write([]byte(lease))
		tx, err := runner.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = tx.ExecContext(t.Context(), `SELECT deputy.vend($1, $2)`, lease, mac.Sum(nil))
		tx.Rollback()
		refused, _ := errors.AsType[*pq.Error](err)
		if (err == nil) != tt.good || err != nil && (refused == nil || refused.Code != "DP001") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

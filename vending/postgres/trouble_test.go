package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"deputy/vending"
	"deputy/vending/postgres"
)

// troubleSays holds that a call ends with a code, a sentence with the words, and the SQLSTATE for the log.
func troubleSays(t *testing.T, err error, code vending.Code, words, state string) {
	t.Helper()
	hasCode(t, "the call", err, code)
	known, ok := errors.AsType[*vending.Error](err)
	if !ok || !strings.Contains(known.Message, words) || !strings.Contains(fmt.Sprint(known.Cause), "("+state+")") {
		t.Errorf("it says %v", err)
	}
}

// What a database says of itself is told as what it is, and not as a fault of the statement or of the set-up.
func TestTroubles(t *testing.T) {
	database := newDatabase(t, seed)
	e := newEngine(t, database, "sales")
	const expensive = "SELECT max(n) FROM " +
		"(SELECT n FROM generate_series(1, 300000) AS n ORDER BY md5(n::text) OFFSET 1) q"
	exec("postgres", "ALTER ROLE deputy_runner IN DATABASE "+database+" SET temp_file_limit = '64kB'")
	exec("postgres", "ALTER ROLE deputy_runner IN DATABASE "+database+" SET work_mem = '64kB'")
	_, err := e.Run(t.Context(), lease("trouble0001", expensive))
	troubleSays(t, err, vending.TooExpensive, "temporary files", "53400")

	exec("postgres", "ALTER DATABASE "+database+" CONNECTION LIMIT 0")
	full, err := postgres.Open(postgres.Config{
		DSN: cluster.DSN("deputy_runner", database), Schemas: []string{"sales"}, SigningKey: signingKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { full.Close() })
	_, err = full.Catalog(t.Context())
	troubleSays(t, err, vending.NoConnection, "no connection left", "53300")
	_, err = full.Run(t.Context(), lease("trouble0002", "SELECT 1"))
	troubleSays(t, err, vending.NoConnection, "no connection left", "53300")
}

// Troubles that no test can make, by their SQLSTATE, in every phase of a call.
func TestTroublesByState(t *testing.T) {
	for state, want := range map[string]vending.Code{
		"53100": vending.DiskFull, "53200": vending.TooExpensive, "53300": vending.NoConnection,
		"53400": vending.TooExpensive, "55P03": vending.Locked, "40001": vending.TooBusy, "40P01": vending.TooBusy,
		"57P01": vending.Unavailable, "57P03": vending.Unavailable, "58030": vending.Unavailable,
		"XX001": vending.Unavailable,
	} {
		for phase, err := range postgres.TroubleInPhases(t.Context(), state) {
			t.Run(state+" while "+phase, func(t *testing.T) { troubleSays(t, err, want, "", state) })
		}
	}
}

package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"deputy/vending"
	"deputy/vending/postgres"
)

// A diagnosis whose time is up at any of its steps says so. That the platform cannot be reached would be untrue.
func TestShortDiagnosisTimesOut(t *testing.T) {
	database := newDatabase(t, seed)
	bootstrap(t, database, "sales")
	e, err := postgres.Open(postgres.Config{
		DSN: cluster.DSN("deputy_runner", database), Schemas: []string{"sales"}, SigningKey: signingKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	names := make([]string, 20000) // looking them all up takes a while
	for i := range names {
		names[i] = fmt.Sprintf("name_%d", i)
	}
	for after := 5 * time.Millisecond; after < 45*time.Millisecond; after += 2 * time.Millisecond {
		l := lease("diagnosis01", "SELECT "+strings.Join(names, ", ")+" FROM nosuch")
		l.Timeout = after
		_, err := e.AnalyzeFor(t.Context(), l)
		var known *vending.Error
		if errors.As(err, &known) && known.Code == vending.Unavailable {
			t.Errorf("with %s the platform is said to be away: %v", after, err)
		}
	}
}

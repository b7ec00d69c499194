package throwaway_test

import (
	"testing"

	"deputy/internal/testkit/throwaway"
)

func TestStandbyIsPromoted(t *testing.T) {
	primary := shared.Cluster()
	if err := primary.Exec(
		throwaway.Superuser,
		"postgres",
		"DROP TABLE IF EXISTS kept; CREATE TABLE kept (n int)",
	); err != nil {
		t.Fatal(err)
	}
	standby, err := primary.Standby(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer standby.Stop()
	insert := "INSERT INTO kept VALUES (1)"
	if err := standby.Exec(throwaway.Superuser, "postgres", insert); err == nil {
		t.Error("a standby takes a write")
	}
	if err := standby.Promote(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := standby.Exec(throwaway.Superuser, "postgres", insert); err != nil {
		t.Errorf("a promoted standby takes no write: %v", err)
	}
}

package field

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
)

// What happens around calls: a platform goes away, a party is stopped. Each line has databases of its own.

var troubles = map[string]func(*testing.T, line) string{
	"kill-control":   stop("", "user", "disable", "anna"),
	"kill-rename":    stop("ALTER TABLE s.t RENAME ssn TO social", "user", "disable", "anna"),
	"kill-new-table": stop("CREATE TABLE s.n(id int)", "user", "disable", "anna"),
	"kill-down":      stop("", "user", "disable", "anna"),
	"kill-agent":     stop("", "agent", "disable", "assistant"),

	"start-down":      startsWithout(""),
	"start-new-table": startsWithout("CREATE TABLE s.fresh(id int)"),

	"fdw-mapped":    foreign,
	"big-list":      big("t1", "", func(text string) bool { return len(text) < 100_000 }),
	"big-wide-star": big("wide", "SELECT * FROM s.wide", answered),
	"big-wide-fp":   big("wide_fp", "SELECT * FROM s.wide_fp", answered),
	"big-join":      big("t1", "SELECT count(*) FROM "+many(60), answered),
}

var databases atomic.Int64

// fresh is a name for a database of a line's own.
func fresh(prefix string) string { return fmt.Sprintf("%s_%d", prefix, databases.Add(1)) }

// stop disables a party while one of two platforms is in trouble; the other must refuse it with the next call.
func stop(ddl string, command ...string) func(*testing.T, line) string {
	return func(t *testing.T, l line) string {
		w, two, err := twoPlatforms(t)
		if err == nil {
			err = w.serve()
		}
		defer w.stop()
		if err != nil {
			return err.Error()
		}
		token := w.token(l, "anna")
		first := query("k1", "SELECT id FROM s.t")
		before, err := w.send(first, token)
		if err != nil || before.Status != 200 || strings.Contains(before.Body, `"isError":true`) {
			return fmt.Sprintf("before the trouble: %v %v", before, err)
		}
		switch {
		case ddl != "":
			err = load(two, ddl)
		case l.ID != "kill-control":
			err = down(two)
		}
		if err != nil {
			return err.Error()
		}
		if _, err := w.deputy("", command...); err != nil {
			return err.Error()
		}
		after, err := w.send(first, token)
		return wrongUnless(err == nil && after.Status == 403, "the next call ends with %v %v", after, err)
	}
}

// startsWithout starts a server while one of two platforms is in trouble; the other must be served.
func startsWithout(ddl string) func(*testing.T, line) string {
	return func(t *testing.T, l line) string {
		w, two, err := twoPlatforms(t)
		if err == nil && ddl != "" {
			err = load(two, "ALTER DEFAULT PRIVILEGES IN SCHEMA s REVOKE SELECT ON TABLES FROM deputy_owner; "+ddl)
		} else if err == nil {
			err = down(two)
		}
		if err == nil {
			err = w.serve()
		}
		defer w.stop()
		if err != nil {
			return err.Error()
		}
		s := w.ask(l, "anna")
		if s.err != nil {
			return s.err.Error()
		}
		_, err = s.client.Query(t.Context(), map[string]any{"platform": "k1", "sql": "SELECT id FROM s.t"})
		if err != nil {
			return err.Error()
		}
		_, err = s.client.Query(t.Context(), map[string]any{"platform": "k2", "sql": "SELECT id FROM s.t"})
		return wrongUnless((err == nil) == (ddl != ""), "the platform in trouble answers with %v", err)
	}
}

// twoPlatforms is a world of two databases that are set up, and the second one's name.
func twoPlatforms(t *testing.T) (*world, string, error) {
	t.Helper()
	one, two := fresh("k1"), fresh("k2")
	names := strings.NewReplacer("dbname=k1", "dbname="+one, "dbname=k2", "dbname="+two)
	text := names.Replace(configuration(t, "two-platforms.yaml"))
	w, err := newWorld(text, map[string]string{one: "worlds/two-platforms.sql", two: "worlds/two-platforms.sql"})
	if err == nil {
		err = w.bootstrap()
	}
	return w, two, err
}

// down has a database take no connections.
func down(base string) error {
	return load("postgres", fmt.Sprintf(`ALTER DATABASE %s ALLOW_CONNECTIONS false;
		SELECT FROM pg_stat_activity, pg_terminate_backend(pid) WHERE datname = '%[1]s'`, base))
}

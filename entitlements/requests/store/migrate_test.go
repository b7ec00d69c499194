package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"deputy/entitlements/requests/store"
)

func TestANewFileIsMadeReadyAndIsItsOwnersAlone(t *testing.T) {
	dir := t.TempDir()
	c := store.Config{File: filepath.Join(dir, "state ?#%25.db")}
	open(t, c).Close()
	s := open(t, c)
	mustMake(t, s, request("r1"))
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 3 { // the file, its log and what processes share
		t.Errorf("there are %v, %v", files, err)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", file, info.Mode(), err)
		}
	}
	var settings []string
	for _, pragma := range []string{"journal_mode", "synchronous", "busy_timeout"} {
		var value string
		if err := s.One(t.Context(), &value, "PRAGMA "+pragma); err != nil {
			t.Fatal(err)
		}
		settings = append(settings, value)
	}
	if got := fmt.Sprint(settings); got != "[wal 2 10000]" {
		t.Errorf("the settings are %s", got)
	}
	all, err := store.Migrations(t.Context(), c)
	if err != nil || len(all) == 0 || all[len(all)-1].Applied == nil {
		t.Errorf("the migrations are %+v, %v", all, err)
	}
}

func TestAFileThatOthersMayUseIsRefused(t *testing.T) {
	for _, mode := range []os.FileMode{0o640, 0o602, 0o666} {
		file := filepath.Join(t.TempDir(), "state.db")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		if s, err := store.Open(t.Context(), store.Config{File: file}); err == nil ||
			!strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %v: %v", mode, err)
			s.Close()
		}
	}
}

func TestServersThatMakeTheSameFileAtOnceAllHaveIt(t *testing.T) {
	c := store.Config{File: filepath.Join(t.TempDir(), "state.db")}
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			s, err := store.Open(context.Background(), c)
			if err != nil {
				t.Error(err)
				return
			}
			s.Close()
		})
	}
	all.Wait()
	if files, err := filepath.Glob(c.File + "*"); err != nil || len(files) != 3 {
		t.Errorf("they leave %v, %v", files, err)
	}
}

func TestAnEmptyFileIsMigratedByMigrateAlone(t *testing.T) {
	c := store.Config{File: filepath.Join(t.TempDir(), "state.db")}
	if err := os.WriteFile(c.File, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), c); !errors.Is(err, store.ErrBehind) {
		t.Errorf("before: %v", err)
	}
	var all sync.WaitGroup
	for range 8 { // at once
		all.Go(func() {
			if _, err := store.Migrate(context.Background(), c, func(store.Migration) {}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	open(t, c)
}

func TestPostgreSQLIsSetUpByMigrateAlone(t *testing.T) {
	c := store.Config{DSN: cluster.DSN("keeper", newDatabase())}
	if _, err := store.Open(t.Context(), c); !errors.Is(err, store.ErrBehind) {
		t.Errorf("an empty database: %v", err)
	}
	all, err := store.Migrations(t.Context(), c)
	if err != nil || len(all) == 0 || all[0].Applied != nil {
		t.Errorf("looking at it changes it: %+v, %v", all, err)
	}
	var told []string
	var at sync.Mutex
	var both sync.WaitGroup
	for range 2 { // two at once
		both.Go(func() {
			_, err := store.Migrate(context.Background(), c, func(m store.Migration) {
				at.Lock()
				defer at.Unlock()
				told = append(told, m.Name)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	if len(told) != len(all) || told[0] != "00001_requests" {
		t.Errorf("told were %v", told)
	}
	open(t, c)
	if again, err := store.Migrate(t.Context(), c, nil); err != nil || len(again) != 0 {
		t.Errorf("again: %v, %v", again, err)
	}
}

func TestADatabaseThatIsBehindOrAheadStops(t *testing.T) {
	onBoth(t, func(t *testing.T, c store.Config) {
		if c.DSN != "" { // one of its own, since it is not as the others need it afterwards
			c.DSN = cluster.DSN("keeper", newDatabase())
			if _, err := store.Migrate(t.Context(), c, func(store.Migration) {}); err != nil {
				t.Fatal(err)
			}
		}
		s := open(t, c)
		if err := s.Raw(t.Context(), `INSERT INTO deputy_state.migrations (version_id, is_applied) VALUES (99, true)`); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Open(t.Context(), c); !errors.Is(err, store.ErrAhead) {
			t.Errorf("ahead: %v", err)
		}
		if _, err := store.Migrate(t.Context(), c, nil); !errors.Is(err, store.ErrAhead) {
			t.Errorf("migrating what is ahead: %v", err)
		}
		// Behind: some migration was applied, and not all of those that there are.
		if err := s.Raw(t.Context(), `DELETE FROM deputy_state.migrations WHERE version_id = 99`); err != nil {
			t.Fatal(err)
		}
		restore := store.Later(t, `ALTER TABLE deputy_state.requests ADD COLUMN later TEXT`)
		defer restore()
		if _, err := store.Open(t.Context(), c); !errors.Is(err, store.ErrBehind) ||
			!strings.Contains(err.Error(), "deputy migrate") {
			t.Errorf("behind: %v", err)
		}
		if done, err := store.Migrate(t.Context(), c, func(store.Migration) {}); err != nil || len(done) != 1 {
			t.Errorf("%v, %v", done, err)
		}
		open(t, c)
	})
}

func TestASchemaThatAnAdministratorMadeIsUsedAndNeedsNoOtherRight(t *testing.T) {
	database := newDatabase()
	exec("postgres", "REVOKE CREATE ON DATABASE "+database+" FROM keeper")
	c := store.Config{DSN: cluster.DSN("keeper", database)}
	_, err := store.Migrate(t.Context(), c, func(store.Migration) {})
	if err == nil || !strings.Contains(err.Error(), "CREATE SCHEMA deputy_state AUTHORIZATION") {
		t.Errorf("without the right: %v", err)
	}
	exec(database, "CREATE SCHEMA deputy_state AUTHORIZATION keeper")
	if _, err := store.Migrate(t.Context(), c, func(store.Migration) {}); err != nil {
		t.Fatal(err)
	}
	open(t, c)
	exec(database, "GRANT INSERT ON deputy_state.requests TO PUBLIC")
	if _, err := store.Open(t.Context(), c); err == nil || !strings.Contains(err.Error(), "PUBLIC") {
		t.Errorf("a table that everybody may write: %v", err)
	}
}

// A search_path that somebody else can write to leads nowhere: all names say their schema.
func TestASearchPathLeadsNowhereElse(t *testing.T) {
	c := newConfig(t, "PostgreSQL")
	s := open(t, c)
	if err := s.Raw(t.Context(), `CREATE TEMPORARY TABLE requests (LIKE deputy_state.requests)`); err != nil {
		t.Fatal(err)
	}
	mustMake(t, s, request("r1"))
	if _, err := open(t, c).Find(t.Context(), "r1"); err != nil {
		t.Error(err)
	}
}

func TestNoErrorRepeatsTheDSN(t *testing.T) {
	dir := t.TempDir()
	notOurs := filepath.Join(dir, "other.db")
	if err := os.WriteFile(notOurs, []byte(strings.Repeat("this is no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]store.Config{
		"neither":      {},
		"both":         {File: "x", DSN: "postgres://hidden:hidden@hidden/hidden"},
		"not readable": {DSN: "postgres://hidden:hidden%zz@hidden:port/hidden"},
		"nobody there": {DSN: "postgres://hidden:hidden@127.0.0.1:1/hidden?sslmode=disable"},
		"no such host": {DSN: "postgres://hidden:hidden@hidden.invalid/hidden?sslmode=disable"},
		"no socket":    {DSN: "host=/hidden user=hidden password=hidden dbname=hidden"},
		"no database":  {DSN: cluster.DSN("keeper", "hidden")},
		"no login":     {DSN: cluster.DSN("hidden", "postgres")},
		"no folder":    {File: filepath.Join(dir, "nowhere", "state.db")},
		"no SQLite":    {File: notOurs},
	} {
		_, err := store.Open(t.Context(), c)
		if err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %v", what, err)
		}
		_, err = store.Migrate(t.Context(), c, func(store.Migration) {})
		if err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: Migrate says %v", what, err)
		}
	}
}

func TestAWaitThatIsCancelledEnds(t *testing.T) {
	onBoth(t, func(t *testing.T, c store.Config) {
		s := open(t, c)
		mustMake(t, s, request("r1"))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Find(ctx, "r1"); !errors.Is(err, context.Canceled) {
			t.Errorf("Find: %v", err)
		}
		if _, _, err := s.Make(ctx, request("r2"), noon); !errors.Is(err, context.Canceled) {
			t.Errorf("Make: %v", err)
		}
	})
}

package field

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Databases as their owners set them up: see testdata/worlds/setup.md.

const people = "CREATE SCHEMA s; CREATE TABLE s.people(id int, name text); INSERT INTO s.people VALUES (1,'Ann');"

// judgeSetup makes a database as the line says and asks it. Expect lists what is right: rows, or where what must be
// said.
func judgeSetup(t *testing.T, l line) string {
	t.Helper()
	base := fresh("base")
	w, err := newWorld(on(base, plain), map[string]string{base: people + l.Before})
	if err != nil {
		return err.Error()
	}
	defer w.stop()
	said := map[string]string{}
	alter := func(sql string) {
		if err == nil {
			err = load(base, strings.ReplaceAll(sql, "{database}", base))
		}
	}
	bootstrapping.Lock()
	said["bootstrap"], err = w.deputy(base, "bootstrap", "postgres")
	bootstrapping.Unlock()
	if err == nil {
		alter(l.After)
		said["check"], _ = w.deputy("", "check")
	}
	if err == nil {
		err = w.serve()
	}
	alter(l.While)
	answer := ""
	if err == nil {
		sql := l.SQL
		if sql == "" {
			sql = "SELECT * FROM s.people"
		}
		got, refused := w.query(t, l, sql)
		if refused != nil {
			answer = refused.Error()
		} else if len(got.Rows) > 0 {
			return wrongUnless(strings.Contains(l.Expect, "rows"), "there are rows: %v", got.Rows)
		}
	}
	said["log"] = w.log.String()
	for where, words := range parts(l.Expect) {
		if words != "" && strings.Contains(strings.ToLower(said[where]), words) {
			return ""
		}
	}
	return fmt.Sprintf("expected is %q: %v %s %.300s", l.Expect, err, answer, said)
}

// parts reads "rows or check says this".
func parts(expect string) map[string]string {
	out := map[string]string{}
	for part := range strings.SplitSeq(strings.ReplaceAll(expect, ", ", " or "), " or ") {
		where, words, _ := strings.Cut(part, " says ")
		out[where] = words
	}
	return out
}

// foreign reads a table of another server through a mapping for deputy_owner, under a mask and a filter.
func foreign(t *testing.T, l line) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", "worlds", "fdw.sql"))
	if err != nil {
		return err.Error()
	}
	base := fresh("lst")
	rules := "  - {name: m, mask: [s.rem.v], with: {constant: HIDDEN}}\n  - {name: f, filter: [s.rem], where: id = 2}\n"
	w, err := newWorld(on(base, plain)+rules,
		map[string]string{base: strings.Replace(string(content), "dbname 'lst'", "dbname '"+base+"'", 1)})
	if err == nil {
		err = w.bootstrap()
	}
	if err == nil {
		err = load(base, `CREATE USER MAPPING FOR deputy_owner SERVER loop
			OPTIONS (user 'postgres', password_required 'false')`)
	}
	if err == nil {
		err = w.serve()
	}
	defer w.stop()
	if err != nil {
		return err.Error()
	}
	got, err := w.query(t, l, "SELECT r.id, r.v, b.v FROM s.rem r JOIN s.base b USING (id)")
	if err != nil {
		return err.Error()
	}
	return differ([][]string{{"2", "HIDDEN", "y"}}, got.Rows, true)
}

const tables = 2500

// many are so many tables, as a list for FROM.
func many(n int) string {
	var names []string
	for i := 1; i <= n; i++ {
		names = append(names, fmt.Sprintf("s.t%d", i))
	}
	return strings.Join(names, ", ")
}

var bigWorld *sharedWorld

func answered(string) bool { return true }

// big asks a database of many tables and wide ones. Without SQL it lists them.
func big(table, sql string, right func(text string) bool) func(*testing.T, line) string {
	return func(t *testing.T, l line) string {
		if testing.Short() {
			t.Skip("a database of many tables takes a while")
		}
		if bigWorld == nil {
			bigWorld = &sharedWorld{}
			bigWorld.world, bigWorld.err = startBig()
			shared["2,500 tables"] = bigWorld
		}
		w, err := bigWorld.world, bigWorld.err
		if err != nil {
			return err.Error()
		}
		s := w.ask(l, "anna")
		if s.err != nil {
			return s.err.Error()
		}
		var got any
		if sql == "" {
			got, err = s.client.Describe(t.Context(), map[string]any{})
		} else {
			got, err = s.client.Query(t.Context(), map[string]any{"sql": sql})
		}
		if err != nil {
			return fmt.Sprintf("%s: %v", table, err)
		}
		text, _ := json.Marshal(got)
		return wrongUnless(right(string(text)), "the answer has %d characters", len(text))
	}
}

func startBig() (*world, error) {
	var columns []string
	for i := range 1600 {
		columns = append(columns, fmt.Sprintf("c%d varchar", i))
	}
	wide := strings.Join(columns, ", ")
	script := fmt.Sprintf(`CREATE SCHEMA s;
		CREATE TABLE s.wide(%s); INSERT INTO s.wide(c0) VALUES ('a');
		CREATE TABLE s.wide_fp(%[1]s); INSERT INTO s.wide_fp(c0) VALUES ('a');
		DO $$ BEGIN FOR i IN 1..%d LOOP EXECUTE format('CREATE TABLE s.t%%s AS SELECT 1 AS id', i); END LOOP; END $$;`,
		wide, tables)
	mask := "  - {name: fp, mask: [s.wide_fp.*], with: format_preserving}\n"
	w, err := newWorld(on("big", plain)+mask, map[string]string{"big": script})
	if err == nil {
		err = w.bootstrap()
	}
	if err == nil {
		err = w.serve()
	}
	return w, err
}

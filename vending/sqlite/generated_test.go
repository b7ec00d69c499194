package sqlite

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"deputy/entitlements"
	"deputy/entitlements/expression"
	"deputy/vending"
	"deputy/vending/sqlite/sqltext"
)

// generated is the file of the generated statements, and the part of it that one caller may see.
func generated(t *testing.T) (e *Engine, access []entitlements.Access, g *generator) {
	path := manifold(t,
		`CREATE TABLE t1 (k INTEGER PRIMARY KEY, g TEXT, n INTEGER, m TEXT)`, `CREATE TABLE t2 (k INTEGER, g TEXT, n INTEGER)`,
		`CREATE TABLE t3 (g TEXT PRIMARY KEY, m INTEGER) WITHOUT ROWID`, `CREATE TABLE "odd name" (k INTEGER, twice AS (k * 2), m)`,
		`CREATE TABLE single (k INTEGER)`, `CREATE INDEX i1 ON t1 (n, m)`, `CREATE INDEX i2 ON t2 (g) WHERE n > 1`, `CREATE INDEX i3 ON t2 (k, n)`,
		`INSERT INTO t1 VALUES (1, 'x', 2, 'hush1'), (2, 'y', NULL, 'hush2'), (3, 'x', 1, 'hush3'), (7, NULL, 3, NULL)`,
		`INSERT INTO t2 VALUES (1, 'v', 1), (1, 'y', 2), (2, 'x', 3), (NULL, 'z', 1), (9, 'hidden', 9)`,
		`INSERT INTO t3 VALUES ('x', 1), ('y', 2), ('w', 3)`, `INSERT INTO "odd name" VALUES (1, 'a'), (2, 'b'), (3, NULL)`,
		`INSERT INTO single VALUES (1), (3)`, `ANALYZE`)
	e = newEngine(t, path)
	masked := map[string]entitlements.Mask{"m": {Kind: entitlements.MaskConstant, Constant: "1"}}
	filter := entitlements.Filter{Policy: "p", Where: []expression.Part{
		{SQL: `sales.t2.n < 9 AND NOT EXISTS (SELECT 1 FROM sales.secret WHERE sales.secret.name = sales.t2.g)`}}}
	access = []entitlements.Access{
		open(t, e, "t1", map[string]entitlements.Mask{"m": {Kind: entitlements.MaskHash}}), open(t, e, "t2", nil, filter),
		open(t, e, "t3", masked), open(t, e, "odd name", nil), open(t, e, "single", nil),
	}
	g = &generator{
		percent: 3,
		tables: []relation{
			{`t1`, []string{"k", "g", "n", "m"}}, {`sales.t1`, []string{"k", "g", "n", "m"}}, {`t2`, []string{"k", "g", "n"}},
			{`sales.t2`, []string{"k", "g", "n"}}, {`"t3"`, []string{"g", "m"}}, {`"odd name"`, []string{"k", "m"}}, {`single`, []string{"k"}},
		},
		others: []relation{
			{`secret`, []string{"k", "name"}}, {`secret`, []string{"k"}}, {`sales.secret`, []string{"k"}}, {`"quo""ted"`, []string{"k"}}, {`made`, []string{"k", "twice"}},
			{`"ünï 表"`, []string{"k"}}, {`flat`, []string{"k", "name"}}, {`staff`, []string{"k", "name"}}, {`counted`, []string{"k"}},
			{`sqlite_stat1`, []string{"tbl", "idx"}}, {`sqlite_sequence`, []string{"name", "seq"}}, {`docs_content`, []string{"id", "c0"}},
			{`areas`, []string{"k", "x0"}},
			{`main.t1`, []string{"k"}}, {`temp.secret`, []string{"k"}}, {`main.secret`, []string{"k"}},
			{`nothing`, []string{"k", "g"}},
			{`sqlite_schema`, []string{"name", "sql"}}, {`sqlite_temp_schema`, []string{"name", "sql"}}, {`pragma_table_list`, []string{"name", "ncol"}},
		},
	}
	return e, access, g
}

// visible is a plain database, attached as sales, that holds what the caller may see and nothing else.
func visible(t *testing.T, e *Engine, access []entitlements.Access) *sqlite3.Conn {
	t.Helper()
	db, err := sqlite3.Open(":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	must := func(sql string) {
		if err := db.Exec(sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	must(`ATTACH ':memory:' AS sales`)
	for _, a := range access {
		var columns []string
		for _, c := range a.Columns {
			declared := c.Type
			if len(c.Masks) > 0 {
				declared = ""
			}
			columns = append(columns, sqltext.Quote(c.Name)+" "+declared)
		}
		name := `sales.` + sqltext.Quote(a.Table.Name)
		must(`CREATE TABLE ` + name + ` (` + strings.Join(columns, ", ") + `)`)
		result, err := e.Run(t.Context(), lease(`SELECT * FROM `+name, a))
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range result.Rows {
			var cells []string
			for _, v := range row {
				switch v := v.(type) {
				case nil:
					cells = append(cells, "NULL")
				case string:
					cells = append(cells, sqltext.Literal(v))
				default:
					cells = append(cells, fmt.Sprint(v))
				}
			}
			must(`INSERT INTO ` + name + ` VALUES (` + strings.Join(cells, ", ") + `)`)
		}
	}
	return db
}

// rowsOf reads a statement to its end, in an order of its own.
func rowsOf(stmt *sqlite3.Stmt) (string, error) {
	var rows []string
	for stmt.Step() {
		row := ""
		for i := range stmt.ColumnCount() {
			if row += "|"; stmt.ColumnType(i) == sqlite3.NULL {
				row += "<nil>"
			} else {
				row += stmt.ColumnText(i)
			}
		}
		rows = append(rows, row)
	}
	slices.Sort(rows)
	return strings.Join(rows, "\n"), stmt.Err()
}

// attempt is one generated statement with what plain SQLite says to it where nothing is hidden, because nothing else is
// there.
type attempt struct {
	sql, want string
	wrong     error
}

func (g *generator) attempt(plain *sqlite3.Conn) attempt {
	t := attempt{sql: g.statement()}
	stmt, _, err := plain.Prepare(strings.ReplaceAll(t.sql, "main.t1", "sales.t1")) // main is the file's own name
	if t.wrong = err; err == nil {
		t.want, t.wrong = rowsOf(stmt)
		stmt.Close()
	}
	return t
}

// refusable are statements that plain SQLite may answer and Deputy does not: of schema tables and pragmas, which a
// plain database has.
func (t attempt) refusable() bool {
	return t.wrong != nil || strings.Contains(t.sql, "sqlite_") || strings.Contains(t.sql, "pragma_")
}

// within makes a session of the lease, with the names that are not in it hidden or not.
func (e *Engine) within(t *testing.T, access []entitlements.Access, hidden bool, f func(*session, objects) error) {
	t.Helper()
	n, err := e.randomNames()
	if err != nil {
		t.Fatal(err)
	}
	err = e.withFile(t.Context(), n.lure, func(c conn) error {
		if err := c.attach(e.uri, n.File); err != nil {
			return err
		}
		v, err := e.newVend(c, n, time.Now())
		if err != nil {
			return err
		}
		if hidden {
			err = v.views(access)
		}
		for _, a := range access {
			if hidden || err != nil {
				break
			}
			var public string
			if public, err = v.inner(a); err == nil {
				err = c.Exec(public)
			}
		}
		if err != nil {
			return err
		}
		s, err := v.session(lease(`SELECT 1`))
		if err != nil {
			return err
		}
		return f(s, v.objects)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// point makes another statement the session's own.
func (s *session) point(e *Engine, sql string, access []entitlements.Access) {
	l := lease(sql, access...)
	s.sql, s.text, s.guard.acts = sql, e.retarget(l), false
}

// Each of 10,000 statements is right or refused, and none opens a b-tree outside of the lease.
func TestGenerated(t *testing.T) {
	const statements = 10_000
	e, access, g := generated(t)
	g.Rand = rand.New(rand.NewPCG(11, 1))
	plain := visible(t, e, access)
	count := map[string]int{}
	e.within(t, access, true, func(s *session, objects objects) error {
		for range statements {
			attempt := g.attempt(plain)
			s.point(e, attempt.sql, access)
			if byName.MatchString(attempt.sql) {
				count["join by name"]++
			}
			stmt, err := s.prepare()
			if err != nil {
				if count["refused"]++; !attempt.refusable() {
					t.Errorf("%s\nis refused: %v", attempt.sql, err)
				}
				continue
			}
			opens, err := s.explain(s.text.SQL)
			if err != nil {
				return err
			}
			for _, o := range opens.trees {
				count["b-trees"]++
				if o.database != data || !slices.Contains([]string{"t1", "t2", "t3", "odd name", "single", "secret"}, objects.owners[o.root]) {
					t.Errorf("%s\nopens %+v", attempt.sql, o)
				}
			}
			got, err := rowsOf(stmt)
			stmt.Close()
			switch {
			case (err == nil) != (attempt.wrong == nil):
				t.Errorf("%s\nends with %v, not with %v", attempt.sql, err, attempt.wrong)
			case err == nil && got != attempt.want:
				t.Errorf("%s\ngives\n%s\nnot\n%s", attempt.sql, got, attempt.want)
			default:
				count["right"]++
			}
		}
		return nil
	})
	t.Logf("%d statements: %v", statements, count)
	if count["right"] < statements/2 || count["refused"] < statements/10 || count["join by name"] < statements/4 {
		t.Errorf("the statements are of too few kinds: %v", count)
	}
}

// Where no name is hidden, the authorizer lets many statements open a hidden table. The byte code stops each.
func TestGeneratedUnhidden(t *testing.T) {
	const statements = 3_000
	e, access, g := generated(t)
	g.Rand, g.percent = rand.New(rand.NewPCG(11, 2)), 20
	count := map[string]int{}
	e.within(t, access, false, func(s *session, objects objects) error {
		for range statements {
			s.point(e, g.statement(), access)
			stmt, err := s.prepareRead(s.text.SQL, nil)
			stmt.Close()
			if err != nil || s.guard.acts {
				count["refused by the authorizer"]++
				continue
			}
			opens, err := s.explain(s.text.SQL)
			if err != nil {
				return err
			}
			outside := slices.ContainsFunc(opens.trees, func(o tree) bool { return o.database != data })
			if outside {
				count["open a b-tree that the authorizer was not asked about"]++
			}
			if stmt, err = s.prepare(); outside && err == nil {
				t.Errorf("%s\nopens %+v", s.sql, opens.trees)
			}
			stmt.Close()
		}
		return nil
	})
	t.Logf("%d statements: %v", statements, count)
	if count["open a b-tree that the authorizer was not asked about"] < statements/50 {
		t.Errorf("the authorizer alone stops too much for this test: %v", count)
	}
}

// The whole way of a call: what the analysis finds is decided about, and the views have the columns that it names and
// no others.
func TestGeneratedWholeWay(t *testing.T) {
	const statements = 500
	e, access, g := generated(t)
	g.Rand = rand.New(rand.NewPCG(11, 3))
	plain := visible(t, e, access)
	count := map[string]int{}
	for range statements {
		attempt := g.attempt(plain)
		result, err := e.asCaller(t, attempt.sql, access)
		if err != nil {
			if count["refused"]++; !attempt.refusable() {
				t.Errorf("%s\nis refused: %v", attempt.sql, err)
			}
			continue
		}
		var rows []string
		for _, row := range result.Rows {
			text := ""
			for _, cell := range row {
				text += "|" + fmt.Sprint(cell)
			}
			rows = append(rows, text)
		}
		slices.Sort(rows)
		switch got := strings.Join(rows, "\n"); {
		case result.Truncated:
			count["truncated"]++
		case attempt.wrong != nil || got != attempt.want:
			t.Errorf("%s\ngives\n%s\nnot\n%s (%v)", attempt.sql, got, attempt.want, attempt.wrong)
		default:
			count["right"]++
		}
	}
	t.Logf("%d statements: %v", statements, count)
}

// asCaller decides about each table of the analysis as the query tool does, and runs the statement.
func (e *Engine) asCaller(t *testing.T, sql string, access []entitlements.Access) (vending.Result, error) {
	s, err := e.Analyze(t.Context(), sql)
	if err == nil {
		err = vending.Gate(s)
	}
	if err != nil {
		return vending.Result{}, err
	}
	var granted []entitlements.Access
	for _, use := range s.Tables {
		i := slices.IndexFunc(access, func(a entitlements.Access) bool { return a.Table == use.Table })
		if i < 0 {
			return vending.Result{}, fmt.Errorf("%s is not granted", use.Table)
		}
		a := access[i]
		if !use.All {
			a.Columns = slices.DeleteFunc(slices.Clone(a.Columns), func(c entitlements.ColumnAccess) bool {
				return !slices.Contains(use.Columns, c.Name)
			})
		}
		granted = append(granted, a)
	}
	return e.Run(t.Context(), lease(sql, granted...))
}

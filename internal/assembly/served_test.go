package assembly_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/rs/zerolog"

	"deputy/identity"
	"deputy/internal/assembly"
	"deputy/internal/config"
	"deputy/internal/demo"
	"deputy/internal/testkit/serving"
	"deputy/internal/testkit/throwaway"
	"deputy/mcp/httpd"
	"deputy/tools"
)

// pair is a world with a second platform, a SQLite file.
type pair struct {
	*world
	file string
}

// withBeside begins where nothing is in trouble.
func withBeside(t *testing.T, engine string) *pair {
	t.Helper()
	b := &pair{world: follow(t, engine), file: filepath.Join(t.TempDir(), "beside.db")}
	b.exec(
		"CREATE TABLE customer_orders (lastname text, region text); INSERT INTO customer_orders VALUES ('Kim', 'EU');" +
			"CREATE TABLE regions (region text); INSERT INTO regions VALUES ('EU')",
	)
	b.text = b.but("platforms:\n", "platforms:\n  beside: {engine: sqlite, path: '"+b.file+"', schema: sales}\n")
	return b
}

func (b *pair) exec(sql string) {
	b.t.Helper()
	db, err := sqlite3.Open(b.file)
	if err != nil {
		b.t.Fatal(err)
	}
	defer db.Close()
	if err := db.Exec(sql); err != nil {
		b.t.Fatal(err)
	}
}

func (b *pair) move(from, to string) {
	b.t.Helper()
	if err := os.Rename(from, to); err != nil {
		b.t.Fatal(err)
	}
}

// start ends the server and starts another one, as it is started for the first time or with its catalog file.
func (b *pair) start(first bool) error {
	b.t.Helper()
	b.write(b.text)
	b.Close()
	if first {
		os.Remove(filepath.Join(filepath.Dir(b.file), "deputy-catalog.json"))
		os.Remove(filepath.Join(filepath.Dir(b.world.file), "deputy-catalog.json"))
	}
	next, err := assembly.Follow(b.t.Context(), b.load, func(string) zerolog.Logger { return zerolog.New(&b.log) })
	if err == nil {
		b.Live = next
	}
	return err
}

// asks is what Taylor gets for a statement on the second platform.
func (b *pair) asks(sql string) string {
	b.t.Helper()
	g, end := b.Begin(b.t.Context())
	defer end()
	who, err := g.Authenticator().Authenticate(b.t.Context(),
		identity.Credentials{AgentKey: b.stage.AgentKey, UserToken: b.stage.Token(demo.Taylor)})
	if err != nil {
		return err.Error()
	}
	r, err := g.Tools().Query(b.t.Context(), tools.Call{Principal: who, Client: "test"},
		tools.QueryArgs{SQL: sql, Platform: "beside"})
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(r.Rows[0][0])
}

// soon waits until something holds, as long as a slow machine may need.
func (w *world) soon(what string, holds func() bool) {
	w.t.Helper()
	for start := time.Now(); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Since(start) > time.Minute {
			w.t.Fatalf("%s: never: %q\n%s", what, w.Notice(), w.log.String())
		}
	}
}

const theirNames, theirRegions = "SELECT lastname FROM customer_orders", "SELECT region FROM regions"

// Whatever befalls one of two platforms: the other is served from the start on, and of the one in trouble what can be.
// It heals without a signal.
func TestStartServesTheRest(t *testing.T) {
	for name, tt := range map[string]struct {
		trouble, heal func(*pair)
		serves        bool   // the platform's other table
		part          string // the platform in /readyz
		notice        string
	}{
		"out of reach": {
			func(b *pair) { b.move(b.file, b.file+".away") }, func(b *pair) { b.move(b.file+".away", b.file) },
			false, `"beside":{"status":"out_of_reach"}`, "platform beside is closed (out_of_reach)",
		},
		"no database": {
			func(b *pair) {
				b.move(b.file, b.file+".away")
				os.WriteFile(b.file, []byte(strings.Repeat("no database ", 100)), 0o600)
			},
			func(b *pair) { b.move(b.file+".away", b.file) },
			false, `"beside":{"status":"out_of_reach"}`, "platform beside is closed (out_of_reach)",
		},
		"a renamed masked column": {
			func(b *pair) { b.exec("ALTER TABLE customer_orders RENAME COLUMN lastname TO surname") },
			func(b *pair) { b.exec("ALTER TABLE customer_orders RENAME COLUMN surname TO lastname") },
			true, `"beside":{"status":"ready","closed_tables":1}`, "tag PII (deputy.yaml:",
		},
		"a dropped tagged column": {
			func(b *pair) { b.exec("ALTER TABLE customer_orders DROP COLUMN lastname") },
			func(b *pair) {
				b.exec("DROP TABLE customer_orders; CREATE TABLE customer_orders (lastname text, region text);" +
					"INSERT INTO customer_orders VALUES ('Kim', 'EU')")
			},
			true, `"beside":{"status":"ready","closed_tables":1}`, "tag PII (deputy.yaml:",
		},
		"SQL that the database does not understand": {
			func(b *pair) {
				b.exec("ALTER TABLE customer_orders RENAME COLUMN region TO area")
				b.text = strings.Replace(b.text, "policies:\n", "policies:\n"+
					"  - {name: east, platform: beside, filter: [sales.customer_orders], where: region <> ''}\n", 1)
			},
			func(b *pair) { b.exec("ALTER TABLE customer_orders RENAME COLUMN area TO region") },
			true, `"beside":{"status":"ready","closed_tables":1,"policies":["east"]}`, `policy "east" (deputy.yaml:`,
		},
	} {
		for when, first := range map[string]bool{"for the first time": true, "again": false} {
			t.Run(name+" "+when, func(t *testing.T) {
				b := withBeside(t, config.SQLite)
				if err := b.start(true); err != nil {
					t.Fatal(err)
				}
				tt.trouble(b)
				if err := b.start(first); err != nil {
					t.Fatalf("it does not start: %v", err)
				}
				url := b.serve()
				if got := b.sees(); got != "REDACTED" {
					t.Errorf("on the other platform Taylor sees %s", got)
				}
				if got := b.asks(theirNames); got == "Kim" || !strings.Contains(got, "unavailable: ") {
					t.Errorf("of what is in trouble Taylor gets %s", got)
				}
				if got := b.asks(theirRegions); (got == "EU") != tt.serves {
					t.Errorf("of the rest of the platform Taylor gets %s", got)
				}
				status, body := serving.Get(t, url+"/readyz")
				if status != http.StatusOK || !strings.Contains(body, tt.part) ||
					!strings.Contains(b.Notice(), tt.notice) {
					t.Errorf("/readyz says %d %s", status, body)
				}
				if status, _ := serving.Get(t, url+"/readyz?strict=1"); status != http.StatusServiceUnavailable {
					t.Errorf("/readyz?strict=1 answers %d", status)
				}
				tt.heal(b)
				b.soon("it is served again", func() bool {
					got := b.asks(
						theirNames,
					) // a column that is back under its name is New to a server that never saw it
					return got == "REDACTED" || first && got == "<nil>"
				})
				b.soon("nothing is said any more", func() bool {
					status, _ := serving.Get(t, url+"/readyz?strict=1")
					return status == http.StatusOK && (first || b.Notice() == "")
				})
			})
		}
	}
}

// What is written wrong, and was never otherwise, stops the start when nothing is left to serve; it closes a platform
// beside others.
func TestNamesThatWereNeverThere(t *testing.T) {
	b := withBeside(t, config.SQLite)
	good := b.text
	b.text = strings.Replace(
		good,
		"policies:\n",
		"policies:\n  - {name: odd, mask: [sales.nowhere.ssn], with: null}\n",
		1,
	)
	if err := b.start(true); err == nil || !strings.Contains(err.Error(), "sales.nowhere.ssn") {
		t.Errorf("a mask on a table that is on no platform: the start ends with %v", err)
	}
	b.text = strings.Replace(b.text, "{name: odd,", "{name: odd, platform: beside,", 1)
	if err := b.start(true); err != nil {
		t.Fatal(err)
	}
	if got, other := b.sees(), b.asks(theirNames); got != "REDACTED" || !strings.Contains(other, "unavailable: ") {
		t.Errorf("beside a platform that does not fit, Taylor sees %s, and on that one %s", got, other)
	}
	if !strings.Contains(b.Notice(), "platform beside is closed (does_not_fit)") {
		t.Errorf("the notice is %q", b.Notice())
	}
	// While the platform is out of reach, it is not known whether the name is wrong. Once it is back, it is.
	b.text = strings.Replace(b.text, "platform: beside,", "", 1)
	b.move(b.file, b.file+".away")
	if err := b.start(true); err != nil {
		t.Fatal(err)
	}
	if got := b.sees(); got != "REDACTED" {
		t.Errorf("beside a platform out of reach, Taylor sees %s", got)
	}
	b.move(b.file+".away", b.file)
	b.soon("the wrong name closes both", func() bool {
		got := b.sees() // the platform is not one of those on which anything can be seen any more
		return strings.Contains(got, "unavailable: ") || strings.Contains(got, "there is no platform of that name")
	})
}

// What a platform has when it is first reached is known from then on, though the server began without it.
func TestLatePlatformIsKept(t *testing.T) {
	b := withBeside(t, config.SQLite)
	b.move(b.file, b.file+".away")
	if err := b.start(true); err != nil {
		t.Fatal(err)
	}
	catalog := filepath.Join(filepath.Dir(b.world.file), "deputy-catalog.json")
	if text, err := os.ReadFile(catalog); err != nil || strings.Contains(string(text), "beside") {
		t.Fatalf("before it was seen, the catalog file says %s (%v)", text, err)
	}
	b.move(b.file+".away", b.file)
	b.soon("it is in the catalog file", func() bool {
		text, _ := os.ReadFile(catalog)
		return strings.Contains(string(text), "beside")
	})
	b.soon("it is served", func() bool { return b.asks(theirNames) == "REDACTED" })
	b.exec("ALTER TABLE customer_orders ADD COLUMN surname text; UPDATE customer_orders SET surname = 'Kim'")
	if err := b.start(false); err != nil {
		t.Fatal(err)
	}
	if got := b.asks("SELECT coalesce(surname, 'hidden') FROM customer_orders"); got != "hidden" {
		t.Errorf("of a column that came later Taylor sees %s", got)
	}
}

// A trouble that is there keeps no edit from being in force.
func TestTroubleHoldsUpNoEdit(t *testing.T) {
	for name, trouble := range map[string]func(*pair){
		"a renamed column": func(b *pair) { b.exec("ALTER TABLE customer_orders RENAME COLUMN lastname TO surname") },
		"out of reach":     func(b *pair) { b.move(b.file, b.file+".away") },
	} {
		t.Run(name, func(t *testing.T) {
			b := withBeside(t, config.SQLite)
			if err := b.start(true); err != nil {
				t.Fatal(err)
			}
			trouble(b)
			b.write(strings.Replace(b.text, masked, unmasked, 1))
			b.soon("the edit is in force", func() bool { return b.sees() == demo.Names[0] })
			if got := b.asks(
				theirNames,
			); !strings.Contains(got, "unavailable") &&
				!strings.Contains(got, "invalid_sql") {
				t.Errorf("of what is in trouble Taylor gets %s", got)
			}
		})
	}
}

// A database that answers nothing, with its connections open, holds up no edit either. It is served again once it
// answers.
func TestSilentPlatformHoldsUpNoEdit(t *testing.T) {
	b := withBeside(t, config.Postgres)
	if err := b.start(true); err != nil {
		t.Fatal(err)
	}
	if got := b.sees(); got != "REDACTED" {
		t.Fatalf("at first Taylor sees %s", got)
	}
	url := b.serve()
	b.stage.Cluster().Freeze()
	t.Cleanup(b.stage.Cluster().Thaw)
	b.write(strings.Replace(b.text, masked, unmasked, 1))
	b.soon("the edit is in force", func() bool { return b.asks(theirNames) == "Kim" })
	b.soon("readiness says which platform", func() bool {
		var says struct{ Platforms map[string]httpd.Part }
		return serving.GetJSON(t, url+"/readyz", &says) == http.StatusOK &&
			says.Platforms["shop"].Status == "silent" && says.Platforms["beside"].Status == httpd.PartReady
	})
	b.stage.Cluster().Thaw()
	b.soon("the other one is served again", func() bool { return b.sees() == demo.Names[0] })
}

// A table that deputy_owner cannot read is closed alone, and named, and keeps nothing from being in force. It is served
// once it can be read.
func TestUnreadableTableIsClosedAlone(t *testing.T) {
	w := follow(t, config.Postgres)
	exec := func(sql string) {
		t.Helper()
		if err := w.stage.Cluster().Exec(throwaway.Superuser, "postgres", sql); err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE TABLE sales.fresh (id int); INSERT INTO sales.fresh VALUES (1);" +
		"REVOKE ALL ON sales.fresh FROM PUBLIC, deputy_owner")
	w.text = w.but("policies:\n", "policies:\n  - {name: fresh, grant: [sales.fresh], to: everyone}\n")
	w.write(w.text)
	os.Remove(filepath.Join(filepath.Dir(w.file), "deputy-catalog.json"))
	w.restart()
	if got := w.sees(); got != "REDACTED" {
		t.Errorf("beside a table that cannot be read, Taylor sees %s", got)
	}
	const sql = "SELECT 'row ' || id FROM sales.fresh"
	if got, _ := w.shows(sql); !strings.Contains(got, "sales.fresh is closed for now: Deputy may not read it yet") {
		t.Errorf("of the table Taylor gets %s", got)
	}
	if !strings.Contains(w.Notice(), "has a table that Deputy cannot read") ||
		!strings.Contains(w.log.String(), `"table":"sales.fresh"`) {
		t.Errorf("it is not said: %q\n%s", w.Notice(), w.log.String())
	}
	w.write(w.but(masked, unmasked))
	w.soon("the edit is in force", func() bool { return w.sees() == demo.Names[0] })
	exec("GRANT SELECT ON sales.fresh TO deputy_owner")
	w.soon("the table is served", func() bool { got, _ := w.shows(sql); return got == "row 1" })
}

// A mistyped name in an edit takes no mask away while another platform was never reached, where the name might be.
func TestTypoBesideUnseenPlatform(t *testing.T) {
	for wrong, mask := range map[string]string{
		"tag": "mask: [tag:PIII]", "table": "mask: [sales.costumer_orders.lastname]",
	} {
		t.Run(wrong, func(t *testing.T) {
			b := withBeside(t, config.SQLite)
			b.move(b.file, b.file+".away")
			if err := b.start(true); err != nil {
				t.Fatal(err)
			}
			b.write(strings.Replace(b.text, "mask: [tag:PII]", mask, 1))
			b.Reload(t.Context())
			for range 3 { // tries
				if got := b.sees(); got != "<nil>" || !strings.Contains(b.Notice(), "not in force yet") {
					t.Fatalf("Taylor sees %s, and the notice is %q", got, b.Notice())
				}
				b.Reload(t.Context())
			}
		})
	}
}

// What is New of a platform that was reached late stays New when the catalog file could not be written meanwhile.
func TestNewStaysNewWhereTheListIsLate(t *testing.T) {
	b := withBeside(t, config.SQLite)
	b.text = strings.Replace(b.text, "PII: [sales.customer_orders.lastname]", "PII: [sales.*.lastname]", 1)
	b.move(b.file, b.file+".away")
	if err := b.start(true); err != nil {
		t.Fatal(err)
	}
	b.write(b.text + "\nnonsense: [\n") // nothing that needs the file can be done
	b.move(b.file+".away", b.file)
	b.soon("it is served", func() bool { return b.asks(theirNames) == "REDACTED" })
	b.exec("ALTER TABLE customer_orders RENAME COLUMN lastname TO surname")
	const sql = "SELECT coalesce(surname, 'hidden') FROM customer_orders"
	b.soon("the renamed column is seen", func() bool { return b.asks(sql) == "hidden" })
	b.write(b.text + "\n# healed\n")
	for range 20 { // the call that takes the file up, and some more
		if got := b.asks(sql); got != "hidden" {
			t.Fatalf("a column that is New is %s", got)
		}
	}
}

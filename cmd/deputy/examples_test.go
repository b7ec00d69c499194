package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"deputy/entitlements"
	"deputy/identity"
	"deputy/internal/admin/check"
	"deputy/internal/config"
	"deputy/internal/testkit/issuer"
	"deputy/internal/testkit/serving"
	"deputy/mcp/client"
	"deputy/tools"
)

// Every file in examples is started here as it stands. demo.yaml is what every stage runs.

// exampleData is the database that postgres.yaml is written for.
const exampleData = `
CREATE SCHEMA sales;
CREATE TABLE sales.customers (id int PRIMARY KEY, lastname text, email text, phone text, ssn text, region text,
  card text, born date, income numeric, manager text);
INSERT INTO sales.customers VALUES
  (1, 'Lindqvist', 'l@example.com', '555-0101', '078-05-1120', 'US-EAST'),
  (2, 'Okafor', 'o@example.com', '555-0102', '219-09-9999', 'US-WEST'),
  (3, 'Tanaka', 't@example.com', '555-0103', '457-55-5462', 'US-CENTRAL');
CREATE TABLE sales.orders (id int PRIMARY KEY, customer_id int, region text, total numeric(10,2), margin numeric(10,2), placed date DEFAULT current_date, team text);
INSERT INTO sales.orders VALUES (10, 1, 'US-EAST', 119, 20), (11, 2, 'US-WEST', 238, 30), (12, 3, 'US-CENTRAL', 357, 40);
CREATE TABLE sales.eu_orders (id int PRIMARY KEY, lastname text, total numeric(10,2));
INSERT INTO sales.eu_orders VALUES (20, 'Marchetti', 59.50);
CREATE FUNCTION public.net_price(numeric) RETURNS numeric LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS 'SELECT round($1 / 1.19, 2)';
CREATE SCHEMA lookup;
CREATE TABLE lookup.countries (country text);
CREATE TABLE lookup.regions (region text, country text);
INSERT INTO lookup.regions VALUES ('US-EAST', 'USA'), ('US-WEST', 'USA'), ('US-CENTRAL', 'USA');
`

// exampleAudience is what postgres.yaml calls itself.
const exampleAudience = "https://deputy.example.com/mcp"

func TestThePostgresExampleWorksFromBootstrapToCall(t *testing.T) {
	c := cluster.Cluster()
	if err := newDatabase(c, "example", exampleData); err != nil {
		t.Fatal(err)
	}
	iss := startIssuer(t)
	key, hash := identity.NewKey(strings.NewReader("an example's randomness has to be long enough"))
	environment := append(
		os.Environ(),
		"OIDC_ISSUER="+iss.URL(),
		"DEPUTY_LOGIN_SECRET=secret",
		"OIDC_CLIENT_SECRET=hunter2",
		"NIGHTLY_REPORT_KEY_SHA256="+hash,
		"DEPUTY_DSN="+asURL(c, "deputy_runner", "example"),
		"DEPUTY_SIGNING_KEY="+signingKey,
		"DEPUTY_ADMIN_DSN="+asURL(c, "dba", "example"),
		"DEPUTY_CONFIG="+copyOf(t, "postgres.yaml"),
	)

	command(t, environment, "bootstrap", "postgres")
	// E-mail and phone numbers show more than other personal data, by their deeper tags, and to analysts more again. That
	// is what the example is to show.
	var findings []check.Finding
	if err := json.Unmarshal([]byte(command(t, environment, "check", "--json")), &findings); err != nil {
		t.Fatal(err)
	}
	if len(findings) == 0 || slices.ContainsFunc(findings, func(f check.Finding) bool {
		return f.Level != "warning" || !strings.Contains(f.Text, "comes first because it is more exact")
	}) {
		t.Errorf("the example has findings: %v", findings)
	}
	if said := command(t, environment, "test"); !strings.Contains(said, " 0 failed") {
		t.Errorf("what the example expects is not so: %s", said)
	}
	address := serving.Address(t)
	runUntilEnd(t, environment, "serve", "--listen", address)
	url := "http://" + address + "/mcp"

	taylor := awaited(
		t,
		url,
		iss.Token(issuer.Claims{Subject: "taylor", ClientID: "sales-chat", Extra: map[string]any{"region": "EU"}}),
		"",
	)
	const asked = `SELECT c.lastname, c.email, c.phone, c.ssn, o.region, public.net_price(o.total) AS net, o.margin, r.country
		FROM sales.customers c JOIN sales.orders o ON o.customer_id = c.id JOIN lookup.regions r ON r.region = o.region ORDER BY o.id`
	answer, err := taylor.Query(t.Context(), map[string]any{"sql": asked})
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range answer.Rows {
		if email, _ := row[1].(string); !regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(email) {
			t.Errorf("row %d has the e-mail %v and not its hash", i, row[1])
		}
		row[1] = "hash"
	}
	if want := [][]any{
		{"REDACTED", "hash", "****0101", nil, "US-EAST", "100.00", nil, "USA"},
		{"REDACTED", "hash", "****0102", nil, "US-WEST", "200.00", nil, "USA"},
	}; !reflect.DeepEqual(answer.Rows, want) {
		t.Errorf("Taylor sees %v", answer.Rows)
	}
	refused(t, taylor, "SELECT * FROM sales.eu_orders")

	report := awaited(t, url, key, "")
	answer, err = report.Query(t.Context(), map[string]any{"sql": "SELECT sum(total) AS total FROM sales.orders"})
	if err != nil || !reflect.DeepEqual(answer.Rows, [][]any{{"357.00"}}) {
		t.Errorf("the nightly report sees %v (%v)", answer, err)
	}
	refused(t, report, "SELECT count(*) FROM sales.customers")
}

func refused(t *testing.T, c *client.Client, sql string) {
	t.Helper()
	_, err := c.Query(t.Context(), map[string]any{"sql": sql})
	var refusal *tools.Refusal
	if !errors.As(err, &refusal) || refusal.Code != tools.NotPermitted {
		t.Errorf("%s is not refused: %v", sql, err)
	}
}

// The reference is complete: an administrator does not have to look for keys elsewhere.
func TestThePostgresExampleHasEveryKey(t *testing.T) {
	text := string(example(t, "postgres.yaml"))
	for _, key := range keys(reflect.TypeFor[config.Config]()) {
		if !regexp.MustCompile(`(?m)^[ #]*(- )?` + key + `:`).MatchString(text) { // SQLite's own in a comment
			t.Errorf("examples/postgres.yaml does not have the key %s", key)
		}
	}
}

func TestThePostgresExampleHasEveryMaskRuleAndMatcher(t *testing.T) {
	c, err := config.Load(filepath.Join("..", "..", "examples", "postgres.yaml"), func(name string) (string, bool) {
		value, ok := map[string]string{
			"OIDC_ISSUER": "https://id.example.com", "DEPUTY_LOGIN_SECRET": "secret", "OIDC_CLIENT_SECRET": "hunter2", "NIGHTLY_REPORT_KEY_SHA256": strings.Repeat("0", 64), "DEPUTY_DSN": "postgres://localhost/shop", "DEPUTY_SIGNING_KEY": signingKey,
		}[name]
		return value, ok
	})
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[entitlements.MaskKind]bool{}
	for _, p := range c.Policies {
		if p.With != nil {
			kinds[p.With.Kind] = true
		}
	}
	for _, kind := range []entitlements.MaskKind{
		entitlements.MaskNull, entitlements.MaskConstant, entitlements.MaskHash, entitlements.MaskFormatPreserving,
		entitlements.MaskBucket, entitlements.MaskTruncate, entitlements.MaskRound, entitlements.MaskEmail,
		entitlements.MaskPartial, entitlements.MaskRegex, entitlements.MaskSQL,
	} {
		if !kinds[kind] {
			t.Errorf("no policy masks with %s", kind)
		}
	}
	policies := string(example(t, "postgres.yaml"))
	_, policies, _ = strings.Cut(policies, "\npolicies:\n")
	for _, form := range []string{
		": everyone", "group:", "attribute:", "user:", "agent:", "agent-group:", "mode:", "{all: [", "{any: [", "{not: ", "to: [",
		"where: ", "match: ", "within: ", "sample: ", "any(:attribute.", "any(:user.groups)", ":user.id", "SELECT", "when: ",
	} {
		if !strings.Contains(policies, form) {
			t.Errorf("no policy shows how to write %q", form)
		}
	}
}

func keys(t reflect.Type) (out []string) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return keys(t.Elem())
	case reflect.Struct:
		for f := range t.Fields() {
			if name := f.Tag.Get("yaml"); name != "" && name != "-" {
				out = append(append(out, name), keys(f.Type)...)
			}
		}
	}
	return out
}

func example(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// copyOf puts an example where its audit log may be written.
func copyOf(t *testing.T, name string) string {
	t.Helper()
	return writeFile(t, name, string(example(t, name)))
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func startIssuer(t *testing.T) *issuer.Issuer {
	t.Helper()
	i, err := issuer.Start(issuer.Config{Audience: exampleAudience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { i.Close() })
	return i
}

// command runs deputy to its end and returns what it said.
func command(t *testing.T, environment []string, args ...string) string {
	t.Helper()
	command := exec.Command(deputyBinary(t), args...)
	command.Env, command.Stderr = environment, os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("deputy %v: %v: %s", args, err, out)
	}
	return string(out)
}

// runUntilEnd runs deputy until the test ends.
func runUntilEnd(t *testing.T, environment []string, args ...string) {
	t.Helper()
	command := exec.Command(deputyBinary(t), args...)
	command.Env, command.Stderr = environment, &bytes.Buffer{}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		command.Process.Signal(syscall.SIGTERM)
		if err := command.Wait(); err != nil {
			t.Errorf("deputy %v ended with %v: %s", args, err, command.Stderr)
		}
	})
}

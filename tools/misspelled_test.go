package tools_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"deputy/entitlements"
	"deputy/internal/config/form"
	"deputy/tools"
	"deputy/tools/platforms"
)

// TestRefusalSpellsName holds that a refusal of a name in the wrong case says how it is written where the caller may
// know of it, and the same as of no table where it is hidden.
func TestRefusalSpellsName(t *testing.T) {
	e := postgresWith(t, "crm", `
		CREATE TABLE "Lead" (id integer, "firstName" text); CREATE TABLE "Pay" (id integer);
		CREATE TABLE "Secret" (id integer); CREATE TABLE "order" (id integer); CREATE TABLE plain (id integer);`)
	p := platforms.Config{Name: "crm", Engine: e, Discoverable: entitlements.Selectors{`crm."Pay"`}}
	policy := `- {name: m, grant: [crm."Lead", crm."order", crm.plain], to: group:Marketing}`
	err := form.Fragment("policies", policy, &p.Policies)
	if err != nil {
		t.Fatal(err)
	}
	made, err := tools.New(t.Context(), tools.Config{
		Platforms: []platforms.Config{p}, Audit: &memory{}, Log: zerolog.Nop(),
		Limits: tools.Limits{MaxRows: 100, MaxBytes: 1 << 20, Timeout: 20 * time.Second, Concurrency: 4},
	})
	if err != nil {
		t.Fatal(err)
	}
	told := func(sql string) (string, string) {
		t.Helper()
		_, err := made.Query(t.Context(), as("taylor", "Marketing"), tools.QueryArgs{SQL: sql})
		r := refusal(t, err)
		return string(r.Code) + ": " + r.Message, r.Hint
	}
	for sql, want := range map[string]string{
		`SELECT id FROM crm.Lead`:                   `write crm."Lead": `,
		`SELECT id FROM lead`:                       `write crm."Lead": `,
		`SELECT l.id FROM plain JOIN CRM.LEAD l`:    `write crm."Lead": `,
		`SELECT id FROM crm.pay`:                    `write crm."Pay": `,
		`SELECT firstname FROM crm."Lead"`:          `write "firstName": `,
		`SELECT l.FirstName FROM crm."Lead" l`:      `write "firstName": `,
		`SELECT firstName FROM crm.Lead`:            `write crm."Lead", "firstName": `,
		`SELECT id FROM order`:                      `write crm."order": `,
		`SELECT id FROM plain, crm.lead`:            `write crm."Lead": `,
		`SELECT lead.nosuch FROM plain`:             ``,
		`SELECT nosuch FROM crm."Lead" WHERE 1 = 1`: ``,
	} {
		message, hint := told(sql)
		if (want == "") == strings.Contains(hint, "write ") || !strings.HasPrefix(hint, want) {
			t.Errorf("%s: %s (%s), not %s", sql, message, hint, want)
		}
	}
	for _, form := range []string{
		`SELECT id FROM crm.%s`, `SELECT id FROM crm."%s"`, `SELECT id FROM %s`, `SELECT 1 FROM plain JOIN %s ON true`,
		`SELECT %s.id FROM plain`, `SELECT "%s" FROM crm.Lead`,
	} {
		hidden, hint := told(strings.ReplaceAll(form, "%s", "Secret"))
		absent, other := told(strings.ReplaceAll(form, "%s", "Secrex"))
		if strings.ReplaceAll(hidden, "ecret", "ecrex") != absent || hint != other {
			t.Errorf("%s: hidden, it says %s (%s); not there, %s (%s)", form, hidden, hint, absent, other)
		}
	}
}

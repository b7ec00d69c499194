package draft

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"deputy/entitlements"
	"deputy/identity"
	"deputy/internal/config"
)

// hostile are names that a database may have, and that must not become anything else in a configuration.
var hostile = []string{
	"orders",
	"e mail",
	"email\npolicies:\n  - {name: x, grant: ['*.*'], to: everyone}\n",
	"a: b",
	"# c",
	"${HOME}",
	"$${HOME}",
	`"`,
	`\`,
	"null",
	"true",
	"- x",
	"a\u0085b",
	"a.b",
	"*",
	"naïve",
	"\u2028",
	"tag:PII",
}

func drafts() []Draft {
	catalog := &entitlements.Catalog{}
	for _, table := range hostile {
		t := entitlements.Table{TableName: entitlements.TableName{Schema: "sales", Name: table}}
		for _, column := range append(hostile, "email", "password") {
			t.Columns = append(t.Columns, entitlements.Column{Name: column + " email", Type: "text", Kind: entitlements.Text},
				entitlements.Column{Name: column, Type: "text", Kind: entitlements.Text})
		}
		catalog.Tables = append(catalog.Tables, t)
	}
	return []Draft{
		{Platform: "shop", Engine: config.SQLite, Path: "it's ${HOME}: a # file.db", Schema: "sales", Catalog: catalog},
		{Platform: "shop", Engine: config.Postgres, Catalog: catalog},
	}
}

func load(t *testing.T, text string) *config.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "deputy.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, hash := identity.NewKey(strings.NewReader(strings.Repeat("not random, and long enough for a key ", 3)))
	variables := map[string]string{
		"ASSISTANT_KEY_SHA256": hash,
		"DEPUTY_DSN":           "postgres://deputy_runner@localhost/shop",
		"DEPUTY_SIGNING_KEY":   strings.Repeat("k", 32),
		"HOME":                 "/root",
	}
	c, err := config.Load(path, func(name string) (string, bool) { v, ok := variables[name]; return v, ok })
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return c
}

func TestADraftDeniesEverything(t *testing.T) {
	for _, d := range drafts() {
		c := load(t, d.YAML())
		if len(c.Policies) != 2 || len(c.Policies[0].Guardrail) != 1 || len(c.Policies[1].Mask) != 1 || len(c.Tags) > 0 ||
			len(c.Platforms) != 1 {
			t.Errorf("with nothing decided, there are policies %v, tags %v, platforms %v", c.Policies, c.Tags, c.Platforms)
		}
		if p := c.Platforms["shop"]; d.Engine == config.SQLite && filepath.Base(p.Path) != d.Path ||
			d.Engine == config.Postgres && (len(p.Schemas) != 1 || p.Schemas[0] != "sales") {
			t.Errorf("the platform is %+v", p)
		}
	}
}

// Whoever takes the # away from the suggestions has a configuration that works.
func TestEverySuggestionCanBeTaken(t *testing.T) {
	for _, d := range drafts() {
		c := load(t, regexp.MustCompile(`(?m)^  # `).ReplaceAllString(d.YAML(), "  "))
		if len(c.Tags) != 2 || len(c.Policies) != 4+len(hostile) {
			t.Errorf("there are %d tags and %d policies", len(c.Tags), len(c.Policies))
		}
		_, problems := entitlements.Compile(
			entitlements.Config{
				Platform: "shop",
				Policies: c.Policies,
				Tags:     c.Tags,
				Catalog:  d.Catalog,
				Accepted: entitlements.Accept(d.Catalog),
			},
		)
		for _, p := range problems {
			t.Errorf("%s: %s", d.Engine, p)
		}
	}
}

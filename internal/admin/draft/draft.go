// Package draft writes a first configuration for a database: it denies everything, and lists what there is to decide.
package draft

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"deputy/entitlements"
	"deputy/internal/admin/scan"
	"deputy/internal/config"
)

// Draft is what a first configuration is about.
type Draft struct {
	Platform string
	Engine   string // config.Postgres or config.SQLite
	Path     string // of a SQLite file, as seen from the configuration
	Schema   string // of a SQLite file
	Catalog  *entitlements.Catalog
}

// YAML is the configuration. Suggestions are comments that begin with "  # ": without it, they are in force.
func (d Draft) YAML() string {
	return d.head() + "\n" + d.agents() + "\n" + d.platforms() + "\n" + d.tags() + "\n" + d.policies() + "\n" + d.rest()
}

func (d Draft) head() string {
	steps := []string{
		`Who calls? "deputy agent key assistant" makes a key; put its hash into the variable ASSISTANT_KEY_SHA256.`,
	}
	if d.Engine == config.Postgres {
		steps = append(steps,
			`Set DEPUTY_DSN (postgres://deputy_runner:PASSWORD@HOST/DATABASE) and DEPUTY_SIGNING_KEY ("openssl rand -hex 32").`,
			`"deputy bootstrap postgres --print" shows what the database needs; without --print it is set up.`)
	}
	steps = append(
		steps,
		`"deputy check" says whether all of it works. Nobody can read anything yet.`,
		`What is in the columns? Look at tags: below; "deputy scan" looks at the values, too.`,
		`Who may read what? Look at policies: below, and ask "deputy explain" what they mean for somebody.`,
		`Write what you expect below tests:, and let "deputy test" try it.`,
		`What appears in the database after the first start is tag:New and hidden; "deputy catalog accept" says that you have seen it.`,
		`"deputy serve", or "deputy stdio" for one agent.`,
	)
	var b strings.Builder
	b.WriteString("# yaml-language-server: $schema=deputy.schema.json\n")
	b.WriteString(
		"# A first configuration of Deputy, made by \"deputy init\". It denies everything. The line above lets editors help with it;\n",
	)
	b.WriteString(
		"# \"deputy schema > deputy.schema.json\" makes the file that it names.\n#\n# What to do and to decide, in this order:\n",
	)
	for i, s := range steps {
		fmt.Fprintf(&b, "# %d. %s\n", i+1, s)
	}
	return b.String()
}

func (d Draft) agents() string {
	return `# For agents that ask on behalf of a human, add identity: with the issuer of your access tokens, and on_behalf_of to modes.
agents:
  - name: assistant
    key_sha256: ["${ASSISTANT_KEY_SHA256}"]
    modes: [autonomous]
`
}

func (d Draft) platforms() string {
	var b strings.Builder
	fmt.Fprintf(&b, "platforms:\n  %s:\n    engine: %s\n", scan.Scalar(d.Platform), d.Engine)
	if d.Engine == config.SQLite {
		fmt.Fprintf(&b, "    path: %s\n    schema: %s\n", word(d.Path), scan.Scalar(d.Schema))
		return b.String()
	}
	var schemas []string
	for _, t := range d.Catalog.Tables {
		if s := word(t.Schema); !slices.Contains(schemas, s) {
			schemas = append(schemas, s)
		}
	}
	b.WriteString("    inherit: true # views are masked and closed as the tables that they are made of\n")
	fmt.Fprintf(
		&b,
		"    dsn: ${DEPUTY_DSN}\n    schemas: [%s]\n    signing_key: ${DEPUTY_SIGNING_KEY}\n",
		strings.Join(schemas, ", "),
	)
	return b.String()
}

// word writes text that is no selector; a ${ in it is no variable.
func word(text string) string { return scan.Scalar(strings.ReplaceAll(text, "${", "$${")) }

// tags are suggested by name.
func (d Draft) tags() string {
	columns := map[string][]string{}
	var names []string
	for _, t := range d.Catalog.Tables {
		for _, c := range t.Columns {
			if tag := scan.ByName(t.TableName, c); tag != "" {
				names = append(names, tag)
				columns[tag] = append(columns[tag], name(t.Schema, t.Name, c.Name))
			}
		}
	}
	slices.Sort(names)
	var b strings.Builder
	b.WriteString("# Words for what is in columns. These look personal or secret by their names.\ntags:\n")
	for _, tag := range slices.Compact(names) {
		fmt.Fprintf(&b, "  # %s:\n", tag)
		for _, c := range columns[tag] {
			fmt.Fprintf(&b, "  #   - %s\n", c)
		}
	}
	return b.String()
}

func (d Draft) policies() string {
	var b strings.Builder
	b.WriteString("# Who may read what. Without a grant, a table does not exist for anybody.\npolicies:\n")
	b.WriteString(
		"  - name: new tables stay closed until somebody has looked at them\n    guardrail: [tag:New]\n    require: group:CHANGE-ME\n",
	)
	b.WriteString(
		"  - name: so do new columns of the others\n    mask: [tag:New]\n    with: null\n    except: group:CHANGE-ME\n",
	)
	found := d.tags()
	for _, mask := range []struct{ tag, policy string }{
		{"PII", "hide personal data\n  #   mask: [tag:PII]\n  #   with: {constant: REDACTED}\n  #   except: group:CHANGE-ME\n"},
		{"Secret", "nobody sees secrets\n  #   mask: [tag:Secret]\n  #   with: null\n"},
	} {
		if strings.Contains(found, "\n  # "+mask.tag) {
			b.WriteString("  # - name: " + mask.policy)
		}
	}
	for _, t := range d.Catalog.Tables {
		fmt.Fprintf(
			&b,
			"  # - name: %s\n  #   grant: [%s]\n  #   to: group:CHANGE-ME\n",
			word("who reads "+printable(t.String())),
			name(t.Schema, t.Name),
		)
	}
	return b.String()
}

func (d Draft) rest() string {
	return "# What you expect, such as \"assistant alone: " + example(
		d.Catalog,
	) + " is denied\".\ntests:\n\naudit:\n  file: deputy-audit.jsonl\n"
}

// example is a table to name in a comment.
func example(c *entitlements.Catalog) string {
	for _, t := range c.Tables {
		if plain := name(t.Schema, t.Name); !strings.HasPrefix(plain, `"`) {
			return plain
		}
	}
	return "sales.orders"
}

func name(parts ...string) string { return strings.ReplaceAll(scan.Quote(parts...), "${", "$${") }

// printable takes out of a policy's name what may not be in one.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}

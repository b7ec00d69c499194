// Package searchpath decides in which schemas PostgreSQL looks names up: those of administrators' SQL, those of
// callers' statements, and those of a statement that is being analysed.
package searchpath

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"deputy/entitlements"
	"deputy/entitlements/expression"
	"deputy/internal/mistake"
	"deputy/vending"
	"deputy/vending/postgres/sqltext"
)

// Config is what the configuration says of schemas.
type Config struct {
	Schemas    []string // governed
	Functions  []string // "schema.name"
	PolicyPath []string // nil: pg_catalog, and the schemas of installed extensions
	Extensions []string // names of those whose members statements may use
}

// Paths are the schemas that names are looked up in. Only schemas that no role but their owner may create in are on
// them: an operator or a function that fits better is called as soon as it is there, and a type is asked for its
// constraints while SQL is only being understood.
type Paths struct {
	Policy  []string // in administrators' SQL
	Callers []string // in callers' statements, behind the governed schemas

	config Config
	// the same where callers' statements are analysed: what only deputy_runner may use is refused there with its reason
	analysis []string
	schemas  []schemaState
	types    []extensionType
	schemaOf map[string]schemaState

	installed []string // extensions
}

// schemaState is a schema that may be on a path.
type schemaState struct {
	Name       string         `db:"name"`
	Open       bool           `db:"open"`       // others than its owner may create in it
	Owner      bool           `db:"owner"`      // deputy_owner may use it
	Runner     bool           `db:"runner"`     // deputy_runner may use it
	Public     bool           `db:"public"`     // every role may use it
	Extensions pq.StringArray `db:"extensions"` // those installed in it, with their versions
}

// extensionType is a type of an extension, or one made of such: an array, a domain, a composite.
type extensionType struct {
	OID       uint32         `db:"oid"`
	Extension string         `db:"extension"`
	Schema    string         `db:"schema"`  // of the extension's type
	Columns   pq.StringArray `db:"columns"` // governed ones: schema, table and column on lines of their own
}

const schemasOfPathsQuery = `
SELECT n.nspname AS name, deputy.others_create(n.oid) AS open, has_schema_privilege('deputy_owner', n.oid, 'USAGE') AS owner,
       has_schema_privilege(n.oid, 'USAGE') AS runner, has_schema_privilege('public', n.oid, 'USAGE') AS public,
       array(SELECT x.extname || ' ' || x.extversion FROM pg_catalog.pg_extension x
         WHERE x.extnamespace = n.oid ORDER BY 1) AS extensions
FROM pg_catalog.pg_namespace n
WHERE n.nspname = ANY ($1) OR EXISTS (SELECT FROM pg_catalog.pg_extension x WHERE x.extnamespace = n.oid)
ORDER BY n.nspname`

const extensionTypesQuery = `
WITH RECURSIVE member AS (
  SELECT t.oid, x.extname, t.typnamespace FROM pg_catalog.pg_depend d
  JOIN pg_catalog.pg_extension x ON x.oid = d.refobjid JOIN pg_catalog.pg_type t ON t.oid = d.objid
  WHERE d.classid = 'pg_catalog.pg_type'::regclass AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e'
  UNION
  SELECT t.oid, m.extname, m.typnamespace FROM member m JOIN (
    SELECT oid, CASE WHEN typcategory = 'A' THEN typelem ELSE typbasetype END AS of FROM pg_catalog.pg_type WHERE typcategory = 'A' OR typbasetype <> 0
    UNION ALL SELECT c.reltype, a.atttypid FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid WHERE c.relkind = 'c'
  ) AS t ON t.of = m.oid
)
SELECT m.oid, m.extname AS extension, n.nspname AS schema, array(
  SELECT DISTINCT g.nspname || E'\n' || c.relname || E'\n' || a.attname FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
  JOIN pg_catalog.pg_namespace g ON g.oid = c.relnamespace WHERE a.atttypid = m.oid AND g.nspname = ANY ($1)) AS columns
FROM member m JOIN pg_catalog.pg_namespace n ON n.oid = m.typnamespace WHERE n.nspname <> 'pg_catalog' ORDER BY m.oid`

// Load asks the database which schemas there are, and who may use them and create in them.
func Load(ctx context.Context, db *sqlx.DB, c Config) (*Paths, error) {
	p := &Paths{config: c, Policy: []string{}, Callers: []string{}, schemaOf: map[string]schemaState{}}
	named := append(c.FunctionSchemas(), c.PolicyPath...)
	if err := db.SelectContext(ctx, &p.schemas, schemasOfPathsQuery, pq.Array(named)); err != nil {
		return nil, err
	}
	if err := db.SelectContext(ctx, &p.types, extensionTypesQuery, pq.Array(c.Schemas)); err != nil {
		return nil, err
	}
	for _, s := range p.schemas {
		p.schemaOf[s.Name] = s
		for _, x := range s.Extensions {
			name, _, _ := strings.Cut(x, " ")
			p.installed = append(p.installed, name)
		}
	}
	wanted := c.PolicyPath
	if wanted == nil {
		wanted = append([]string{"pg_catalog"}, p.withExtensions()...)
	}
	for _, name := range wanted {
		if s := p.schemaOf[name]; name == "pg_catalog" || s.Owner && !s.Open {
			p.Policy = append(p.Policy, name)
		}
	}
	for _, name := range append(c.FunctionSchemas(), p.withExtensions()...) {
		s := p.schemaOf[name]
		if !s.Open && s.Public && !slices.Contains(p.Callers, name) {
			p.Callers = append(p.Callers, name)
		}
		if !s.Open && s.Runner && !slices.Contains(p.analysis, name) {
			p.analysis = append(p.analysis, name)
		}
	}
	return p, nil
}

// withExtensions are the schemas that extensions are installed in, but for pg_catalog, which is looked at first anyway.
func (p *Paths) withExtensions() (names []string) {
	for _, s := range p.schemas {
		if len(s.Extensions) > 0 && s.Name != "pg_catalog" {
			names = append(names, s.Name)
		}
	}
	return names
}

// Understood refuses accesses whose SQL of administrators would not mean what it says. PostgreSQL compares the values
// of a type as text where the operators of its extension are not on the path, and calls what another role put beside
// them where they are named in full. It goes by the words of the SQL: a name that only looks like a column's is refused
// as well.
func (p *Paths) Understood(access []entitlements.Access) error {
	for _, a := range access {
		names := administratorsNames(a)
		for _, s := range p.schemas {
			if s.Open && names[s.Name] {
				return fmt.Errorf("%s: the schema %s%s", a.Table, s.Name, p.whyNot(s.Name))
			}
		}
		for _, t := range p.types {
			if slices.Contains(p.Policy, t.Schema) {
				continue
			}
			for _, c := range t.Columns {
				column := strings.Split(c, "\n")
				if own := a.Table == (entitlements.TableName{Schema: column[0], Name: column[1]}); (own || names[column[1]]) &&
					names[column[2]] {
					return fmt.Errorf(
						"%s: the column %s has a type of the extension %s, and its schema %s%s",
						a.Table,
						column[2],
						t.Extension,
						t.Schema,
						p.whyNot(t.Schema),
					)
				}
			}
		}
	}
	return nil
}

// whyNot says why a schema is not on the policies' path, and what to do.
func (p *Paths) whyNot(schema string) string {
	switch s, there := p.schemaOf[schema]; {
	case there && s.Open:
		return fmt.Sprintf(
			" is open to others: REVOKE CREATE ON SCHEMA %s from all but its owner",
			sqltext.Quote(schema),
		)
	case there && !s.Owner:
		return " is closed to deputy_owner: run deputy bootstrap postgres again"
	}
	return " is not on policy_path: add it"
}

// administratorsNames are the names in the SQL that administrators wrote for an access.
func administratorsNames(a entitlements.Access) map[string]bool {
	var sql strings.Builder
	add := func(parts []expression.Part) {
		for _, p := range parts {
			if p.Variable == expression.ThisColumn {
				continue
			}
			if p.Column != "" {
				sql.WriteString(sqltext.Quote(p.Column))
			}
			sql.WriteString(p.SQL + " ")
		}
	}
	for _, f := range a.Filters {
		add(f.Where)
	}
	for _, c := range a.Columns {
		for _, m := range c.Masks {
			add(m.When)
			add(m.SQL)
			if len(m.SQL) > 0 { // it is about the column, by whatever name
				sql.WriteString(sqltext.Quote(c.Name) + " ")
			}
		}
	}
	names := sqltext.Dialect.Names(sql.String())
	if names[a.Table.Name] { // the whole row, or a column behind its table's name
		for _, c := range a.Columns {
			names[c.Name] = true
		}
	}
	return names
}

// Analysis is the path on which an analysis looks unqualified names up: the governed schemas in their order, then those
// of the named functions and of extensions.
func (p *Paths) Analysis() string {
	return sqltext.Path(append(slices.Clone(p.config.Schemas), p.analysis...))
}

// FunctionSchemas are the schemas of the functions that the configuration names.
func (c Config) FunctionSchemas() []string {
	var out []string
	for _, f := range c.Functions {
		schema, _, ok := strings.Cut(f, ".")
		if ok && schema != "pg_catalog" && !slices.Contains(c.Schemas, schema) && !slices.Contains(out, schema) {
			out = append(out, schema)
		}
	}
	return out
}

// Schemas is what was read of the schemas: it changes when a path may have changed.
func (p *Paths) Schemas() any { return p.schemas }

// Findings says what is not looked up where the configuration or an extension would have it.
func (p *Paths) Findings() (findings []vending.Finding) {
	c := p.config
	for i, name := range c.PolicyPath {
		if !slices.Contains(p.Policy, name) {
			text := fmt.Sprintf("there is no schema %s", name)
			if _, there := p.schemaOf[name]; there {
				text = fmt.Sprintf("the schema %s%s", name, p.whyNot(name))
			}
			findings = append(findings, vending.Finding{Key: mistake.At("policy_path", i), Text: text})
		}
	}
	for i, f := range c.Functions {
		if schema, _, _ := strings.Cut(f, "."); p.schemaOf[schema].Open {
			findings = append(findings, vending.Finding{Key: mistake.At("functions", i), Warning: true,
				Text: fmt.Sprintf("what uses the function %s is refused: its schema%s", f, p.whyNot(schema))})
		}
	}
	for i, name := range c.Extensions {
		if !slices.Contains(p.installed, name) {
			findings = append(findings, vending.Finding{Key: mistake.At("extensions", i),
				Text: fmt.Sprintf("the extension %s is not installed%s", name, mistake.Hint(name, p.installed))})
		}
	}
	for _, s := range p.schemas {
		of := strings.Join(s.Extensions, ", ")
		switch {
		case of == "" || s.Name == "pg_catalog":
		case s.Open:
			findings = append(
				findings,
				vending.Finding{Warning: true, Text: fmt.Sprintf("others than its owner may create in the schema %s, "+
					"so policies and statements that use the extensions in it (%s) are refused: REVOKE CREATE ON SCHEMA %s from all but its owner", s.Name, of, sqltext.Quote(s.Name))},
			)
		case !s.Owner && c.PolicyPath == nil:
			findings = append(
				findings,
				vending.Finding{Warning: true, Text: fmt.Sprintf("deputy_owner may not use the schema %s, "+
					"so policies that use the extensions in it (%s) are refused: run deputy bootstrap postgres again", s.Name, of)},
			)
		case !s.Public:
			findings = append(findings, vending.Finding{Warning: true, Text: fmt.Sprintf("callers may not use the schema %s, "+
				"so statements that use the extensions in it (%s) are refused: GRANT USAGE ON SCHEMA %s TO PUBLIC", s.Name, of, sqltext.Quote(s.Name))})
		}
	}
	return findings
}

// OpenHint says what an administrator can do about a schema that others than its owner may create in.
const OpenHint = "others than its owner may create in its schema, so that it cannot be told from what they put there: " +
	"an administrator can REVOKE CREATE ON SCHEMA from all but its owner"

// Astray are the types of extensions that are on no path of callers, with the reason. Their values would be compared as
// text.
func (p *Paths) Astray() map[uint32]string {
	out := map[uint32]string{}
	for _, t := range p.types {
		if slices.Contains(p.Callers, t.Schema) {
			continue
		}
		why := "not every role may use the schema " + t.Schema + ": an administrator can GRANT USAGE ON SCHEMA " +
			sqltext.Quote(t.Schema) + " TO PUBLIC"
		if p.schemaOf[t.Schema].Open {
			why = OpenHint
		}
		out[t.OID] = why
	}
	return out
}

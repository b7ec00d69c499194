package form

import (
	"fmt"
	"regexp"
	"unicode/utf8"

	"deputy/entitlements"
)

// The sections about what is governed, and what holds there.

// MinSecret is the length of the shortest key that signs or hashes, in characters.
const MinSecret = 32

// MissingSecret is said, with what the key is for, when there is none.
const MissingSecret = "missing: 32 random characters or more that %s (openssl rand -hex 32 makes them)"

// longSecret is a key that signs or hashes.
var longSecret = secret(Kind{
	describe: func(Kind) *Schema { return matching(fmt.Sprintf(`.{%d,}`, MinSecret)) },
	judge: func(text, written string) string {
		switch {
		case bareVariable.MatchString(written):
			return "a variable stands in braces: write ${NAME}"
		case text != "" && utf8.RuneCountInString(text) < MinSecret:
			return "too short: it needs 32 random characters or more (openssl rand -hex 32 makes them)"
		}
		return ""
	},
})

var bareVariable = regexp.MustCompile(`^\$[A-Za-z_][A-Za-z0-9_]*$`) // as a shell takes it

var platform = &Section{
	Name: "Platform", Doc: "One database that is governed.", Variant: "engine",
	Keys: []Key{
		{Name: "engine", Kind: oneOf("postgres", "sqlite"), Missing: "missing: write postgres or sqlite",
			Doc: "What kind of database it is."},
		{Name: "description", Kind: text, Doc: "What is in the database, for the model."},
		{Name: "discoverable", Kind: selectors("Tables"),
			Doc: "Tables whose names are also told to callers who cannot read them."},
		{Name: "inherit", Kind: yes, Default: "false",
			Doc: "With true, what closes the tables that a view is made of closes the view."},

		{Name: "dsn", Kind: secret(text), Of: "postgres", Doc: "The address of the database as deputy_runner.",
			Missing: "missing: how deputy_runner connects, such as postgres://deputy_runner@localhost/sales"},
		{Name: "schemas", Kind: distinct(list(text)), Of: "postgres", Missing: "missing: which schemas are governed",
			Doc: "The schemas that are governed."},
		{Name: "signing_key", Kind: longSecret, Of: "postgres",
			Missing: fmt.Sprintf(MissingSecret, "sign what the database lets in"),
			Doc:     "The key that signs what the database lets in, as given to deputy bootstrap."},
		{Name: "functions", Kind: distinct(list(pattern("schema.name", `[^.\s]+\.[^.\s]+`).saying("write schema.function"))),
			Of: "postgres", Without: "none",
			Doc: "The functions that statements and policies may call beside the built-in ones."},
		{Name: "policy_path", Kind: distinct(list(pattern("schema", `[^$].*`))), Of: "postgres",
			Without: "pg_catalog and those of installed extensions",
			Doc:     "The schemas that names in policies' SQL are looked up in."},
		{Name: "extensions", Kind: distinct(list(text)), Of: "postgres", Without: "none",
			Doc: "Installed extensions that statements may use beside the well-known ones, as far as they only compute."},

		{Name: "path", Kind: text, Of: "sqlite", Missing: "missing: where the database file is",
			Doc: "The path of the database file."},
		{Name: "schema", Kind: text, Of: "sqlite", Without: "data", Doc: "What the tables are called before the dot."},
		{Name: "hash_key", Kind: longSecret, Of: "sqlite",
			Doc: "32 random characters or more. The masks hash and format_preserving and the rule sample need it."},
	},
}

// sqlText is never empty, since that would mean something else than no condition.
var sqlText = Kind{Word: "SQL", describe: always("NonEmpty"), judge: func(text, _ string) string {
	if text == "" {
		return "it is empty: write an expression"
	}
	return ""
}}

var policy = &Section{
	Name: "Policy", Doc: "One rule: exactly one of grant, guardrail, mask and filter says what it is about.",
	OneOf: []string{"grant", "guardrail", "mask", "filter"}, NotBoth: []string{"for", "except"}, more: policyKinds,
	Keys: []Key{
		{Name: "name", Kind: nonEmpty(""), Needed: true, Doc: "A sentence of its own. Records and explanations show it."},
		{Name: "platform", Kind: text, Without: "every platform", Doc: "The only platform that the policy is about."},
		{Name: "grant", Kind: selectors("Tables"), Doc: "The tables that are opened to those behind to."},
		{Name: "guardrail", Kind: selectors("Tables"),
			Doc: "The tables that are closed to all but those behind require, whatever grants say."},
		{Name: "mask", Kind: selectors("Columns"), Doc: "The columns whose values are hidden by the mask behind with."},
		{Name: "filter", Kind: selectors("Tables"),
			Doc: "The tables of which only the rows are seen that meet every rule: where, match, within, sample."},
		{Name: "to", Kind: matcher, Doc: "Of a grant: whom the tables are opened to."},
		{Name: "require", Kind: matcher, Doc: "Of a guardrail: what must hold."},
		{Name: "for", Kind: matcher, Without: "everyone", Doc: "Of a mask or filter: the only ones it is for."},
		{Name: "except", Kind: matcher, Without: "no one", Doc: "Of a mask or filter: all but these are what it is for."},
		{Name: "with", Kind: mask, Doc: "Of a mask: what the values become."},
		{Name: "when", Kind: sqlText, Without: "every row",
			Doc: "Of a mask: only the cells of rows are hidden that this condition holds for, or may hold for."},
		{Name: "where", Kind: sqlText,
			Doc: "Of a filter: the rows are seen that this condition holds for, such as region = any(:attribute.region)."},
		{Name: "match", Kind: matchColumn,
			Doc: "Of a filter: the rows are seen whose column has one of the caller's values."},
		{Name: "within", Kind: within, Doc: "Of a filter: the rows of the last days are seen."},
		{Name: "sample", Kind: sample, Doc: "Of a filter: a share of the rows is seen, the same ones in every call."},
	},
}

// policyRows are the keys that only policies of one kind have, or of two; need are those that they must have.
var policyRows = []struct {
	name      string
	own, need []string
}{
	{"grant", []string{"to"}, []string{"to"}},
	{"guardrail", []string{"require"}, []string{"require"}},
	{"mask", []string{"with", "when", "for", "except"}, []string{"with"}},
	{"filter", []string{"where", "match", "within", "sample", "for", "except"}, nil},
}

// policyKinds tells the schema which keys belong to which kind of policy, as Policy.misfits of entitlements has it.
func policyKinds(s *Schema) {
	var all []string
	for _, k := range policyRows {
		all = append(append(all, k.name), k.own...)
	}
	for _, k := range policyRows {
		then := without(all, append([]string{k.name}, k.own...))
		then.Required = k.need
		if k.name == "filter" {
			then.AnyOf = oneRequired(k.own[:4])
		}
		s.AllOf = append(s.AllOf, &Schema{If: &Schema{Required: []string{k.name}}, Then: then})
	}
}

var matchSection = &Section{
	Name: "MatchColumn", Doc: "The rows whose column has one of the values of the caller's attribute.",
	Keys: []Key{
		{Name: "column", Kind: nonEmpty(""), Needed: true, Doc: "The name of a column of the table."},
		{Name: "attribute", Kind: pattern("name", entitlements.AttributeName), Needed: true,
			Doc: "The name of an attribute of the caller. Of several values, any counts."},
	},
}

var withinSection = &Section{
	Name: "Within", Doc: "The rows whose column, a date or time, is not older than that and not in the future.",
	Keys: []Key{
		{Name: "column", Kind: nonEmpty(""), Needed: true, Doc: "The name of a column that is a date or a time."},
		{Name: "last", Kind: pattern("hours, days or weeks", `[1-9][0-9]{0,5}[hdw]`), Needed: true,
			Doc: "How far back, in hours, days or weeks: 12h, 90d, 4w."},
	},
}

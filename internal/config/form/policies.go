package form

import (
	"strings"

	"deputy/entitlements"
)

// The kinds of policies' values, and what the schema says of them.

const (
	namePart = `("([^"]|"")+"|[\p{L}\p{N}_$*?-]+)`
	tables   = namePart + `(\.` + namePart + `)?`
	columns  = namePart + `\.` + namePart + `\.` + namePart
	tagged   = `tag:` + entitlements.TagName
	percent  = `[0-9]{1,2}(\.[0-9]{1,4})?%`
)

var (
	matcher     = Kind{Word: "matcher", describe: always("Matcher"), own: readMatcher}
	mask        = Kind{Word: "mask", describe: always("Mask"), part: maskSection, own: readMask}
	tags        = Kind{Word: "tags", describe: always("Tags"), own: readTags}
	matchColumn = section(matchSection).readBy(readMatch)
	within      = section(withinSection).readBy(readWithin)
	sample      = Kind{Word: "percentage", describe: always("Sample"), own: readSample}
	values      = list(text).readBy(readValues)
	// sentence is a text with a colon in it, which YAML may have read as the end of a key.
	sentence = Kind{Word: "sentences", own: readSentence, describe: func(Kind) *Schema {
		s := matching(`.+:.+`)
		s.Description = "taylor via sales-assistant: customers.lastname is masked, sees 5 rows"
		more := atLeastOne(list(nonEmpty("")))
		return anyOf(s, &Schema{Type: "object", MinProperties: 1, MaxProperties: 1, AdditionalProperties: more.schema()})
	}}
)

// selectors are names of tables or columns, as one of three definitions of the schema has it.
func selectors(definition string) Kind {
	return Kind{Word: "selectors", describe: always(definition), own: readSelectors}
}

// sharedSchemas are the definitions that no section is.
func sharedSchemas() map[string]*Schema {
	word := []string{"string", "number", "boolean"} // 12, true and 2026-01-01 are words too
	names := `Names of tables or columns: "sales.orders", "sales.*", "sales.orders.lastname", "tag:PII". ` +
		`One alone may be written without brackets.`
	defs := map[string]*Schema{
		"Text":     {Type: word},
		"NonEmpty": {Type: word, Pattern: `\S`},
		"Variable": {
			Type:        "string",
			Pattern:     `\$\{[A-Za-z_][A-Za-z0-9_]*\}`,
			Description: "With the content of an environment variable in it: ${NAME}.",
		},
		"Tags":    tagsSchema(),
		"Matcher": matcherSchema(),
		"Mask":    maskSchema(),
		"Sample": {
			AnyOf: matching(percent).AnyOf, Not: &Schema{Pattern: `^0{1,2}(\.0{1,4})?%$`}, Examples: []string{"10%"},
			Description: "A share of the rows, the same ones in every call, whoever asks.",
		},
	}
	for name, form := range map[string]string{
		"Selectors": tables + `|` + columns + `|` + tagged,
		"Tables":    tables + `|` + tagged,
		"Columns":   columns + `|` + tagged,
	} {
		some := list(pattern("selector", form))
		defs[name] = some.schema()
		defs[name].Description = names
	}
	return defs
}

func tagsSchema() *Schema {
	some := atLeastOne(list(pattern("selector", tables+`|`+columns)))
	return &Schema{
		Type: "object", AdditionalProperties: some.schema(), Description: "All tags: a name, and what has it.",
		PropertyNames: &Schema{Pattern: `^` + entitlements.TagName + `$`, Not: &Schema{Pattern: `^New(\.|$)`}},
	}
}

func matcherSchema() *Schema {
	some := func(doc string) *Schema {
		return &Schema{Type: "array", Items: ref("Matcher"), MinItems: 1, Description: doc}
	}
	one := matching(termPattern())
	one.Description = termDoc()
	not := ref("Matcher")
	not.Description = "All but these."
	joined := exactlyOne(properties{{"all", some("All of these.")}, {"any", some("Any of these.")}, {"not", not}})
	s := anyOf(one, some("Any of these."), joined)
	s.Description = "Which identities it is about: a term, or terms joined."
	return s
}

func maskSchema() *Schema {
	var names, docs []string
	for _, f := range masksAlone() {
		names, docs = append(names, string(f.Kind)), append(docs, string(f.Kind)+": "+f.Doc+".")
	}
	alone := orVariable(&Schema{Enum: names})
	alone.Description = strings.Join(docs, " ")
	s := anyOf(
		&Schema{Type: "null", Description: "A NULL of the column's type."},
		alone,
		exactlyOne(maskSection.schema().Properties),
	)
	s.Description = maskSection.Doc
	return s
}

func exactlyOne(p properties) *Schema {
	return &Schema{Type: "object", Properties: p, AdditionalProperties: false, MinProperties: 1, MaxProperties: 1}
}

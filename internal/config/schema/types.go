package main

import (
	"reflect"
	"time"

	"github.com/invopop/jsonschema"

	"deputy/entitlements"
	"deputy/identity"
	"deputy/internal/config"
	"deputy/internal/expectation"
)

type schema = jsonschema.Schema

// ownTypes are the types that read their own YAML, or that only some words belong to.
var ownTypes = map[reflect.Type]func() *schema{
	reflect.TypeFor[time.Duration](): func() *schema {
		return pattern(`([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+`)
	},
	reflect.TypeFor[config.Age](): func() *schema {
		return pattern(`[0-9]{1,5}d|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+`)
	},
	reflect.TypeFor[entitlements.Period](): func() *schema {
		return pattern(`[0-9]{1,6}[mhdw]|P([0-9]{1,4}W|([0-9]{1,6}D)?(T([0-9]{1,6}H)?([0-9]{1,6}M)?([0-9]{1,6}S)?)?)`)
	},
	reflect.TypeFor[config.Size](): func() *schema {
		return anyOf(&schema{Type: "integer", Minimum: "1"}, pattern(`[0-9]+ *(KiB|MiB|GiB)?`))
	},
	reflect.TypeFor[config.Share](): func() *schema { return pattern(`[0-9]+(\.[0-9]+)?%`) },
	reflect.TypeFor[identity.Expiry](): func() *schema {
		return pattern(`[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2}))?`)
	},
	reflect.TypeFor[identity.IssuerKind](): func() *schema {
		return words(identity.Generic, identity.Entra, identity.Okta, identity.Auth0, identity.Keycloak)
	},
	reflect.TypeFor[identity.ScopeRule](): func() *schema {
		return words(identity.ScopesWhenPresent, identity.ScopesRequired, identity.ScopesIgnored)
	},
	reflect.TypeFor[identity.Mode](): func() *schema { return words(identity.OnBehalfOf, identity.Autonomous) },
	reflect.TypeFor[identity.AudienceParameter](): func() *schema {
		return words(identity.ByResource, identity.ByAudience, identity.ByNone)
	},
	reflect.TypeFor[identity.DPoPMode]():        func() *schema { return words(identity.DPoPWhenBound, identity.DPoPRequired) },
	reflect.TypeFor[entitlements.Selectors]():   func() *schema { return ref("Selectors") },
	reflect.TypeFor[entitlements.Tags]():        func() *schema { return ref("Tags") },
	reflect.TypeFor[entitlements.Matcher]():     func() *schema { return ref("Matcher") },
	reflect.TypeFor[entitlements.Mask]():        func() *schema { return ref("Mask") },
	reflect.TypeFor[entitlements.MatchColumn](): func() *schema { return ref("MatchColumn") },
	reflect.TypeFor[entitlements.Within]():      func() *schema { return ref("Within") },
	reflect.TypeFor[entitlements.Sample]():      func() *schema { return ref("Sample") },
	reflect.TypeFor[expectation.Test]():         sentence,
}

// What names are made of, as the packages that read them have it.
const (
	namePart  = `("([^"]|"")+"|[\p{L}\p{N}_$*?-]+)`
	tagName   = `[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)*`
	tables    = namePart + `(\.` + namePart + `)?`
	columns   = namePart + `\.` + namePart + `\.` + namePart
	tagged    = `tag:` + tagName
	attribute = `[A-Za-z_][A-Za-z0-9_.-]*`
	plain     = `\S(.*\S)?` // without a space at its ends
	term      = `(everyone|(group|user|agent|agent-group|purpose):` + plain + `|attribute:[^=\s]([^=]*[^=\s])?=` + plain + `|mode:(on_behalf_of|autonomous))`
)

func describeOwnTypes(defs jsonschema.Definitions, comments map[string]string) {
	word := map[string]any{"type": []string{"string", "number", "boolean"}} // 12, true and 2026-01-01 are words too
	defs["Text"] = &schema{Extras: word}
	defs["NonEmpty"] = &schema{Extras: word, Pattern: `\S`}
	defs["Variable"] = &schema{
		Type:        "string",
		Pattern:     `\$\{[A-Za-z_][A-Za-z0-9_]*\}`,
		Description: "With the content of an environment variable in it: ${NAME}.",
	}
	for name, s := range map[string]*schema{
		"Selectors": oneOrMany(pattern(tables + `|` + columns + `|` + tagged)),
		"Tables":    oneOrMany(pattern(tables + `|` + tagged)),
		"Columns":   oneOrMany(pattern(columns + `|` + tagged)),
		"Tags": {
			Type:                 "object",
			PropertyNames:        &schema{Pattern: `^` + tagName + `$`, Not: &schema{Pattern: `^New(\.|$)`}},
			AdditionalProperties: atLeastOne(oneOrMany(pattern(tables + `|` + columns))),
		},
		"Matcher": anyOf(
			help(pattern(term), "everyone, group:NAME, attribute:NAME=VALUE, user:ID ask about the identity being judged; agent:NAME, agent-group:NAME, mode:on_behalf_of, mode:autonomous, purpose:NAME about the acting agent and the call."),
			help(matchers(), "Any of these."),
			exactlyOne(
				property{"all", help(matchers(), "All of these.")},
				property{"any", help(matchers(), "Any of these.")},
				property{"not", help(ref("Matcher"), "All but these.")},
			),
		),
		"Mask": mask(),
		"MatchColumn": object([]string{"column", "attribute"},
			property{"column", help(nonEmpty(), "Of the table.")},
			property{"attribute", help(pattern(attribute), "Of the caller; with several values, any of them.")},
		),
		"Within": object([]string{"column", "last"},
			property{"column", help(nonEmpty(), "A date or a time.")},
			property{"last", help(pattern(`[1-9][0-9]{0,5}[hdw]`), "How far back, in hours, days or weeks: 12h, 90d, 4w.")},
		),
		"Sample": {
			AnyOf:    pattern(`[0-9]{1,2}(\.[0-9]{1,4})?%`).AnyOf,
			Not:      &schema{Pattern: `^0{1,2}(\.0{1,4})?%$`},
			Examples: []any{"10%"},
		},
	} {
		if s.Description = comments["deputy/entitlements."+name]; s.Description == "" {
			s.Description = comments["deputy/entitlements.Selectors"]
		}
		defs[name] = s
	}
}

// sentence is a text with a colon in it, which YAML may have read as the end of a key.
func sentence() *schema {
	return anyOf(
		help(pattern(`.+:.+`), "taylor via sales-assistant: customers.lastname is masked, sees 5 rows"),
		&schema{
			Type:                 "object",
			MinProperties:        count1(),
			MaxProperties:        count1(),
			AdditionalProperties: atLeastOne(oneOrMany(nonEmpty())),
		},
	)
}

func mask() *schema {
	count := func() *schema { return orVariable(&schema{Type: "integer", Minimum: "0"}) }
	partial := object(
		nil,
		property{"first", help(count(), "Characters kept at the start.")},
		property{"last", help(count(), "Characters kept at the end.")},
	)
	for _, end := range []string{"first", "last"} {
		some := object([]string{end}, property{end, orVariable(&schema{Type: "integer", Minimum: "1"})})
		some.AdditionalProperties = nil
		partial.AnyOf = append(partial.AnyOf, some)
	}
	decimal := func() *schema { return anyOf(&schema{Type: "number"}, pattern(`-?[0-9]{1,18}(\.[0-9]{1,18})?`)) }
	return anyOf(
		help(&schema{Type: "null"}, "A NULL of the column's type."),
		help(
			words(entitlements.MaskNull, entitlements.MaskHash, entitlements.MaskEmail, entitlements.MaskFormatPreserving),
			"null: a NULL of the column's type. hash: equal values stay equal. email: the domain stays. format_preserving: other digits for digits, other letters for letters.",
		),
		exactlyOne(
			property{"constant", help(text(), "The same value everywhere.")},
			property{"partial", help(partial, "The first and last characters stay, the rest becomes *.")},
			property{"regex", help(object(
				[]string{"match"},
				property{"match", help(nonEmpty(), "What is replaced; understood the same by every database.")},
				property{"replace", help(text(), "\\1 to \\9 stand for what the groups matched.")},
				property{
					"unmatched",
					help(
						anyOf(words("keep", "null"), &schema{Type: "null"}),
						"What a value without a match becomes: null, or it is kept.",
					),
				},
			), "What matches is replaced.")},
			property{
				"round",
				help(
					anyOf(&schema{Type: "number", ExclusiveMinimum: "0"}, pattern(`[0-9]{1,18}(\.[0-9]{1,18})?`)),
					"A number is rounded to this step.",
				),
			},
			property{
				"truncate",
				help(words("year", "quarter", "month", "week", "day", "hour", "minute"), "A date or time is cut down to this."),
			},
			property{"bucket", help(&schema{Type: "array", MinItems: count1(), Items: object(
				[]string{"name"},
				property{
					"below",
					help(
						anyOf(decimal(), pattern(`[0-9]{4}-[0-9]{2}-[0-9]{2}.*`)),
						"A number or a date; only the last range may be without.",
					),
				},
				property{"name", help(nonEmpty(), "What is shown for a value in the range.")},
			)}, "The name of the range that the value is in.")},
			property{"sql", help(nonEmpty(), "An expression over $column.")},
		),
	)
}

package entitlements_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"deputy/entitlements"
	"deputy/internal/testkit/world"
)

func TestCompileRefuses(t *testing.T) {
	const pii = "tags: {PII: hr.people.ssn, PII.SSN: hr.people.ssn, EU: eu.*, Mixed: [eu.customers, hr.people.name]}\npolicies:\n"
	tests := []struct{ name, text, want string }{
		{
			"a tag nobody defined",
			pii + "- {name: p, mask: tag:pii, with: null}",
			`policies[0].mask[0]: policy "p": there is no tag pii; did you mean "PII"? (known: EU, Mixed, PII, PII.SSN)`,
		},
		{
			"a tag without its prefix",
			pii + "- {name: p, mask: PII, with: null}",
			`policies[0].mask[0]: policy "p": "PII" is a tag: write tag:PII`,
		},
		{
			"a tag of tables without its prefix",
			pii + "- {name: p, grant: EU, to: everyone}",
			`"EU" is a tag: write tag:EU`,
		},
		{
			"a tag with another prefix",
			pii + "- {name: p, mask: tags:PII, with: null}",
			`"tags:PII": write tag:PII for a tag`,
		},
		{
			"a table without its schema",
			"policies:\n- {name: p, grant: people, to: everyone}",
			`there is no schema people; did you mean the table "hr.people"?`,
		},
		{
			"a tag when there are none",
			"policies:\n- {name: p, grant: tag:X, to: everyone}",
			"there is no tag X: none is defined",
		},
		{
			"a tag that is only the beginning of another's word",
			pii + "- {name: p, mask: tag:PI, with: null}",
			`there is no tag PI; did you mean "PII"?`,
		},
		{"a tag with a wildcard", pii + "- {name: p, mask: 'tag:*', with: null}", "without wildcards"},
		{
			"a table that vanished",
			"policies:\n- {name: p, grant: sales.gone, to: everyone}",
			`policy "p": there is no table sales.gone`,
		},
		{
			"a table in another case",
			"policies:\n- {name: p, grant: sales.Refunds, to: everyone}",
			`there is no table sales.Refunds; did you mean "sales.refunds"?`,
		},
		{
			"a column that vanished",
			"policies:\n- {name: p, mask: hr.people.gone, with: null}",
			"there is no column hr.people.gone",
		},
		{
			"a tagged column that vanished",
			"tags:\n  A:\n  - hr.people.gone\npolicies: []",
			"tags.A[0]: there is no column hr.people.gone",
		},
		{"a tagged table that vanished", "tags: {A: hr.gone}", "tags.A[0]: there is no table hr.gone"},
		{
			"a column that vanished, of a tag with a dot in it",
			"tags: {A.B: hr.people.gone}",
			"tags.\"A.B\"[0]: there is no column hr.people.gone",
		},
		{"a tag on nothing", "tags: {A: []}", "tag A is on nothing"},
		{"a tag on a tag", "tags: {A: hr.people, B: tag:A}", "a tag is on tables and columns, not on tags"},
		{"a tag that is no dotted word", "tags: {A..B: hr.people}", `"A..B" is not a tag`},
		{
			"a selector of four parts",
			"policies:\n- {name: p, grant: a.b.c.d, to: everyone}",
			"write schema, schema.table, schema.table.column or tag:NAME",
		},
		{"a selector with an empty part", "policies:\n- {name: p, grant: sales., to: everyone}", `"" is not a name`},
		{
			"a selector with a bracket glob",
			"policies:\n- {name: p, grant: 'sales.[a-z]*', to: everyone}",
			"put names with other characters in double quotes",
		},
		{"a policy without a name", "policies:\n- {grant: sales.*, to: everyone}", "policies[0]: a policy has no name"},
		{"a name of spaces", "policies:\n- {name: ' ', grant: sales.*, to: everyone}", "a policy has no name"},
		{
			"a name with a line break",
			"policies:\n- {name: \"a\\nb\", grant: sales.*, to: everyone}",
			"cannot be printed",
		},
		{
			"a name that is there twice",
			"policies:\n- {name: p, grant: sales.*, to: everyone}\n- {name: p, grant: hr.*, to: everyone}",
			`policies[1].name: policy "p": another policy has the same name`,
		},
		{
			"a policy that does nothing",
			"policies:\n- {name: p, to: everyone}",
			"write one of grant, guardrail, mask, filter",
		},
		{
			"a policy that does two things",
			"policies:\n- {name: p, grant: hr.*, guardrail: hr.*, to: everyone}",
			"it is grant and guardrail at once",
		},
		{
			"a policy about nothing",
			"policies:\n- {name: p, grant: [], to: everyone}",
			"name what it covers behind grant",
		},
		{
			"a grant by a tag on columns",
			pii + "- {name: p, grant: tag:PII, to: everyone}",
			"tag PII is on columns only; a grant is about tables",
		},
		{
			"a guardrail by a tag on columns",
			pii + "- {name: p, guardrail: tag:PII, require: everyone}",
			"tag PII is on columns only; a guardrail is about tables",
		},
		{
			"a filter by a tag on columns",
			pii + "- {name: p, filter: tag:PII, where: 'true'}",
			"tag PII is on columns only; a filter is about tables",
		},
		{
			"a discovery by a tag on columns",
			pii + "- {name: p, mask: tag:PII, with: null}\ndiscoverable: tag:PII",
			"tag PII is on columns only; a discovery is about tables",
		},
		{
			"a discovery of a table that vanished",
			"discoverable: sales.gone",
			"platforms.warehouse.discoverable[0]: there is no table sales.gone",
		},
		{"a discovery of a column", "discoverable: hr.people.ssn", "a discovery is about tables: write schema.table"},
		{
			"a grant on a column",
			"policies:\n- {name: p, grant: hr.people.ssn, to: everyone}",
			"a grant is about tables: write schema.table",
		},
		{
			"a mask on a table",
			"policies:\n- {name: p, mask: hr.people, with: null}",
			"masks are about columns: write hr.people.* for all of a table's",
		},
		{"a mask without with", "policies:\n- {name: p, mask: hr.people.ssn}", "a mask needs with"},
		{
			"a filter without where",
			"policies:\n- {name: p, filter: hr.people}",
			"a filter needs where, match, within or sample",
		},
		{"a grant without to", "policies:\n- {name: p, grant: hr.people}", "a grant needs to"},
		{"a guardrail without require", "policies:\n- {name: p, guardrail: hr.people}", "a guardrail needs require"},
		{
			"for and except at once",
			"policies:\n- {name: p, mask: hr.people.ssn, with: null, for: group:A, except: group:B}",
			"both for and except",
		},
		{
			"for on a grant",
			"policies:\n- {name: p, grant: hr.people, to: group:A, for: group:A}",
			"a grant has no for: that belongs to a mask or filter",
		},
		{
			"except on a guardrail",
			"policies:\n- {name: p, guardrail: hr.people, require: group:A, except: group:A}",
			"a guardrail has no except",
		},
		{
			"to on a mask",
			"policies:\n- {name: p, mask: hr.people.ssn, with: null, to: group:A}",
			"a mask has no to: that belongs to a grant",
		},
		{
			"where on a mask",
			"policies:\n- {name: p, mask: hr.people.ssn, with: null, where: x}",
			"policies[0].where: policy \"p\": a mask has no where",
		},
		{"with on a filter", "policies:\n- {name: p, filter: hr.people, with: null, where: x}", "a filter has no with"},
		{
			"a purpose nobody defined",
			"policies:\n- {name: p, grant: hr.people, to: purpose:X}",
			"policies[0].to: policy \"p\": there is no purpose X: none is defined",
		},
		{
			"a filter of two statements",
			"policies:\n- {name: p, filter: hr.people, where: 'true; drop table x'}",
			"policies[0].where: policy \"p\": it must be one expression: there is a ; in it",
		},
	}
	for _, tt := range tests {
		e, problems := entitlements.Compile(world.Parse(t, tt.text))
		if e != nil {
			t.Errorf("%s is accepted", tt.name)
		}
		if !strings.Contains(fmt.Sprint(problems), tt.want) {
			t.Errorf("%s is not explained\n got %v\nwant %s", tt.name, problems, tt.want)
		}
	}
}

// What Check finds, Compile finds too, in the same words: the checks are there once.
func TestCheckNeedsNoDatabase(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string // keys
	}{
		{
			"what a database decides",
			"tags: {A: hr.gone, B: 'x.*'}\npolicies:\n- {name: p, mask: tag:Commented, with: null}\n- {name: q, filter: hr.people, match: {column: gone, attribute: a}}",
			nil,
		},
		{
			"names and kinds",
			"policies:\n- {grant: a.b, to: everyone}\n- {name: p, grant: a.b, mask: a.b.c}\n- {name: p, filter: a.b, where: 'x;', to: everyone}",
			[]string{"policies[0]", "policies[1]", "policies[2].name", "policies[2].to", "policies[2].where"},
		},
		{
			"tags",
			"tags: {A.B: [hr.people, tag:C], 'A B': hr.people, New: hr.people}\npolicies: []",
			[]string{`tags."A.B"[1]`, `tags."A B"`, "tags.New"},
		},
		{
			"selectors",
			"policies:\n- {name: p, grant: [a.b, a.b.c, 'a b'], to: purpose:X}\ndiscoverable: [a.b, a.b.c]",
			[]string{
				"policies[0].to",
				"policies[0].grant[1]",
				"policies[0].grant[2]",
				"platforms.warehouse.discoverable[1]",
			},
		},
	}
	for _, tt := range tests {
		cfg := world.Parse(t, tt.text)
		var keys []string
		_, compiled := entitlements.Compile(cfg)
		for _, p := range entitlements.Check(cfg) {
			keys = append(keys, p.Key)
			if !slices.Contains(compiled, p) {
				t.Errorf("of %s, Compile does not find %v", tt.name, p)
			}
		}
		if !reflect.DeepEqual(keys, tt.want) {
			t.Errorf("of %s, Check finds %q, not %q", tt.name, keys, tt.want)
		}
	}
	elsewhere := world.Parse(t, "policies:\n- {name: p, platform: lake, grant: a.b}")
	if problems := entitlements.Check(elsewhere); len(problems) != 1 {
		t.Errorf("policies of every platform are checked: %v", problems)
	}
}

func TestCompileSaysEverythingAtOnce(t *testing.T) {
	cfg := world.Parse(t, "policies:\n- {name: b, grant: sales.gone}\n- {name: a, mask: tag:X}\n")
	cfg.Tags = entitlements.Tags{
		{Name: "T", Selectors: entitlements.Selectors{"hr.people"}},
		{Name: "T", Selectors: entitlements.Selectors{"hr.people"}},
	}
	_, problems := entitlements.Compile(cfg)
	var got []string
	for _, p := range problems {
		got = append(got, fmt.Sprint(p.Key, " ", p.Policy))
	}
	if want := "[tags.T  policies[0] b policies[0].grant[0] b policies[1] a policies[1].mask[0] a]"; fmt.Sprint(
		got,
	) != want {
		t.Errorf("problems are not all there by line: %v", problems)
	}
}

func TestCompileWarns(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{
			"of a wildcard that matches nothing",
			"policies:\n- {name: p, mask: '*.*.email_*', with: null}",
			`policies[0].mask[0]: policy "p": "*.*.email_*" matches nothing`,
		},
		{"of a tag whose wildcard matches nothing", "tags: {A: 'x.*'}", `tags.A[0]: "x.*" matches nothing`},
		{
			"of a guardrail that columns with its tag escape",
			"tags: {EU: [eu.*, hr.people.name]}\npolicies:\n- {name: p, guardrail: tag:EU, require: everyone}",
			"tag EU is on columns too",
		},
		{
			"of a tag in another case",
			"tags: {PII: hr.people.ssn, pii: hr.people.name}\npolicies:\n- {name: p, mask: tag:PII, with: null}",
			"tags.pii: the tags PII and pii differ in case alone",
		},
	}
	for _, tt := range tests {
		e, problems := entitlements.Compile(world.Parse(t, tt.text))
		if e == nil || len(problems) != 1 || !problems[0].Warning || !strings.Contains(problems[0].String(), tt.want) {
			t.Errorf("there is no warning %s: %v", tt.name, problems)
		}
	}
}

func TestCompileWithoutCatalog(t *testing.T) {
	if e, problems := entitlements.Compile(entitlements.Config{}); e != nil || !entitlements.Fatal(problems) {
		t.Error("policies compile without a catalog")
	}
}

func TestPoliciesOfOtherPlatforms(t *testing.T) {
	cfg := world.Parse(t, `
tags: {Elsewhere: lake.events}
policies:
  - {name: theirs, platform: lake, grant: nonsense, to: everyone}
  - {name: ours, platform: warehouse, grant: sales.*, to: everyone}
  - {name: anybody's, mask: lake.events.ip, with: null}
`)
	if e, _ := entitlements.Compile(cfg); e != nil {
		t.Error("a name that is nowhere is accepted")
	}
	cfg.Others = []*entitlements.Catalog{
		{Tables: []entitlements.Table{world.TableOf("lake.events", world.Col("ip", entitlements.Text))}},
	}
	if e, problems := entitlements.Compile(cfg); e == nil || len(problems) != 0 {
		t.Errorf("what is only on another platform is refused here: %v", problems)
	}
	cfg.Policies[2].Platform = "warehouse"
	if e, _ := entitlements.Compile(cfg); e != nil {
		t.Error("a policy for this platform may name what is only on another")
	}
}

// The rows of a table without columns can be counted.
func TestTableWithoutColumnsDecided(t *testing.T) {
	cfg := world.Parse(t, "policies: [{name: p, grant: s.*, to: everyone}]")
	cfg.Catalog = &entitlements.Catalog{Tables: []entitlements.Table{world.TableOf("s.empty")}}
	empty := entitlements.TableName{Schema: "s", Name: "empty"}
	if _, d := world.Compile(t, cfg).Decide(principal(world.Bot, world.Taylor), empty); d != nil {
		t.Errorf("a table without columns is refused: %v", d.Reasons)
	}
}

func TestMaskFits(t *testing.T) {
	constant := func(s string) entitlements.Mask {
		return entitlements.Mask{Kind: entitlements.MaskConstant, Constant: s}
	}
	tests := []struct {
		mask entitlements.Mask
		fits string
	}{
		{entitlements.Mask{Kind: entitlements.MaskNull}, "text number boolean date time other"},
		{entitlements.Mask{Kind: entitlements.MaskHash}, "text"},
		{entitlements.Mask{Kind: entitlements.MaskPartial, First: 1}, "text"},
		{constant("REDACTED"), "text"},
		{constant(""), "text"},
		{constant("0"), "text number"},
		{constant("-12.50"), "text number"},
		{constant("1e9"), "text"},
		{constant("NaN"), "text"},
		{constant("+1"), "text"},
		{constant(".5"), "text"},
		{constant("0x10"), "text"},
		{constant("1 or 1=1"), "text"},
		{constant("1\n"), "text"},
		{constant("true"), "text boolean"},
		{constant("TRUE"), "text"},
		{constant("1970-01-01"), "text date time"},
		{constant("1970-01-01T00:00:00Z"), "text date time"},
		{constant("1970-02-30"), "text"},
		{constant("0000-01-01"), "text"},
		{constant("now"), "text"},
		{entitlements.Mask{Kind: "shuffle"}, ""},
	}
	for _, tt := range tests {
		var fits []string
		for _, k := range []entitlements.Kind{
			entitlements.Text, entitlements.Number, entitlements.Boolean,
			entitlements.Date, entitlements.Time, entitlements.Other,
		} {
			if tt.mask.Fits(entitlements.Column{Kind: k}) {
				fits = append(fits, string(k))
			}
		}
		if got := strings.Join(fits, " "); got != tt.fits {
			t.Errorf("%+v fits %q, not %q", tt.mask, got, tt.fits)
		}
	}
}

// Rounding hides what is below the step. Where the type has nothing there, it would show every value as it is.
func TestRoundingToWhatEveryValueIsAMultipleOfBecomesNull(t *testing.T) {
	for _, test := range []struct {
		typ, step string
		want      entitlements.MaskKind
	}{
		{"integer", "1", entitlements.MaskNull}, {"bigint", "0.5", entitlements.MaskNull}, {"integer", "0.3", entitlements.MaskRound}, {"integer", "10", entitlements.MaskRound}, {"int unsigned", "1.0", entitlements.MaskNull},
		{"numeric(10,2)", "0.01", entitlements.MaskNull}, {"decimal(10, 2)", "0.005", entitlements.MaskNull}, {"numeric(10,2)", "0.1", entitlements.MaskRound}, {"numeric(10)", "1", entitlements.MaskNull},
		{"numeric", "0.01", entitlements.MaskRound}, {"double precision", "1", entitlements.MaskRound}, {"numeric(3,-2)", "1", entitlements.MaskRound},
	} {
		table := entitlements.Table{
			TableName: entitlements.TableName{Schema: "s", Name: "t"},
			Columns:   []entitlements.Column{{Name: "c", Type: test.typ, Kind: entitlements.Number}},
		}
		policies := world.Parse(
			t,
			"policies: [{name: p, mask: s.t.c, with: {round: "+test.step+"}}, {name: g, grant: s.t, to: everyone}]",
		).Policies
		e, problems := entitlements.Compile(
			entitlements.Config{
				Platform: "p",
				Policies: policies,
				Catalog:  &entitlements.Catalog{Tables: []entitlements.Table{table}},
			},
		)
		if entitlements.Fatal(problems) {
			t.Fatal(problems)
		}
		if got := view(e, table.TableName).Columns[0].Masks[0].Kind; got != test.want {
			t.Errorf("%s rounded to %s becomes %s, not %s", test.typ, test.step, got, test.want)
		}
	}
}

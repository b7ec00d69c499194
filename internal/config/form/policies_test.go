package form_test

import (
	"reflect"
	"regexp"
	"strings"
	"testing"

	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/identity"
	"deputy/internal/config/form"
)

func policyOf(t *testing.T, text string) entitlements.Policy {
	t.Helper()
	var policies []entitlements.Policy
	if err := form.Fragment("policies", "["+text+"]", &policies); err != nil {
		t.Fatal(err)
	}
	return policies[0]
}

// lined is a problem with its line.
var lined = regexp.MustCompile(`(?m)^fragment:[0-9]+: `)

func TestPolicyFiles(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{
			"an unknown key of a policy",
			"policies:\n- name: p\n  masks: a.b.c",
			`:3: policies[0]: unknown key "masks"; did you mean "mask"? (known: name, platform, grant, guardrail, mask, filter, to, require, for, except, with, when, where, match, within, sample`,
		},
		{"a key twice", "policies:\n- {name: p, name: q}", `key "name" is there twice`},
		{"a policy that is a word", "policies:\n- p", ":2: policies[0]: keys with values belong here, not one value"},
		{"a name that is nothing", "policies:\n- {name: }", ":2: policies[0].name: there is no value"},
		{
			"an except that is nothing, which would mean everyone",
			"policies:\n- name: p\n  except:\n",
			":3: policies[0].except: there is no value",
		},
		{"a selector that is nothing", "policies:\n- {grant: [~]}", "there is no value"},
		{
			"an unknown term",
			"policies:\n- name: p\n  to: groups:X",
			`:3: policies[0].to: "groups:X" is not a term; did you mean "group:X"? (known: everyone, group:NAME`,
		},
		{"a term without a name", "policies:\n- {to: 'group:'}", "write group:NAME"},
		{"a term with a space", "policies:\n- {to: 'user:a '}", "a space beside the name"},
		{
			"a term with a space behind the colon",
			"policies:\n- to: {group: X}",
			"write group:NAME, without a space behind the colon",
		},
		{"everyone of a group", "policies:\n- {to: 'everyone:X'}", "everyone stands alone"},
		{"an attribute without a value", "policies:\n- {to: 'attribute:x'}", "write attribute:NAME=VALUE"},
		{"an attribute without a name", "policies:\n- {to: 'attribute:=x'}", "write attribute:NAME"},
		{"an unknown mode", "policies:\n- {to: 'mode:both'}", "\"both\" is not a mode (known: on_behalf_of, autonomous)"},
		{
			"an unknown key of a matcher",
			"policies:\n- to:\n    none: [everyone]",
			`:3: policies[0].to: a matcher has no key "none"; did you mean "not"? (known: all, any, not`,
		},
		{"an all of nothing, which would mean everyone", "policies:\n- {to: {all: []}}", "the list is empty"},
		{"a list of nothing", "policies:\n- {to: []}", "the list is empty"},
		{"an all that is a word", "policies:\n- {to: {all: everyone}}", "a list of matchers belongs here, not one value"},
		{"all and any at once", "policies:\n- {to: {all: [everyone], any: [everyone]}}", "exactly one of all, any, not"},
		{"an empty matcher", "policies:\n- {to: {}}", "exactly one of all, any, not"},
		{"a matcher in itself", "policies:\n- {to: &a {not: *a}}", ""},
		{"an unknown mask", "policies:\n- with: shuffle", `:2: policies[0].with: "shuffle" is not a mask (known: null, hash`},
		{"a constant that is not said", "policies:\n- with: constant", "the mask constant is written with: {constant: TEXT}"},
		{
			"a part of what needs a mapping",
			"policies:\n- with: {partial: 4}",
			"the mask partial is written with: {partial: {first: N, last: N}}",
		},
		{"a value of what needs none", "policies:\n- with: {hash: sha256}",
			"the mask hash is written with: hash, or {hash: {length: …}}"},
		{"null as a key", "policies:\n- with: {null: true}", "the mask null is written with: null"},
		{"a match of a word", "policies:\n- match: region", "{column: region, attribute: region}"},
		{"a within of a span", "policies:\n- within: 90d", "{column: created_at, last: 90d}"},
		{
			"two terms in one text, which would be a group that nobody is in",
			"policies:\n- {for: 'group:A, group:B'}",
			"there is more than one term in it: write a list, [group:A, group:B]",
		},
		{"two terms with an and", "policies:\n- to: group:A and user:b", "there is more than one term in it"},
		{
			"a wildcard in a term, which would be a group that nobody is in",
			"policies:\n- {for: 'group:*'}",
			"a * stands for nothing here",
		},
		{"a wildcard for any value", "policies:\n- {for: 'attribute:region=*'}", "a * stands for nothing here"},
		{"an or", "policies:\n- to: {or: [everyone]}", `a matcher has no key "or": all holds when all in its list do, any`},
		{
			"a tag with a space behind the colon",
			"policies:\n- mask: [tag: PII]",
			"write tag:NAME, without a space behind the colon",
		},
		{"a constant that is nothing", "policies:\n- with: {constant: }", "there is no value"},
		{"an unknown key of a mask", "policies:\n- with: {hush: 1}", `"hush" is not a mask; did you mean "hash"?`},
		{"two masks", "policies:\n- with: {constant: x, partial: {first: 1}}", "exactly one mask"},
		{
			"an unknown key of a part",
			"policies:\n- with: {partial: {middle: 1}}",
			`partial has no key "middle" (known: first, last`,
		},
		{
			"a part of nothing",
			"policies:\n- {name: p, mask: hr.people.ssn, with: {partial: {}}}",
			"partial keeps no character",
		},
		{
			"a negative part",
			"policies:\n- {name: p, mask: hr.people.ssn, with: {partial: {first: -1, last: 3}}}",
			"cannot be negative",
		},
		{"a part that is not a number", "policies:\n- with: {partial: {first: x}}", "write a number of characters here"},
		{"a part of a character", "policies:\n- with: {partial: {first: 1.5}}", "write a number of characters here"},
		{"a tag that is nothing", "tags:\n  PII:\n", ":2: tags.PII: there is no value"},
		{"a tag twice", "tags:\n  A: a.b\n  A: c.d\n", `key "A" is there twice`},
	}
	for _, tt := range tests {
		var tags entitlements.Tags
		var policies []entitlements.Policy
		err := form.Fragments(tt.text, map[string]any{"tags": &tags, "policies": &policies})
		if err == nil || !strings.Contains(err.Error(), tt.want) || !lined.MatchString(err.Error()) {
			t.Errorf("%s is not explained\n got %v\nwant %s", tt.name, err, tt.want)
		}
	}
}

func TestMasksInFiles(t *testing.T) {
	tests := []struct {
		with string
		want entitlements.Mask
	}{
		{"null", entitlements.Mask{Kind: entitlements.MaskNull}},
		{"~", entitlements.Mask{Kind: entitlements.MaskNull}},
		{"'null'", entitlements.Mask{Kind: entitlements.MaskNull}},
		{"hash", entitlements.Mask{Kind: entitlements.MaskHash}},
		{"{hash: {length: 32}}", entitlements.Mask{Kind: entitlements.MaskHash, Length: 32}},
		{"{constant: REDACTED}", entitlements.Mask{Kind: entitlements.MaskConstant, Constant: "REDACTED"}},
		{"{constant: 0}", entitlements.Mask{Kind: entitlements.MaskConstant, Constant: "0"}},
		{"{constant: true}", entitlements.Mask{Kind: entitlements.MaskConstant, Constant: "true"}},
		{"{constant: 2026-01-01}", entitlements.Mask{Kind: entitlements.MaskConstant, Constant: "2026-01-01"}},
		{"{constant: ''}", entitlements.Mask{Kind: entitlements.MaskConstant}},
		{"{partial: {first: 1, last: 2}}", entitlements.Mask{Kind: entitlements.MaskPartial, First: 1, Last: 2}},
	}
	for _, tt := range tests {
		p := policyOf(t, "{name: p, with: "+tt.with+"}")
		if p.With == nil || !reflect.DeepEqual(*p.With, tt.want) {
			t.Errorf("with: %s is read as %v", tt.with, p.With)
		}
	}
	if p := policyOf(t, "{name: p}"); p.With != nil {
		t.Error("a policy without with has a mask")
	}
}

func TestRulesAreReadAsTheyAreWritten(t *testing.T) {
	for text, want := range map[string]string{
		"{name: a, abuot: [sales]}":                                        `:1: requests.rules[0]: unknown key "abuot"; did you mean "about"?`,
		"{name: a, stages: {approvers: everyone}}":                         "a list belongs here, not keys with values",
		"{name: a, stages: [{approver: everyone}]}":                        `requests.rules[0].stages[0]: unknown key "approver"; did you mean "approvers"?`,
		"{name: a, questions: [{name: b, text: c}]}":                       `requests.rules[0].questions[0]: unknown key "text"`,
		"{name: a, at_most: 1 day}":                                        "not a length of time",
		"{name: a, at_most: 3y}":                                           "not a length of time",
		"{name: a, at_most: 400d}":                                         "out of range",
		"{name: a, approve: {when: everyone, for: 8h}}":                    `requests.rules[0].approve: unknown key "for"`,
		"{name: a, only_through_agent: sure}":                              "not a yes or no",
		"{name: a, name: b}":                                               `key "name" is there twice`,
		"{name: a, about: {tag: PII}}":                                     "write tag:NAME",
		"{name: a, about: [sales], approvers: group:A, approve: {when: }}": "there is no value",
	} {
		var rules []requests.Rule
		if err := form.Fragment("requests.rules", "["+text+"]", &rules); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, not %s", text, err, want)
		}
	}
}

func TestValuesAreWrittenWithOrWithoutBrackets(t *testing.T) {
	rows := []struct {
		yaml string
		want identity.Values // nil: refused
	}{
		{"EU", identity.Values{"EU"}},
		{"[EU, US]", identity.Values{"EU", "US"}},
		{"007", identity.Values{"007"}},
		{"[1.50, true, 2026-11-23]", identity.Values{"1.50", "true", "2026-11-23"}},
		{`"null"`, identity.Values{"null"}},
		{"[]", identity.Values{}},
		{"[EU, null]", nil},
		{"[[EU]]", nil},
		{"{EU: US}", nil},
	}
	for _, row := range rows {
		var got map[string]identity.Values
		err := form.Fragment("identity.users.attributes", "v: "+row.yaml, &got)
		if (err == nil) != (row.want != nil) || err == nil && !reflect.DeepEqual(got["v"], row.want) {
			t.Errorf("%s is %q: got %q, %v", row.yaml, row.want, got["v"], err)
		}
		if err != nil && !strings.Contains(err.Error(), "fragment:1:") {
			t.Errorf("the error names the line: %v", err)
		}
	}
}

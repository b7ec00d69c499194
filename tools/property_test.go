package tools_test

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"deputy/identity"
	"deputy/internal/config/form"
	"deputy/tools"
	"deputy/tools/platforms"
	"deputy/vending"
)

// The properties hold for what comes out of a database, whatever the policies are: random policies over a small world
// in which they do meet random people, compiled, vended and asked for every table through the query tool. What a caller
// sees are the values of the world that come out as they are. Each stands in one cell only, and no mask below can make
// one of them.

const worldSeed = `
CREATE TABLE t (a text, b numeric(10,2), c date);
INSERT INTO t VALUES ('tax-11a', 1101.25, '2021-03-05'), ('tay-12b', 1202.50, '2022-04-06'), ('taz-13c', 1303.75, '2023-05-07');
CREATE TABLE u (a text, d text);
INSERT INTO u VALUES ('uax-21a', 'udx-21d'), ('uay-22b', 'udy-22e'), ('uaz-23c', 'udz-23f');
CREATE TABLE v (d text, e integer);
INSERT INTO v VALUES ('vdx-31a', 3101), ('vdy-32b', 3202);`

const worldTags = `
T: [w.t]
T.U: [w.u, w.t.a]
P: [w.t.b, "*.*.d"]
P.Q: [w.u.d]
All: w
`

var worldTables = []string{"t", "u", "v"}

// Conditions on rows, by the table that has the columns in them.
var worldConditions = map[string][]string{
	"t": {
		"a <> 'tay-12b'",
		"a = any(:attribute.x)",
		"b < 1300",
		"a <> all(:attribute.y)",
		"c > '2022-01-01' or a = :user.id",
	},
	"u": {"a <> 'uay-22b'", "d = any(:attribute.x)", "a in (select a from w.u where d <> 'udx-21d')"},
	"v": {"e > 3150", "d = any(:user.groups) or e = 3101"},
}

var worldRules = map[string][]string{
	"t": {"match: {column: a, attribute: x}", "within: {column: c, last: 36500d}", "sample: 50%"},
	"u": {"match: {column: d, attribute: y}", "sample: 40%"},
	"v": {"sample: 30%"},
}

var worldMasks = []string{
	"null", "hash", "email", "format_preserving", "{constant: '1'}", "{partial: {first: 1}}", "{partial: {last: 2}}", "{round: 1000}",
	"{truncate: year}", "{bucket: [{below: 1200, name: low}, {name: high}]}", "{regex: {match: '[0-9]', replace: '#'}}",
}

func drawn[T any](t *rapid.T, label string, from ...T) T {
	return rapid.SampledFrom(from).Draw(t, label)
}

func drawMatcher(t *rapid.T, depth int, agentTerms bool) string {
	if depth > 0 {
		switch drawn(t, "shape", "term", "term", "all", "any", "not") {
		case "all":
			return "{all: [" + drawMatcher(t, depth-1, agentTerms) + ", " + drawMatcher(t, depth-1, agentTerms) + "]}"
		case "any":
			return "[" + drawMatcher(t, depth-1, agentTerms) + ", " + drawMatcher(t, depth-1, agentTerms) + "]"
		case "not":
			return "{not: " + drawMatcher(t, depth-1, agentTerms) + "}"
		}
	}
	terms := []string{"everyone", "group:A", "group:B", "group:all-users", "'attribute:x=uax-21a'", "user:tax-11a"}
	if agentTerms {
		terms = append(terms, "agent:one", "agent-group:A", "mode:on_behalf_of", "mode:autonomous", "group:all-agents")
	}
	return drawn(t, "term", terms...)
}

func drawScope(t *rapid.T, agentTerms bool) string {
	if word := drawn(t, "scope", "", "for", "except"); word != "" {
		return ", " + word + ": " + drawMatcher(t, 1, agentTerms)
	}
	return ""
}

// drawPolicy makes a line of YAML. The names are given by position.
func drawPolicy(t *rapid.T, kind string, agentTerms bool) string {
	tables := drawn(t, "tables", "w.*", "w.t", "[w.u, w.v]", "tag:T", "tag:All", "w")
	switch kind {
	case "grant":
		return fmt.Sprintf("grant: %s, to: %s", tables, drawMatcher(t, 2, true))
	case "guardrail":
		return fmt.Sprintf("guardrail: %s, require: %s", tables, drawMatcher(t, 2, true))
	case "filter":
		table := drawn(t, "table", worldTables...)
		rule := fmt.Sprintf("where: %q", drawn(t, "where", worldConditions[table]...))
		if rapid.Bool().Draw(t, "rule") {
			rule = drawn(t, "rule", worldRules[table]...)
		}
		return fmt.Sprintf("filter: w.%s, %s%s", table, rule, drawScope(t, agentTerms))
	}
	columns := drawn(
		t,
		"columns",
		"'*.*.*'",
		"w.t.a",
		"w.u.d",
		"tag:T",
		"tag:T.U",
		"[tag:P, 'w.v.?']",
		"tag:P.Q",
		"tag:All",
	)
	when := ""
	if columns == "w.t.a" && rapid.Bool().Draw(t, "when") {
		when = fmt.Sprintf(", when: %q", drawn(t, "when", worldConditions["t"]...))
	}
	return fmt.Sprintf("mask: %s, with: %s%s%s", columns, drawn(t, "with", worldMasks...), when, drawScope(t, agentTerms))
}

func drawPolicies(t *rapid.T, agentTerms bool) (out []string) {
	if rapid.Bool().Draw(t, "open") { // or most worlds would be closed to most people
		out = append(out, "grant: w.*, to: everyone")
	}
	for range rapid.IntRange(2, 9).Draw(t, "policies") {
		out = append(
			out,
			drawPolicy(t, drawn(t, "kind", "grant", "grant", "guardrail", "mask", "mask", "filter"), agentTerms),
		)
	}
	return out
}

func drawParty(t *rapid.T, kind identity.Kind, ids ...string) identity.Identity {
	values := func(label string) []string {
		return rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"tax-11a", "uax-21a", "udy-22e"}), 0, 2, rapid.ID).
			Draw(t, label)
	}
	groups := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"A", "B", "vdx-31a"}), 0, 3, rapid.ID).Draw(t, "groups")
	return identity.Identity{
		Kind:       kind,
		ID:         drawn(t, "id", ids...),
		Groups:     groups,
		Attributes: map[string][]string{"x": values("x"), "y": values("y")},
	}
}

func drawAgent(t *rapid.T) identity.Agent {
	return identity.Agent{Identity: drawParty(t, identity.KindAgent, "one", "two")}
}

func drawPrincipal(t *rapid.T) identity.Principal {
	p := identity.Principal{Agent: drawAgent(t)}
	if rapid.Bool().Draw(t, "on behalf") {
		p.User = &identity.User{Identity: drawParty(t, identity.KindUser, "tax-11a", "taz-13c")}
	}
	return p
}

// world is a set of policies in force over one engine.
type world struct{ *tools.Tools }

// ruledBy names policies by what they say, so that the same one has the same name wherever it stands.
func ruledBy(t *rapid.T, e vending.Engine, policies []string) world {
	text := ""
	for i, p := range slices.Compact(slices.Sorted(slices.Values(policies))) {
		text += fmt.Sprintf("- {name: p%d, %s}\n", i, p)
	}
	return ruledInOrder(t, e, text)
}

func ruledInOrder(t *rapid.T, e vending.Engine, text string) world {
	p := platforms.Config{Name: "world", Engine: e}
	if err := errors.Join(form.Fragment("policies", text, &p.Policies), form.Fragment("tags", worldTags, &p.Tags)); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	cfg := tools.Config{
		Platforms: []platforms.Config{p},
		Audit:     &memory{},
		Limits:    tools.Limits{MaxRows: 100, MaxBytes: 1 << 20, Timeout: 20e9, Concurrency: 4},
	}
	made, err := tools.New(t.Context(), cfg)
	if err != nil {
		t.Fatalf("random policies do not start: %v\n%s", err, text)
	}
	return world{made}
}

// sight is everything that came out: for each open table its rows.
type sight map[string][][]any

func (w world) seenBy(t *rapid.T, who identity.Principal) sight {
	out := sight{}
	for _, table := range worldTables {
		r, err := w.Query(
			t.Context(),
			tools.Call{Principal: who, Client: "test"},
			tools.QueryArgs{SQL: "SELECT * FROM w." + table + " ORDER BY 1, 2"},
		)
		var refusal *tools.Refusal
		switch {
		case err == nil:
			out[table] = r.Rows
		case !errors.As(err, &refusal) || refusal.Code != tools.NotPermitted:
			t.Fatalf("%s is not answered: %v", table, err)
		}
	}
	return out
}

var (
	worldValue  = regexp.MustCompile(`'([^']+)'|\b([0-9]{4}(?:\.[0-9]+)?)\b`)
	worldValues = func() map[string]bool {
		out := map[string]bool{}
		for _, found := range worldValue.FindAllStringSubmatch(worldSeed, -1) {
			out[plainValue(found[1]+found[2])] = true
		}
		return out
	}()
)

// plainValue writes numbers as every engine would: 1202.5 for 1202.50.
func plainValue(v any) string {
	text := fmt.Sprint(v)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(text, "0")
	}
	return text
}

// clear returns the values of the world that can be seen as they are.
func (s sight) clear() map[string]bool {
	out := map[string]bool{}
	for _, rows := range s {
		for _, row := range rows {
			for _, cell := range row {
				if text := plainValue(cell); worldValues[text] {
					out[text] = true
				}
			}
		}
	}
	return out
}

// beyond names what s shows and other does not: a table, a row more, a value.
func (s sight) beyond(other sight) string {
	for table, rows := range s {
		if before, open := other[table]; !open || len(rows) > len(before) {
			return fmt.Sprintf("%d rows of %s, and not %d", len(rows), table, len(before))
		}
	}
	known := other.clear()
	for _, value := range slices.Sorted(maps.Keys(s.clear())) {
		if !known[value] {
			return "the value " + value
		}
	}
	return ""
}

func onWorlds(t *testing.T, property func(*rapid.T, vending.Engine)) {
	for name, open := range map[string]func(testing.TB) vending.Engine{
		"sqlite":   func(t testing.TB) vending.Engine { return sqliteWith(t, "w", worldSeed) },
		"postgres": func(t testing.TB) vending.Engine { return postgresWith(t, "w", worldSeed) },
	} {
		t.Run(name, func(t *testing.T) {
			e := open(t)
			rapid.Check(t, func(t *rapid.T) { property(t, e) })
		})
	}
}

func TestAnotherGuardrailMaskOrFilterNeverShowsMore(t *testing.T) {
	onWorlds(t, func(t *rapid.T, e vending.Engine) {
		policies, who := drawPolicies(t, true), drawPrincipal(t)
		more := drawPolicy(t, drawn(t, "more", "guardrail", "mask", "filter"), true)
		before := ruledBy(t, e, policies).seenBy(t, who)
		after := ruledBy(t, e, append(slices.Clone(policies), more)).seenBy(t, who)
		if w := after.beyond(before); w != "" {
			t.Fatalf("%s\nshows %s\nbeside\n%s", more, w, strings.Join(policies, "\n"))
		}
	})
}

func TestAnotherGrantNeverShowsLess(t *testing.T) {
	onWorlds(t, func(t *rapid.T, e vending.Engine) {
		policies, who := drawPolicies(t, true), drawPrincipal(t)
		more := drawPolicy(t, "grant", true)
		before := ruledBy(t, e, policies).seenBy(t, who)
		after := ruledBy(t, e, append(slices.Clone(policies), more)).seenBy(t, who)
		if w := before.beyond(after); w != "" {
			t.Fatalf("%s\nhides %s\nbeside\n%s", more, w, strings.Join(policies, "\n"))
		}
	})
}

// What masks and filters leave a human is seen by opening everything to everyone: through no agent is there more, as
// long as no mask, filter or guardrail asks about the agent itself.
func TestThroughNoAgentAHumanSeesMoreThanTheirOwnMasksAndFiltersLeave(t *testing.T) {
	onWorlds(t, func(t *rapid.T, e vending.Engine) {
		policies := drawPolicies(t, false)
		who := identity.Principal{
			Agent: drawAgent(t),
			User:  &identity.User{Identity: drawParty(t, identity.KindUser, "tax-11a", "taz-13c")},
		}
		got := ruledBy(t, e, policies).seenBy(t, who)

		own := slices.DeleteFunc(
			slices.Clone(policies),
			func(p string) bool { return strings.HasPrefix(p, "grant") || strings.HasPrefix(p, "guardrail") },
		)
		alone := identity.Principal{
			Agent: identity.Agent{Identity: identity.Identity{Kind: identity.KindAgent, ID: "nobody"}},
			User:  who.User,
		}
		most := ruledBy(t, e, append(own, "grant: w.*, to: everyone")).seenBy(t, alone)
		if w := got.beyond(most); w != "" {
			t.Fatalf(
				"through agent %s in %v, %s in %v sees %s under\n%s",
				who.Agent.ID,
				who.Agent.Groups,
				who.User.ID,
				who.User.Groups,
				w,
				strings.Join(policies, "\n"),
			)
		}
	})
}

func TestInAnyOrderPoliciesShowTheSame(t *testing.T) {
	onWorlds(t, func(t *rapid.T, e vending.Engine) {
		lines := []string{}
		for i, p := range drawPolicies(t, true) {
			lines = append(lines, fmt.Sprintf("- {name: p%d, %s}\n", i, p))
		}
		who := drawPrincipal(t)
		a := ruledInOrder(t, e, strings.Join(lines, "")).seenBy(t, who)
		b := ruledInOrder(t, e, strings.Join(rapid.Permutation(lines).Draw(t, "permuted"), "")).seenBy(t, who)
		if fmt.Sprint(a) != fmt.Sprint(b) {
			t.Fatalf("in another order others rows are seen:\n%v\n%v\nunder\n%s", a, b, strings.Join(lines, ""))
		}
	})
}

// The properties above would hold if nothing were ever seen, so the random worlds have to be worth it: most show
// something, some show all, and masks and filters do bite.
func TestRandomPoliciesShowSomethingAndHideSomething(t *testing.T) {
	e := sqliteWith(t, "w", worldSeed)
	cases, open, partly := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		s := ruledBy(t, e, drawPolicies(t, true)).seenBy(t, drawPrincipal(t))
		values := len(s.clear())
		cases++
		if values > 0 {
			open++
		}
		if values > 0 && values < len(worldValues) {
			partly++
		}
	})
	if open*5 < cases || partly*10 < cases { // about half of them do
		t.Errorf("of %d random cases only %d show a value, and %d some but not all", cases, open, partly)
	}
}

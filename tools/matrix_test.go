package tools_test

import (
	_ "embed"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"deputy/entitlements"
	"deputy/identity"
	"deputy/internal/config/form"
	"deputy/tools"
	"deputy/vending"
)

// The matrix: fourteen tables and seventeen identities. What each sees of each table stands in
// testdata/matrix/expected.txt, cell by cell, and is compared with what the query tool returns on both engines.

//go:embed testdata/matrix/seed.sql
var matrixSeed string

//go:embed testdata/matrix/policies.yaml
var matrixPolicies string

//go:embed testdata/matrix/expected.txt
var matrixExpected string

func human(id string, groups []string, attributes map[string][]string) *identity.User {
	return &identity.User{
		Identity: identity.Identity{Kind: identity.KindUser, ID: id, Groups: groups, Attributes: attributes},
		Issuer:   "https://issuer.test",
		Subject:  id,
	}
}

func machine(id string, groups []string, attributes map[string][]string) identity.Agent {
	return identity.Agent{
		Identity: identity.Identity{Kind: identity.KindAgent, ID: id, Groups: groups, Attributes: attributes},
	}
}

type attributes = map[string][]string

var (
	assistant = machine("assistant", []string{"Agents"}, nil)
	euAgent   = machine("eu-agent", nil, attributes{"residency": {"EU"}, "region": {"EAST", "WEST"}})

	taylor = human("taylor", []string{"Marketing"}, attributes{"region": {"EAST"}, "blocked": {"eve@evil.example"}})
	eva    = human("eva", []string{"Marketing"}, attributes{"residency": {"EU"}})
	gerd   = human("gerd", nil, attributes{"residency": {"EU"}})
	uma    = human("uma", []string{"Doctors"}, nil)
)

var matrixIdentities = map[string]identity.Principal{
	"taylor":        {Agent: assistant, User: taylor},
	"taylor via eu": {Agent: euAgent, User: taylor}, // the agent's residency and regions are not Taylor's
	"priya": {
		Agent: assistant,
		User:  human("priya", []string{"Marketing", "Privacy"}, attributes{"region": {"EAST", "WEST"}}),
	},
	// may read what is in the EU, and neither he nor the assistant is granted it
	"gerd":            {Agent: assistant, User: gerd},
	"gerd via eu":     {Agent: euAgent, User: gerd},
	"sam":             {Agent: assistant, User: human("sam", nil, nil)},
	"eva":             {Agent: assistant, User: eva}, // no region: no row of what is regional
	"eva via eu":      {Agent: euAgent, User: eva},
	"finn":            {Agent: assistant, User: human("finn", []string{"Finance"}, nil)},
	"hana":            {Agent: assistant, User: human("hana", []string{"HR"}, attributes{"region": {"EAST"}})},
	"max":             {Agent: assistant, User: human("max", []string{"HQ"}, nil)},
	"dana":            {Agent: assistant, User: human("dana", []string{"Support"}, nil)},
	"uma":             {Agent: assistant, User: uma, Purpose: "treatment"},
	"uma for nothing": {Agent: assistant, User: uma},
	"ned": {
		Agent: assistant,
		User:  human("ned", []string{"Marketing", "Trainees"}, attributes{"region": {"EAST", "WEST"}}),
	},
	"scanner": {Agent: machine("scanner", []string{"Scanners"}, nil)},
	"nightly": {
		Agent: machine("nightly", []string{"Agents", "HR", "Marketing-Bots"}, attributes{"region": {"WEST"}}),
	},
}

func TestEverybodySeesOfEveryTableWhatThePoliciesSay(t *testing.T) {
	expected := readMatrix(t)
	for name, with := range map[string]func(t testing.TB, schema, script string) vending.Engine{"sqlite": sqliteWith, "postgres": postgresWith} {
		t.Run(name, func(t *testing.T) {
			made := matrixTools(t, with(t, "acme", matrixSeed))
			for _, cell := range expected {
				for _, who := range cell.who {
					compareCell(t, made, cell, who)
				}
			}
		})
	}
}

func compareCell(t *testing.T, made *tools.Tools, cell matrixCell, who string) {
	t.Helper()
	principal, ok := matrixIdentities[who]
	if !ok {
		t.Fatalf("expected.txt names %q, whom nobody knows", who)
	}
	args := tools.QueryArgs{SQL: "SELECT * FROM acme." + cell.table + " ORDER BY 1", Purpose: principal.Purpose}
	result, err := made.Query(t.Context(), tools.Call{Principal: principal, Client: "test"}, args)
	var refusal *tools.Refusal
	switch {
	case cell.denied && errors.As(err, &refusal) && refusal.Code == tools.NotPermitted:
		return
	case cell.denied:
		t.Errorf("%s reads %s: %v, %v", who, cell.table, result, err)
		return
	case err != nil:
		t.Errorf("%s may not read %s: %v", who, cell.table, err)
		return
	}
	if len(result.Rows) != len(cell.rows) {
		t.Errorf("%s sees %d rows of %s and not %d: %v", who, len(result.Rows), cell.table, len(cell.rows), result.Rows)
		return
	}
	for i, row := range result.Rows {
		for j, value := range row {
			if want := cell.rows[i][j]; !sameValue(value, want) {
				t.Errorf("%s sees %v in %s.%s of row %d, and not %s", who, value, cell.table, result.Columns[j].Name, i+1, want)
			}
		}
	}
}

var (
	likeShape = regexp.MustCompile(`^\{like (.*)\}$`)
	hexHash   = regexp.MustCompile(`^[0-9a-f]{16}$`)
)

// sameValue allows for what engines may choose: 89.00 or 89, a space or a T in a timestamp.
func sameValue(got any, want string) bool {
	text := fmt.Sprint(got)
	if like := likeShape.FindStringSubmatch(want); like != nil {
		return shape(text) == shape(like[1]) && text != like[1]
	}
	switch {
	case want == "NULL":
		return got == nil
	case want == "{hash}":
		return hexHash.MatchString(text)
	}
	a, aIsNumber := new(big.Rat).SetString(text)
	b, bIsNumber := new(big.Rat).SetString(want)
	if aIsNumber && bIsNumber {
		return a.Cmp(b) == 0
	}
	return text == want || strings.Replace(text, "T", " ", 1) == want
}

func shape(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsDigit(r):
			return '9'
		case unicode.IsUpper(r):
			return 'A'
		case unicode.IsLower(r):
			return 'a'
		}
		return r
	}, s)
}

// matrixCell is what some identities see of one table.
type matrixCell struct {
	table  string
	who    []string
	denied bool
	rows   [][]string
}

// readMatrix reads expected.txt, and makes sure that nobody is left out.
func readMatrix(t testing.TB) (cells []matrixCell) {
	t.Helper()
	table, seen := "", map[string][]string{}
	for line := range strings.Lines(matrixExpected) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			table = strings.Trim(line, "[]")
		case line[0] == ' ':
			last := &cells[len(cells)-1]
			last.rows = append(last.rows, strings.Split(strings.TrimSpace(line), " | "))
		default:
			names, _ := strings.CutSuffix(line, ":")
			names, denied := strings.CutPrefix(names, "denied")
			who := strings.FieldsFunc(strings.Trim(names, ": "), func(r rune) bool { return r == ',' })
			for i := range who {
				who[i] = strings.TrimSpace(who[i])
			}
			cells = append(cells, matrixCell{table: table, who: who, denied: denied})
			seen[table] = append(seen[table], who...)
		}
	}
	for table, who := range seen {
		slices.Sort(who)
		if len(slices.Compact(who)) != len(matrixIdentities) || len(who) != len(matrixIdentities) {
			t.Fatalf(
				"expected.txt says of %s what these see, and not what each of %d does, once: %q",
				table,
				len(matrixIdentities),
				who,
			)
		}
	}
	if len(seen) < 12 || len(matrixIdentities) < 15 {
		t.Fatalf("the matrix has only %d tables and %d identities", len(seen), len(matrixIdentities))
	}
	return cells
}

func matrixTools(t testing.TB, e vending.Engine) *tools.Tools {
	t.Helper()
	var file struct {
		Tags     entitlements.Tags
		Policies []entitlements.Policy
	}
	if err := form.Fragments(matrixPolicies, map[string]any{"tags": &file.Tags, "policies": &file.Policies}); err != nil {
		t.Fatal(err)
	}
	cfg := toolsConfig(t, e, &memory{}, "")
	cfg.Platforms[0].Policies, cfg.Platforms[0].Tags, cfg.Platforms[0].Discoverable = file.Policies, file.Tags, nil
	cfg.Purposes = map[string]string{"treatment": "Treating the patient the call is about"}
	made, err := tools.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

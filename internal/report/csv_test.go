package report

import (
	"encoding/csv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"deputy/audit/index"
)

// opened is a CSV text as a program that reads it sees it.
func opened(t interface{ Fatal(...any) }, text string, comma rune) [][]string {
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.FieldsPerRecord, r.LazyQuotes = comma, -1, comma != ','
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestFormulasAreText(t *testing.T) {
	for cell, want := range map[string]string{
		"=1+1": "'=1+1", "+1+1": "'+1+1", "-1+1": "'-1+1", "@SUM(A1)": "'@SUM(A1)", "=": "'=", "--": "'--", "-5;": "'-5;",
		" =1+1": "' =1+1", "\t=1+1": "' =1+1", "\tx": "' x", "\rx": "' x", "\nx": "' x", "\u00a0=1": "'\\u00a0=1", "\ufeff=1": "'\\ufeff=1",
		"\u200b=1": "'\\u200b=1", "＝1+1": "'＝1+1", "＋1": "'＋1", "－1": "'－1", "＠x": "'＠x", "\u2212x": "'\u2212x", "\u3000＝1": "'\\u3000＝1",
		"=cmd|' /C calc'!A0": "'=cmd|' /C calc'!A0", `=HYPERLINK("http://evil.example","x")`: `'=HYPERLINK("http://evil.example","x")`,
		"-5": "-5", "-5.25": "-5.25", "5": "5", "-": "-", "": "", "taylor": "taylor", "a=1": "a=1", "kim@example.com": "kim@example.com",
		"o'hara": "o'hara", `say "x"`: `say "x"`, "a, b": "a, b", "a;=1": "a;'=1", "a; -x": "a;' -x", "=1;=2": "'=1;'=2", "x\n=1": "x =1",
	} {
		var b strings.Builder
		if err := writeCSV(&b, [][]string{{"first", cell, "last"}}); err != nil {
			t.Fatal(err)
		}
		for _, comma := range []rune{',', ';', '\t'} {
			rows := opened(t, b.String(), comma)
			if comma == ',' && (len(rows) != 1 || len(rows[0]) != 3 || rows[0][1] != want) {
				t.Errorf("%q is opened as %q, want %q", cell, rows, want)
			}
			for _, row := range rows {
				for _, c := range row {
					if isFormula(c) {
						t.Errorf("%q is the formula %q where columns end at %q", cell, c, comma)
					}
				}
			}
		}
	}
}

func TestCSVProperty(t *testing.T) {
	piece := rapid.SampledFrom(
		[]string{
			"=",
			"+",
			"-",
			"@",
			"＝",
			"－",
			" ",
			"\t",
			"\r",
			"\n",
			"\"",
			"'",
			",",
			";",
			"|",
			"1",
			"a",
			"\u200b",
			"\ufeff",
			"é",
		},
	)
	rapid.Check(t, func(t *rapid.T) {
		var rows [][]string
		for range rapid.IntRange(1, 4).Draw(t, "rows") {
			row := []string{"x"}
			for range rapid.IntRange(1, 4).Draw(t, "cells") {
				row = append(row, strings.Join(rapid.SliceOfN(piece, 0, 6).Draw(t, "cell"), ""))
			}
			rows = append(rows, row)
		}
		var b strings.Builder
		if err := writeCSV(&b, rows); err != nil {
			t.Fatal(err)
		}
		again := opened(t, b.String(), ',')
		if len(again) != len(rows) {
			t.Fatalf("%q has %d rows", b.String(), len(again))
		}
		for i, row := range rows {
			for j, cell := range row {
				parts, written := strings.Split(again[i][j], ";"), strings.Split(cell, ";")
				for k, part := range parts {
					if isFormula(part) || isFormula(again[i][j]) || len(parts) != len(written) ||
						part != Printable(written[k]) && part != "'"+Printable(written[k]) {
						t.Fatalf("%q is opened as %q", cell, again[i][j])
					}
				}
			}
		}
	})
}

// What a caller made up, such as the name of a table that is not there, is in the report.
func TestAccessCSVIsSafe(t *testing.T) {
	r := &index.Report{
		Persons: []index.Count{{Name: "=1+1", Issuer: "https://idp.example", Calls: 2}},
		Clear:   []index.Sight{{Column: "+a.b", Person: "@x", Grants: []string{"-y;=z"}}},
	}
	for _, part := range []AccessPart{ByPerson, ByAgent, ByTable, InClear} {
		var b strings.Builder
		if err := AccessCSV(&b, r, part); err != nil {
			t.Fatal(err)
		}
		for _, row := range opened(t, b.String(), ',') {
			for _, cell := range row {
				if isFormula(cell) {
					t.Errorf("%s: the formula %q", part, cell)
				}
			}
		}
	}
}

package vending

import (
	"fmt"
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	var got []string
	const sql = `SELECT a . "B".c, 'x', U&"d", U&"d" uescape '!', public /* . */ . e OPERATOR(f.+) $$y$$ <=> 1+ -- +`
	for _, w := range postgresDialect.Words(sql) {
		got = append(got, fmt.Sprint(w.Name, w.Operator, "<", w.Qualifier, w.Dotted, map[bool]string{true: "&"}[w.Escaped]))
	}
	want := `select< a<. B<a. c<B < d< <& uescape< < public<. e<public operator< f<+ +<f < <=>< +<`
	if strings.Join(got, " ") != want {
		t.Errorf("the words are %s\nand not       %s", strings.Join(got, " "), want)
	}
}

func TestReplace(t *testing.T) {
	const sql = `SELECT 'é', kept.x FROM kept`
	words := postgresDialect.Words(sql)
	r := Replace(sql, words, map[int]string{words[2].Start: "gone_for_good", words[5].Start: "z"})
	if r.SQL != `SELECT 'é', gone_for_good.x FROM z` ||
		r.Original(strings.IndexRune(r.SQL, 'x')) != strings.IndexRune(sql, 'x') {
		t.Errorf("%s, %d", r.SQL, r.Original(strings.IndexRune(r.SQL, 'x')))
	}
}

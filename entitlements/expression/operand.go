package expression

import "strings"

// boundaries are the words that an operand of a comparison does not reach over.
var boundaries = words(`and or not where on when then else case select having between union from in like is`)

// Last is the operand that a text ends with, before the operator that it was cut at; First the one that it begins with.
// Both are as far as SQL's comparisons reach, with the brackets in them.
func Last(text string) string {
	all, ends := offsets(text)
	from, depth := 0, 0
	if len(all) > 0 {
		depth = all[len(all)-1].depth
	}
	for i := len(all) - 1; i >= 0; i-- {
		if t := all[i]; t.depth < depth || t.depth == depth && t.bounds() {
			from = ends[i]
			break
		}
	}
	return strings.TrimSpace(text[from:])
}

// First is told at Last.
func First(text string) string {
	all, ends := offsets(text)
	to := 0
	for i, t := range all {
		if t.depth < 0 || t.depth == 0 && t.bounds() {
			break
		}
		to = ends[i]
	}
	return strings.TrimSpace(text[:to])
}

func (t token) bounds() bool {
	return boundaries[t.text] || t.text == "," || strings.Trim(t.text, "=<>!") == "" && t.text != ""
}

// offsets are the tokens of a text, and where each ends in it.
func offsets(text string) (all []token, ends []int) {
	depth, at := 0, 0
	for at < len(text) {
		match := tokens.FindStringSubmatch(text[at:])
		at += len(match[0])
		t := token{text: strings.ToLower(match[0]), depth: depth}
		switch {
		case match[1] != "":
			continue
		case match[2] != "":
			t.text = "'"
		case match[6] == "(" || match[6] == "[":
			depth++
		case match[6] == ")" || match[6] == "]":
			depth--
			t.depth = depth
		}
		all, ends = append(all, t), append(ends, at)
	}
	return all, ends
}

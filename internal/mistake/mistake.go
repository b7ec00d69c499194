// Package mistake is how a mistake in the configuration is told: by the key that it stands at, and by the word that was
// probably meant. Whoever reads a part of the configuration writes keys in the same way, so that config finds the line
// of each.
package mistake

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var plainKey = regexp.MustCompile(`^[\pL\pN_-]+$`)

// Below is the key of what another key holds under a name: Below("tags", "PII.Email") is tags."PII.Email".
func Below(key, name string) string {
	if !plainKey.MatchString(name) {
		name = strconv.Quote(name)
	}
	if key == "" {
		return name
	}
	return key + "." + name
}

// At is the key of an entry in a list: At("policies", 2) is policies[2].
func At(key string, i int) string { return fmt.Sprintf("%s[%d]", key, i) }

// Hint names the known word that was probably meant by one that nobody knows, ready to be put behind it; empty: it is
// like none.
func Hint(word string, known []string) string {
	if nearest := Nearest(word, known); nearest != "" {
		return fmt.Sprintf("; did you mean %q?", nearest)
	}
	return ""
}

// Nearest is the known word that can be made of word with the fewest letters changed, two at most; empty: there is
// none.
func Nearest(word string, known []string) string {
	best, nearest := 3, ""
	for _, k := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(k), best); d < best && d < len(k) && k != word {
			best, nearest = d, k
		}
	}
	return nearest
}

const fewNames = 20 // More names than these would hide the sentence.

// There ends a sentence about a name that does not exist: with the name that was probably meant, or else with the names
// that stand beside it, if they are few.
func There(name string, names []string) string {
	if hint := Hint(name, names); hint != "" {
		return hint
	}
	beside := names
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		beside = nil
		for _, n := range names {
			if strings.HasPrefix(n, name[:dot+1]) {
				beside = append(beside, n)
			}
		}
	}
	if len(beside) == 0 || len(beside) > fewNames {
		return ""
	}
	return " (known: " + strings.Join(slices.Sorted(slices.Values(beside)), ", ") + ")"
}

// Some lists a few of the names, and says how many more there are.
func Some(names []string) string {
	const most = 4
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

const longest = 200 // no name is longer, and comparing takes the product of both lengths

// distance counts the letters to add, take away or change to make b of a (Levenshtein). From enough on it need not be
// exact.
func distance(a, b string, enough int) int {
	if d := max(len(a)-len(b), len(b)-len(a)); d >= enough || len(a) > longest {
		return max(d, enough)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

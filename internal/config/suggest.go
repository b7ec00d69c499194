package config

import (
	"fmt"
	"strings"
)

// suggestion names the known key that was probably meant.
func suggestion(key string, known []field) string {
	var keys []string
	for _, f := range known {
		keys = append(keys, f.key)
	}
	nearest := Near(strings.ToLower(key), keys)
	if nearest == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", nearest)
}

// Near is the known word that was probably meant; empty: none is near.
func Near(word string, known []string) string {
	best, nearest := 3, ""
	for _, k := range known {
		if d := distance(word, k); d < best && d < len(k) {
			best, nearest = d, k
		}
	}
	return nearest
}

// distance counts the letters to add, take away or change to make b of a (Levenshtein), of a at most the first 32.
func distance(a, b string) int {
	a = a[:min(len(a), 32)]
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

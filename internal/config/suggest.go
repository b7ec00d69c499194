package config

import (
	"fmt"
	"strings"
)

// suggestion names the known key that was probably meant.
func suggestion(key string, known []field) string {
	best, nearest := 3, ""
	for _, f := range known {
		if d := distance(strings.ToLower(key), f.key); d < best && d < len(f.key) {
			best, nearest = d, f.key
		}
	}
	if nearest == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", nearest)
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

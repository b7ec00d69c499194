package scan

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"deputy/entitlements/selector"
)

var plainScalar = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$-]*(\.[A-Za-z0-9_$-]+)*$`)

// Quote writes the name of a table or column as a policy has it, for YAML. Names come out of databases and may hold
// anything: what is not plain is quoted, with every character escaped that could end the line or the string, so that a
// name stays a name even in a comment.
func Quote(parts ...string) string { return Scalar(selector.Join(parts...)) }

// Scalar writes one word for YAML.
func Scalar(text string) string {
	if plainScalar.MatchString(text) &&
		!slices.Contains([]string{"null", "true", "false", "yes", "no", "on", "off", "y", "n"}, strings.ToLower(text)) {
		return text
	}
	return strconv.QuoteToASCII(text)
}

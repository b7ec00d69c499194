package form

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// reference is what starts with ${ or $${. Anything else with a dollar in it is plain text.
var reference = regexp.MustCompile(`\$?\$\{[^}]*\}?`)

var variable = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$`)

// expand replaces ${NAME} by the variable's content, once: what comes out is not looked at again. $${ becomes ${. A
// variable without content is refused too: nobody means it, and an empty word can mean more than any other (platform:
// "").
func expand(text string, getenv func(string) (string, bool)) (string, error) {
	var bad error
	out := reference.ReplaceAllStringFunc(text, func(ref string) string {
		if plain, escaped := strings.CutPrefix(ref, "$$"); escaped {
			return "$" + plain
		}
		name := variable.FindStringSubmatch(ref)
		if name == nil {
			bad = errors.New("${ starts the name of a variable: write ${NAME}, or $${ for a plain ${")
			return ""
		}
		value, ok := getenv(name[1])
		if !ok {
			bad = fmt.Errorf("the environment variable %s is not set", name[1])
		} else if value == "" {
			bad = fmt.Errorf("the environment variable %s is empty", name[1])
		}
		return value
	})
	if bad != nil {
		return "", bad
	}
	return out, nil
}

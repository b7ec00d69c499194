package directory

import (
	"fmt"
	"unicode/utf8"
)

// shortened cuts a text to so many characters, and says then how long it is.
func shortened(text string, most int) string {
	length := utf8.RuneCountInString(text)
	if length <= most {
		return text
	}
	return fmt.Sprintf("%s… (%d characters)", string([]rune(text)[:most]), length)
}

package sqlite

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/ncruces/go-sqlite3"
)

// createMasks gives the session its mask functions. The key stays on this side: no view's text has it.
func (c conn) createMasks(n names, key []byte) error {
	const flags = sqlite3.DETERMINISTIC | sqlite3.INNOCUOUS
	err := c.CreateFunction(n.hash, 1, flags, func(ctx sqlite3.Context, arg ...sqlite3.Value) {
		if arg[0].Type() == sqlite3.NULL {
			ctx.ResultNull()
			return
		}
		ctx.ResultText(hash(key, arg[0].RawText()))
	})
	if err != nil {
		return fmt.Errorf("creating the hash mask: %w", err)
	}
	err = c.CreateFunction(n.partial, 3, flags, func(ctx sqlite3.Context, arg ...sqlite3.Value) {
		if arg[0].Type() == sqlite3.NULL {
			ctx.ResultNull()
			return
		}
		ctx.ResultText(partial(arg[0].Text(), arg[1].Int(), arg[2].Int()))
	})
	if err != nil {
		return fmt.Errorf("creating the partial mask: %w", err)
	}
	return nil
}

func hash(key, text []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write(text)
	return hex.EncodeToString(mac.Sum(nil))
}

// partial keeps the first and last characters. A text that has no more than those is hidden whole.
func partial(text string, first, last int) string {
	runes := []rune(text)
	first, last = max(first, 0), max(last, 0)
	if first >= len(runes) || last >= len(runes)-first {
		return strings.Repeat("*", len(runes))
	}
	return string(runes[:first]) + strings.Repeat("*", len(runes)-first-last) + string(runes[len(runes)-last:])
}

package view

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/ncruces/go-sqlite3"
)

// createRules gives the session the functions that its row filters call, as of now. The key stays on this side.
func createRules(c *sqlite3.Conn, n Names, key []byte, now time.Time) error {
	const flags = sqlite3.DETERMINISTIC | sqlite3.INNOCUOUS
	err := c.CreateFunction(n.Within, 3, flags, func(ctx sqlite3.Context, arg ...sqlite3.Value) {
		ctx.ResultBool(within(arg[0], time.Duration(arg[1].Int64())*time.Second, arg[2].Bool(), now))
	})
	if err != nil {
		return fmt.Errorf("creating the within rule: %w", err)
	}
	err = c.CreateFunction(n.Sample, -1, flags, func(ctx sqlite3.Context, arg ...sqlite3.Value) {
		ctx.ResultBool(drawn(key, arg[1:]) < uint32(arg[0].Int64()<<32/1_000_000))
	})
	if err != nil {
		return fmt.Errorf("creating the sample rule: %w", err)
	}
	return nil
}

// within reports whether a value is a moment not older than last and not in the future; on days, both ends are whole
// days.
func within(v sqlite3.Value, last time.Duration, days bool, now time.Time) bool {
	t, ok := instant(v)
	if !ok {
		return false
	}
	if days {
		const day = 24 * time.Hour
		t, now = t.UTC().Truncate(day), now.UTC().Truncate(day)
	}
	return !t.Before(now.Add(-last)) && !t.After(now)
}

// instant reads a text, or an integer as seconds since 1970. Everything else is none, the word now least of all.
func instant(v sqlite3.Value) (time.Time, bool) {
	if v.Type() == sqlite3.INTEGER {
		return time.Unix(v.Int64(), 0), true
	}
	return parseTime(v)
}

// drawn is a number that a keyed hash draws for a row. Each value is there with its storage class and length, so that
// no two rows look alike; the 0 at the start tells them from what the hash mask hashes, as on PostgreSQL.
func drawn(key []byte, row []sqlite3.Value) uint32 {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte{0})
	for _, v := range row {
		var content []byte
		switch v.Type() {
		case sqlite3.INTEGER:
			content = binary.BigEndian.AppendUint64(nil, uint64(v.Int64()))
		case sqlite3.FLOAT:
			content = binary.BigEndian.AppendUint64(nil, math.Float64bits(v.Float()))
		case sqlite3.TEXT:
			content = v.RawText()
		case sqlite3.BLOB:
			content = v.RawBlob()
		}
		mac.Write(binary.BigEndian.AppendUint64([]byte{byte(v.Type())}, uint64(len(content))))
		mac.Write(content)
	}
	return binary.BigEndian.Uint32(mac.Sum(nil))
}

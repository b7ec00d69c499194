package config

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"deputy/identity"
)

// The values that the file writes in a way of its own.

// Secret is text that does not show when it is printed, logged or written as JSON. Convert it to a string to use it.
type Secret = identity.Secret

// Age is how long something is kept, written 400d or as a duration. Zero: for ever.
type Age time.Duration

// UnmarshalText reads an age. Its error does not repeat the text.
func (a *Age) UnmarshalText(text []byte) error {
	if days, ok := bytes.CutSuffix(text, []byte("d")); ok {
		if n, err := strconv.Atoi(string(days)); err == nil && n >= 0 && n <= 36500 {
			*a = Age(time.Duration(n) * 24 * time.Hour)
			return nil
		}
	} else if d, err := time.ParseDuration(string(text)); err == nil && d >= 0 {
		*a = Age(d)
		return nil
	}
	return fmt.Errorf("not an age: write 400d, or 0d to keep all")
}

// Size is a number of bytes, written 4MiB, 512KiB or 4194304.
type Size int

// UnmarshalText reads a size. Its error does not repeat the text.
func (s *Size) UnmarshalText(text []byte) error {
	units := []struct {
		name string
		size int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"", 1}}
	for _, unit := range units {
		number, ok := bytes.CutSuffix(text, []byte(unit.name))
		if !ok {
			continue
		}
		n, err := strconv.Atoi(string(bytes.TrimRight(number, " ")))
		if err != nil || int64(n) > 1<<40/unit.size || int64(n) < 0 {
			break
		}
		*s = Size(int64(n) * unit.size)
		return nil
	}
	return fmt.Errorf("not a size: write 4MiB, 512KiB or a number of bytes")
}

// Share is a part of a whole, from 0 to 1, written 10%.
type Share float64

var share = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?%$`)

// UnmarshalText reads a share. Its error does not repeat the text.
func (s *Share) UnmarshalText(text []byte) error {
	percent, err := strconv.ParseFloat(string(bytes.TrimSuffix(text, []byte("%"))), 64)
	if err != nil || percent > 100 || !share.Match(text) {
		return errors.New("not a share: write 10%, from 0% to 100%")
	}
	*s = Share(percent / 100)
	return nil
}

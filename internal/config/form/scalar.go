package form

import (
	"encoding"
	"errors"
	"reflect"
	"strconv"
	"time"
)

// setScalar puts text into a value. Its errors never repeat the text. Words that YAML takes for something else (true,
// 12, 2026-01-01) are words as they are written.
func setScalar(to reflect.Value, text string) error {
	if own, ok := to.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return own.UnmarshalText([]byte(text))
	}
	switch {
	case to.Type() == reflect.TypeFor[time.Duration]():
		duration, err := time.ParseDuration(text)
		if err != nil {
			return errors.New("not a duration: write 30s or 2m")
		}
		to.SetInt(int64(duration))
	case to.Kind() == reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return errors.New("not a whole number: write digits only, such as 1000")
		}
		to.SetInt(int64(n))
	case to.Kind() == reflect.Bool:
		if text != "true" && text != "false" {
			return errors.New("not a yes or no: write true or false")
		}
		to.SetBool(text == "true")
	case to.Kind() == reflect.String:
		to.SetString(text)
	default:
		panic("form: no way to read a " + to.Type().String())
	}
	return nil
}

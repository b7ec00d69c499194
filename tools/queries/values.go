package queries

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"deputy/internal/mistake"
	"deputy/vending"
)

const (
	maxValue  = 10_000   // bytes of one value
	maxValues = 1_000    // in one list
	maxAll    = 64 << 10 // bytes of all values of a call
)

// Bind makes arguments of the values that came with a call, each as JSON. Hosts do not send them quite as a schema has
// them, so each form is taken that can mean one thing only. An error names the parameter and repeats no value.
func (q Query) Bind(given map[string]json.RawMessage) ([]vending.Argument, error) {
	if err := q.known(given); err != nil {
		return nil, err
	}
	var out []vending.Argument
	all := 0
	for _, p := range q.Parameters {
		a, err := p.bind(given[p.Name])
		if err != nil {
			return nil, err
		}
		for _, v := range a.Values {
			all += len(v)
		}
		out = append(out, a)
	}
	if all > maxAll {
		return nil, fmt.Errorf("the parameters are longer than %d KiB together", maxAll>>10)
	}
	return out, nil
}

// known refuses names of parameters that the query does not have.
func (q Query) known(given map[string]json.RawMessage) error {
	var names []string
	for _, p := range q.Parameters {
		names = append(names, p.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		switch {
		case slices.Contains(names, name):
		case len(names) == 0:
			return fmt.Errorf("the query %s has no parameters", q.Name)
		case mistake.Nearest(name, names) != "":
			return fmt.Errorf("there is no parameter %.64q: did you mean %s?", name, mistake.Nearest(name, names))
		default:
			return fmt.Errorf("there is no parameter %.64q, only %s", name, strings.Join(names, ", "))
		}
	}
	return nil
}

var null = json.RawMessage("null")

func (p Parameter) bind(raw json.RawMessage) (vending.Argument, error) {
	a := vending.Argument{Parameter: p.Parameter}
	switch {
	case len(raw) > 0 && !bytes.Equal(raw, null):
	case p.Default != "":
		v, err := p.value(quote(p.Default))
		a.Values = []string{v}
		return a, err
	case p.Optional:
		a.Null = true
		return a, nil
	default:
		return a, fmt.Errorf("the parameter %s is missing: it must be a value of the type %s", p.Name, p.Word())
	}
	if !p.List {
		v, err := p.value(raw)
		a.Values = []string{v}
		return a, err
	}
	items, ok := elements(raw)
	switch {
	case !ok:
		return a, fmt.Errorf("the parameter %s must be a list of %s", p.Name, words[p.Kind])
	case len(items) > maxValues:
		return a, fmt.Errorf("the parameter %s may have %d values at most", p.Name, maxValues)
	}
	a.Values = []string{}
	for _, item := range items {
		v, err := p.value(item)
		if err != nil {
			return a, err
		}
		a.Values = append(a.Values, v)
	}
	return a, nil
}

// elements are those of a list, or of a text that holds one.
func elements(raw json.RawMessage) (items []json.RawMessage, ok bool) {
	if text, quoted := word(raw); quoted {
		raw = json.RawMessage(strings.TrimSpace(text))
	}
	if len(raw) == 0 || raw[0] != '[' {
		return nil, false
	}
	return items, json.Unmarshal(raw, &items) == nil
}

func word(raw json.RawMessage) (text string, quoted bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return string(raw), false
	}
	return text, json.Unmarshal(raw, &text) == nil
}

// words say what the values of each kind are.
var words = map[vending.Kind]string{
	vending.Text:      "texts",
	vending.Integer:   "whole numbers of 64 bits at most",
	vending.Number:    "decimal numbers of 40 digits at most",
	vending.Boolean:   "true or false",
	vending.Date:      "dates as 2026-02-28",
	vending.Timestamp: "times as 2026-02-28T13:45:00Z",
}

var errKind = errors.New("not a value of the kind")

// value is one value in the one form of its kind.
func (p Parameter) value(raw json.RawMessage) (string, error) {
	v, err := canonical(p.Kind, raw)
	switch {
	case err != nil && p.List:
		return "", fmt.Errorf("the parameter %s must be a list of %s", p.Name, words[p.Kind])
	case err != nil:
		return "", fmt.Errorf("the parameter %s must be of the type %s: %s", p.Name, p.Kind, words[p.Kind])
	case len(v) > maxValue:
		return "", fmt.Errorf("the parameter %s is longer than %d bytes", p.Name, maxValue)
	case len(p.Allowed) > 0 && !slices.ContainsFunc(p.Allowed, func(a string) bool { return p.sameValue(a, v) }):
		return "", fmt.Errorf("the parameter %s must be one of %s", p.Name, strings.Join(p.Allowed, ", "))
	}
	return v, nil
}

// quote is a value of the file's as a caller would send it.
func quote(written string) json.RawMessage {
	raw, err := json.Marshal(written)
	if err != nil {
		panic(fmt.Sprintf("queries: a string as JSON: %v", err)) // which every string is
	}
	return raw
}

func canonical(kind vending.Kind, raw json.RawMessage) (string, error) {
	text, quoted := word(raw)
	switch kind {
	case vending.Text:
		if !quoted || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			return "", errKind
		}
		return text, nil
	case vending.Integer:
		return integer(text)
	case vending.Number:
		return number(text)
	case vending.Boolean:
		if text = strings.ToLower(text); text == "true" || text == "false" {
			return text, nil
		}
		return "", errKind
	}
	if !quoted {
		return "", errKind
	}
	if kind == vending.Date {
		t, err := time.Parse(time.DateOnly, text)
		return inRange(t, time.DateOnly, err)
	}
	for _, form := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00",
		"2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", time.DateOnly} {
		if t, err := time.Parse(form, text); err == nil { // without an offset, it is UTC
			return inRange(t.UTC(), "2006-01-02T15:04:05.999999Z", nil)
		}
	}
	return "", errKind
}

// inRange keeps to the years that every engine has.
func inRange(t time.Time, form string, err error) (string, error) {
	if err != nil || t.Year() < 1 || t.Year() > 9999 {
		return "", errKind
	}
	return t.Format(form), nil
}

var whole = regexp.MustCompile(`^-?[0-9]{1,19}$`)

func integer(text string) (string, error) {
	if whole.MatchString(text) {
		n, err := strconv.ParseInt(text, 10, 64)
		return strconv.FormatInt(n, 10), err
	}
	f, err := strconv.ParseFloat(text, 64) // 10.0 and 1e3, as far as every reader has them exactly
	if !decimal.MatchString(text) || err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<53 {
		return "", errKind
	}
	return strconv.FormatInt(int64(f), 10), nil
}

var decimal = regexp.MustCompile(`^-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?$`)

// number is a decimal number without an exponent, with all its digits.
func number(text string) (string, error) {
	if !decimal.MatchString(text) { // which bounds the exponent too
		return "", errKind
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return "", errKind
	}
	digits, exact := r.FloatPrec()
	if out := r.FloatString(digits); exact && len(out) <= 82 && digits <= 40 {
		return out, nil
	}
	return "", errKind
}

package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"deputy/internal/strictjson"
	"deputy/tools"
)

// Arguments are read here and not by encoding/json's rules: that matches keys without regard to case and lets the last
// of two win, so what is checked and what is used could differ. Error texts are for the model and go on the record. The
// argument purpose is there only when there are purposes.

func readQueryArgs(raw json.RawMessage, r reading) (args tools.QueryArgs, err error) {
	fields := map[string]any{"sql": &args.SQL, "platform": &args.Platform, "max_rows": &args.MaxRows}
	if r.purposes {
		fields["purpose"] = &args.Purpose
	}
	if r.queries {
		fields["name"], fields["parameters"] = &args.Name, (*object)(&args.Parameters)
	}
	given, err := r.arguments(raw, fields)
	if args.SQL == "" && args.Name != "" { // some hosts send what was left out as an empty text
		given["sql"] = true
	}
	switch {
	case err != nil:
		return tools.QueryArgs{}, err
	case !given["sql"] && r.queries:
		return tools.QueryArgs{}, errors.New("the argument sql is missing, or the name of a query instead of it")
	case !given["sql"]:
		return tools.QueryArgs{}, errors.New("the argument sql is missing")
	case args.MaxRows < 0: // 0 is what hosts send for a number that was left out
		return tools.QueryArgs{}, errors.New("the argument max_rows must be at least 1")
	case given["purpose"] && args.Purpose == "":
		return tools.QueryArgs{}, errNoPurpose
	}
	return args, nil
}

func readDescribeArgs(raw json.RawMessage, r reading) (args tools.DescribeArgs, err error) {
	fields := map[string]any{
		"table": &args.Table, "search": &args.Search, "page": &args.Page, "platform": &args.Platform,
	}
	if r.purposes {
		fields["purpose"] = &args.Purpose
	}
	given, err := r.arguments(raw, fields)
	switch {
	case err != nil:
		return tools.DescribeArgs{}, err
	case given["page"] && args.Page < 1:
		return tools.DescribeArgs{}, errors.New("the argument page must be at least 1")
	case given["purpose"] && args.Purpose == "":
		return tools.DescribeArgs{}, errNoPurpose
	}
	return args, nil
}

// errNoPurpose: an empty purpose is not the same as none, which a call without the argument has.
var errNoPurpose = errors.New("the argument purpose is empty: name one or leave it out")

// ReadArguments sets the fields, which are *string, *int, *bool, *[]string or *map[string]string, from exactly what the
// schema asks for, and maps each that was given to true.
func ReadArguments(raw json.RawMessage, fields map[string]any) (map[string]bool, error) {
	return readArguments(raw, fields, func(a strictjson.Member) (json.RawMessage, error) {
		if _, known := fields[a.Name]; !known {
			return nil, unknownArgument(a.Name, fields)
		}
		return a.Value, nil
	})
}

// readArguments sets the fields from the values that take makes of the arguments: nil for an argument that is ignored,
// an empty one for an argument that came without a value. It maps each argument that came to whether it has a value.
func readArguments(
	raw json.RawMessage,
	fields map[string]any,
	take func(strictjson.Member) (json.RawMessage, error),
) (map[string]bool, error) {
	given := map[string]bool{}
	if len(raw) == 0 {
		return given, nil
	}
	if !utf8.Valid(raw) {
		return nil, errors.New("the arguments are not valid UTF-8")
	}
	if raw[0] == '"' {
		return nil, errText
	}
	arguments, err := strictjson.Members(raw)
	if err != nil {
		return nil, fmt.Errorf("the arguments must be one JSON object: %w", asWords(err))
	}
	for _, argument := range arguments {
		value, err := take(argument)
		switch {
		case err != nil:
			return nil, err
		case value == nil:
			continue
		case len(value) > 0 && !readValue(value, fields[argument.Name]):
			return nil, fmt.Errorf("the argument %s must be %s", argument.Name, typeName(fields[argument.Name]))
		}
		given[argument.Name] = len(value) > 0
	}
	return given, nil
}

// object is one JSON object, as it came.
type object string

func readValue(raw json.RawMessage, field any) bool {
	switch to := field.(type) {
	case *object:
		*to = object(raw)
		return raw[0] == '{'
	case *[]string:
		var items []json.RawMessage
		if bytes.Equal(raw, null) || json.Unmarshal(raw, &items) != nil {
			return false
		}
		for _, item := range items {
			var s string
			if !readValue(item, &s) {
				return false
			}
			*to = append(*to, s)
		}
		return true
	case *map[string]string:
		members, err := strictjson.Below(raw)
		*to = map[string]string{}
		for _, m := range members {
			var s string
			if !readValue(m.Value, &s) {
				return false
			}
			(*to)[m.Name] = s
		}
		return err == nil
	}
	// encoding/json takes null for anything and leaves the field as it is.
	return !bytes.Equal(raw, null) && json.Unmarshal(raw, field) == nil
}

func typeName(field any) string {
	switch field.(type) {
	case *int:
		return "a whole number"
	case *bool:
		return "true or false"
	case *[]string:
		return "a list of strings"
	case *map[string]string:
		return "an object of strings"
	case *object:
		return "an object"
	}
	return "a string"
}

func argumentsOf(fields map[string]any) []string { return slices.Sorted(maps.Keys(fields)) }

// Clip shortens what a caller wrote, before it is repeated.
func Clip(s string) string {
	const longest = 64
	if len(s) <= longest {
		return s
	}
	return strings.ToValidUTF8(s[:longest], "") + "…"
}

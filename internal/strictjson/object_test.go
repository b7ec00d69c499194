package strictjson_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"deputy/internal/strictjson"
)

func nested(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }

func TestObject(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		want error
	}{
		"empty":                         {`{}`, nil},
		"members":                       {` {"sub":"kim", "aud":["a","b"], "n":1e400} `, nil},
		"the same name in two objects":  {`{"a":{"x":1},"b":{"x":2},"c":[{"x":1},{"x":2}]}`, nil},
		"twice":                         {`{"sub":"kim","sub":"sam"}`, strictjson.ErrDuplicate},
		"twice, the same value":         {`{"sub":"kim","sub":"kim"}`, strictjson.ErrDuplicate},
		"twice, written with an escape": {`{"sub":"kim","s\u0075b":"sam"}`, strictjson.ErrDuplicate},
		"twice, the empty name":         {`{"":1,"":2}`, strictjson.ErrDuplicate},
		"twice, deep down":              {`{"a":[{"b":{"x":1,"x":2}}]}`, strictjson.ErrDuplicate},
		"two lone surrogates":           {`{"\ud800":1,"\udfff":2}`, strictjson.ErrDuplicate},
		"something behind it":           {`{"a":1}x`, strictjson.ErrNotObject},
		"another object behind it":      {`{"a":1}{"a":1}`, strictjson.ErrNotObject},
		"a comma behind it":             {`{"a":1},`, strictjson.ErrNotObject},
		"a bracket behind it":           {`{"a":1}}`, strictjson.ErrNotObject},
		"a byte order mark":             {"\ufeff{}", strictjson.ErrNotObject},
		"nothing":                       {``, strictjson.ErrNotObject},
		"cut off":                       {`{"a":1`, strictjson.ErrNotObject},
		"cut off behind a name":         {`{"a"`, strictjson.ErrNotObject},
		"a comma too many":              {`{"a":1,}`, strictjson.ErrNotObject},
		"a comment":                     {`{"a":1/**/}`, strictjson.ErrNotObject},
		"single quotes":                 {`{'a':1}`, strictjson.ErrNotObject},
		"a number for a name":           {`{1:1}`, strictjson.ErrNotObject},
		"the wrong bracket":             {`{"a":[1}`, strictjson.ErrNotObject},
		"a list":                        {`[{"a":1}]`, strictjson.ErrNotObject},
		"null":                          {`null`, strictjson.ErrNotObject},
		"a text":                        {`"{}"`, strictjson.ErrNotObject},
		"not UTF-8 in a value":          {"{\"a\":\"\xff\"}", strictjson.ErrNotObject},
		"not UTF-8 in a name":           {"{\"\xc0\xaf\":1}", strictjson.ErrNotObject},
		"a line break in a text":        {"{\"a\":\"\n\"}", strictjson.ErrNotObject},
		"as deep as it may be":          {nested(16), nil},
		"too deep":                      {nested(17), strictjson.ErrNotObject},
		"too deep in a list":            {`{"a":` + strings.Repeat("[", 16) + strings.Repeat("]", 16) + `}`, strictjson.ErrNotObject},
	} {
		members, err := strictjson.Object([]byte(tt.text))
		if !errors.Is(err, tt.want) || (err != nil) != (tt.want != nil) {
			t.Errorf("%s: %v, not %v", name, err, tt.want)
		}
		if (members == nil) != (err != nil) {
			t.Errorf("%s: %d members beside %v", name, len(members), err)
		}
	}
}

// Names that differ in case are different members: encoding/json would take one for the other.
func TestCaseMatters(t *testing.T) {
	members, err := strictjson.Object([]byte(`{"sub":"kim","Sub":"sam","SUB":"lee"}`))
	if err != nil || len(members) != 3 || string(members["sub"]) != `"kim"` || string(members["Sub"]) != `"sam"` {
		t.Errorf("%s (%v)", members, err)
	}
}

// Numbers keep every digit that they are written with.
func TestNumbersStayWhole(t *testing.T) {
	const number = "12345678901234567890.10"
	members, err := strictjson.Object([]byte(`{"id":` + number + `}`))
	if err != nil || string(members["id"]) != number {
		t.Errorf("%s (%v)", members["id"], err)
	}
}

// Nothing of what was read stands in an error.
func TestErrorsTellNothing(t *testing.T) {
	for _, text := range []string{`{"hunter2":1,"hunter2":2}`, `{"hunter2"`, `hunter2`} {
		if _, err := strictjson.Object([]byte(text)); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// FuzzRewritten holds that what is accepted can be read in one way only: written anew from its members it is the same
// JSON, and each member is there once, whichever case its name has.
func FuzzRewritten(f *testing.F) {
	for _, text := range []string{`{}`, `{"a":1,"a":2}`, `{"a":1,"A":2}`, `{"a":1}x`, nested(16), nested(17), "{\"a\":\"\xff\"}",
		`{"a":[{"b":null},{"b":"\u0000"}]}`, `{"s\u0075b":1,"sub":2}`, `null`, ` [] `} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		members, err := strictjson.Object(data)
		if err != nil {
			if !errors.Is(err, strictjson.ErrNotObject) && !errors.Is(err, strictjson.ErrDuplicate) {
				t.Fatalf("an error of its own: %v", err)
			}
			return
		}
		if !json.Valid(data) {
			t.Fatalf("%q is no JSON", data)
		}
		written, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		again, err := strictjson.Object(written)
		if err != nil || len(again) != len(members) {
			t.Fatalf("%q is read as %d members, and written as %q as %d (%v)", data, len(members), written, len(again), err)
		}
		for name, value := range members {
			if !json.Valid(value) || len(value) == 0 || string(value) == "" {
				t.Fatalf("%q has %q for a value of %q", data, value, name)
			}
		}
	})
}

package strictjson_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"deputy/internal/strictjson"
)

func TestParseSaysWhere(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		want error
		at   int
	}{
		"an object":           {" {} \n", nil, 1},
		"a word":              {`"x"`, nil, 0},
		"nothing":             {"", strictjson.ErrCutOff, 0},
		"spaces":              {"  ", strictjson.ErrCutOff, 0},
		"cut off":             {`{"a": [1`, strictjson.ErrCutOff, 8},
		"cut off, and a line": {"{\"a\": [1\n\n", strictjson.ErrCutOff, 8},
		"cut off in a word":   {`{"a`, strictjson.ErrCutOff, 3},
		"two":                 {"{}\n{}", strictjson.ErrTrailing, 3},
		"not UTF-8":           {"\"\xff\"", strictjson.ErrNotText, 0},
	} {
		v, err := strictjson.Parse([]byte(tt.text))
		if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) || v.Offset != tt.at {
			t.Errorf("%s: %v at %d", name, err, v.Offset)
		}
	}
	v, err := strictjson.Parse([]byte("{\n<<<<"))
	if syntax := (*json.SyntaxError)(nil); !errors.As(err, &syntax) || v.Offset != 3 {
		t.Errorf("a conflict left by a merge: %v at %d", err, v.Offset)
	}
}

// Members come in their order, each with its place, and a name is there once, whatever its case.
func TestValueKeepsOrderAndPlace(t *testing.T) {
	const text = `  {"b": [1, "x", null], "a" :{"b":2},"B":"y"}`
	v, err := strictjson.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	at := func(v strictjson.Value) {
		if !strings.HasPrefix(text[v.Offset:], string(v.Text)) {
			t.Errorf("%s is not at %d", v.Text, v.Offset)
		}
	}
	ok, err := v.Members(func(name string, value strictjson.Value) error {
		at(value)
		names = append(names, name)
		if ok, err := value.Elements(func(e strictjson.Value) error {
			at(e)
			names = append(names, e.String())
			return nil
		}); ok != (name == "b") || err != nil {
			t.Errorf("%s is a list: %v (%v)", name, ok, err)
		}
		if word, ok := value.Word(); ok != (name == "B") || ok && word != "y" {
			t.Errorf("%s is the word %q: %v", name, word, ok)
		}
		return nil
	})
	if want := "b 1 x null a B"; !ok || err != nil || strings.Join(names, " ") != want {
		t.Errorf("the members are %v (%v)", names, err)
	}
}

func TestValueRefusesDuplicates(t *testing.T) {
	v, err := strictjson.Parse([]byte(`{"a":1,"\u0061":2}`))
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.Members(func(string, strictjson.Value) error { return nil })
	if twice, ok := errors.AsType[*strictjson.DuplicateError](err); !ok || twice.Name != "a" || twice.Offset != 16 {
		t.Errorf("a member that is there twice: %v", err)
	}
	stop := errors.New("stop")
	if _, err := v.Members(func(string, strictjson.Value) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of the reader is lost: %v", err)
	}
	if ok, err := v.Elements(nil); ok || err != nil {
		t.Errorf("an object is a list: %v", err)
	}
}

// FuzzValue holds that the members of a value are those that encoding/json finds, and stand where they are said to.
func FuzzValue(f *testing.F) {
	for _, text := range []string{`{}`, `{"a":[1,{"b":"}"}],"c":"\"]"}`, `[[],[1]]`, "{\"a\":\"\\u00e9\"}", `{"a":1,"a":2}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := strictjson.Parse(data)
		if err != nil {
			return
		}
		found := map[string]string{}
		isObject, err := v.Members(func(name string, value strictjson.Value) error {
			if string(data[value.Offset:value.Offset+len(value.Text)]) != string(value.Text) {
				t.Fatalf("%q: %q is not at %d", data, value.Text, value.Offset)
			}
			found[name] = string(value.Text)
			return nil
		})
		if errors.Is(err, strictjson.ErrDuplicate) || !isObject {
			return
		}
		var want map[string]json.RawMessage
		if json.Unmarshal(data, &want) != nil || err != nil || len(want) != len(found) {
			t.Fatalf("%q has %d members, not %d (%v)", data, len(found), len(want), err)
		}
		for name, value := range want {
			if found[name] != string(value) {
				t.Fatalf("%q: %q is %q, not %q", data, name, found[name], value)
			}
		}
	})
}

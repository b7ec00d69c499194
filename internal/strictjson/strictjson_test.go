package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// reference reads an object token by token with encoding/json: slower, and nothing of it is ours.
func reference(data []byte) (members []Member, ok bool) {
	d := json.NewDecoder(bytes.NewReader(data))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, false
	}
	for d.More() {
		key, err := d.Token()
		name, text := key.(string)
		if err != nil || !text || len(members) == maxMembers {
			return nil, false
		}
		for _, m := range members {
			if strings.EqualFold(m.Name, name) {
				return nil, false
			}
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return nil, false
		}
		members = append(members, Member{name, value})
	}
	if _, err := d.Token(); err != nil {
		return nil, false
	}
	_, err := d.Token()
	return members, err == io.EOF
}

var written = []string{
	``, ` `, `{`, `}`, `{}`, ` { } `, `{}{}`, `{}x`, `[]`, `null`, `7`, `"{}"`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{"a" 1}`,
	`{"a":1}`, ` {"a" : 1 , "b":[ {"c":"}"} , "]" ] } `, `{"a":"\"","b":"\\"}`, `{"a":{"b":{"c":[[],{}]}}}`, `{"a":-1.5e+3,"b":true}`,
	`{"a":1,"a":2}`, `{"a":1,"A":2}`, `{"a":1,"\u0061":2}`, `{"k":1,"\u212a":2}`, `{"\ud800":1}`, "{\"\xff\":1}", "{\"a\":\"\xff\"}",
	`{"a":{"b":1,"b":2}}`, `{"a":[{"b":1,"b":2}]}`, `{"":1}`, `{"a":"`, `{"a":"\`, `{"a`, `{"a":[`, `{"a":1]`, `{"a":[}`,
}

func TestMembersAreThoseOfEncodingJSON(t *testing.T) {
	for _, text := range written {
		compare(t, []byte(text))
	}
}

func compare(t *testing.T, data []byte) {
	t.Helper()
	got, err := Members(data)
	want, ok := reference(data)
	if (err == nil) != ok || ok && (len(got) != len(want) || len(got) > 0 && !reflect.DeepEqual(got, want)) {
		t.Errorf("%q is read as %q, %v; encoding/json reads %q, %v", data, got, err, want, ok)
	}
}

// Whatever the bytes: members are those that encoding/json reads, and what is not checked ends.
func FuzzMembers(f *testing.F) {
	for _, text := range written {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		compare(t, data)
		_, _ = Below(data) // it may be anything, and must end
	})
}

// duplicate looks with encoding/json for a name that is there twice in one object.
func duplicate(d *json.Decoder) (twice bool, deepest int) {
	token, err := d.Token()
	opening, nested := token.(json.Delim)
	if err != nil || !nested {
		return false, 0
	}
	seen := map[string]bool{}
	for d.More() {
		if opening == '{' {
			key, _ := d.Token()
			name, _ := key.(string)
			twice = twice || seen[name]
			seen[name] = true
		}
		below, depth := duplicate(d)
		twice, deepest = twice || below, max(deepest, depth)
	}
	_, _ = d.Token()
	return twice, deepest + 1
}

// Whatever the bytes: an object is taken if and only if no name is there twice at any depth.
func FuzzObject(f *testing.F) {
	for _, text := range written {
		f.Add([]byte(text))
	}
	f.Add([]byte(strings.Repeat(`{"a":`, 16) + `1` + strings.Repeat(`}`, 16)))
	f.Add([]byte(strings.Repeat(`{"a":`, 17) + `1` + strings.Repeat(`}`, 17)))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Object(data)
		var want map[string]json.RawMessage
		readable := utf8.Valid(data) && json.Unmarshal(data, &want) == nil && want != nil
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		twice, depth := false, 0
		if readable {
			twice, depth = duplicate(d)
		}
		if fine := readable && !twice && depth <= maxDepth; fine != (err == nil) {
			t.Fatalf("%q: %v; readable %v, a name twice %v, %d deep", data, err, readable, twice, depth)
		}
		if err == nil && !reflect.DeepEqual(got, want) {
			t.Errorf("%q is read as %q, want %q", data, got, want)
		}
	})
}

func TestErrorsHoldNothingThatWasRead(t *testing.T) {
	for _, text := range []string{`{"hunter2":1,"hunter2":2}`, `{"hunter2":1,"HUNTER2":2}`, `hunter2`} {
		_, err := Members([]byte(text))
		if err == nil || strings.Contains(strings.ToLower(err.Error()), "hunter2") {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := Members([]byte(`{"a":1,"A":2}`)); !errors.Is(err, ErrDuplicate) {
		t.Errorf("a member that is there twice is %v", err)
	}
}

func TestTooManyMembersAreRefused(t *testing.T) {
	var keys []string
	for i := range maxMembers + 1 {
		keys = append(keys, `"`+strings.Repeat("x", i+1)+`":0`)
	}
	if _, err := Members([]byte(`{` + strings.Join(keys[1:], ",") + `}`)); err != nil {
		t.Errorf("%d members: %v", maxMembers, err)
	}
	if _, err := Members([]byte(`{` + strings.Join(keys, ",") + `}`)); !errors.Is(err, ErrTooMany) {
		t.Errorf("%d members: %v", maxMembers+1, err)
	}
}

package oidc

import (
	"testing"
	"unicode/utf8"

	strict "github.com/go-jose/go-jose/v4/json"
)

// FuzzClaims holds the decoder against go-jose's JSON reader, which also takes names exactly and refuses duplicates.
func FuzzClaims(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `[]`, `"sub"`, ``, `{"sub":"taylor"}`, ` { "sub" : "taylor" , "groups" : [ "a" , "b" ] } `,
		`{"sub":"a","sub":"b"}`, `{"sub":"a","Sub":"b"}`, `{"sub":"a","s\u0075b":"b"}`, `{"act":{"sub":"a","sub":"b"}}`,
		`{"a":[{"b":1},{"b":2}]}`, `{"exp":1e300}`, `{"exp":-0}`, `{"exp":"1"}`, `{"exp":1.5,"nbf":null}`, `{"sub":"\ud800"}`, "{\"sub\":\"\xff\"}",
		`{"sub":"a"}{}`, `{"sub":"a",}`, `{"sub":}`, `{,}`, `{"a" "b"}`, `[1 2]`, `{"groups":[[]]}`, `{"groups":["a",null,1,true]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := decodeClaims(data)
		if err != nil {
			return
		}
		if !utf8.Valid(data) {
			t.Fatal("claims are UTF-8")
		}
		var reference map[string]any
		if err := strict.Unmarshal(data, &reference); err != nil {
			t.Fatalf("what is taken here is taken by a strict reader: %v", err)
		}
		if len(reference) != len(c) {
			t.Fatalf("both read the same claims: %d and %d", len(c), len(reference))
		}
		for name := range c {
			value, ok := reference[name]
			if !ok {
				t.Fatalf("both read the claim %q", name)
			}
			if text, err := c.text(name); err == nil && text != value {
				t.Fatalf("both read the same text: %q and %v", text, value)
			}
			if id, err := c.id(name); err == nil && (id == "" || !utf8.ValidString(id)) {
				t.Fatalf("an id that is there is something: %q", id)
			}
			c.list(name)
			c.values(name)
			c.date(name)
			c.object(name)
		}
	})
}

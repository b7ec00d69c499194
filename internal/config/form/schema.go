package form

import (
	"bytes"
	"encoding/json"
	"slices"
)

// draft7 is what the language servers of editors know best.
const draft7 = "http://json-schema.org/draft-07/schema#"

// Schema is a JSON Schema, as far as the form needs one.
type Schema struct {
	Version              string             `json:"$schema,omitempty"`
	Ref                  string             `json:"$ref,omitempty"`
	Definitions          map[string]*Schema `json:"$defs,omitempty"`
	AllOf                []*Schema          `json:"allOf,omitempty"`
	AnyOf                []*Schema          `json:"anyOf,omitempty"`
	Not                  *Schema            `json:"not,omitempty"`
	If                   *Schema            `json:"if,omitempty"`
	Then                 *Schema            `json:"then,omitempty"`
	Items                *Schema            `json:"items,omitempty"`
	Properties           properties         `json:"properties,omitempty"`
	AdditionalProperties any                `json:"additionalProperties,omitempty"` // a *Schema, or false
	PropertyNames        *Schema            `json:"propertyNames,omitempty"`
	Type                 any                `json:"type,omitempty"` // a word, or several
	Enum                 []string           `json:"enum,omitempty"`
	Const                string             `json:"const,omitempty"`
	Maximum              json.Number        `json:"maximum,omitempty"`
	Minimum              json.Number        `json:"minimum,omitempty"`
	ExclusiveMinimum     json.Number        `json:"exclusiveMinimum,omitempty"`
	Pattern              string             `json:"pattern,omitempty"`
	MinItems             int                `json:"minItems,omitempty"`
	MaxProperties        int                `json:"maxProperties,omitempty"`
	MinProperties        int                `json:"minProperties,omitempty"`
	Required             []string           `json:"required,omitempty"`
	Title                string             `json:"title,omitempty"`
	Description          string             `json:"description,omitempty"`
	Examples             []string           `json:"examples,omitempty"`
}

// properties keep their order. A nil schema refuses the key.
type properties []property

type property struct {
	name string
	is   *Schema
}

// MarshalJSON writes an object with the keys in their order.
func (p properties) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	for i, one := range p {
		if i > 0 {
			out.WriteByte(',')
		}
		value, err := plainJSON(one.is)
		if one.is == nil {
			value = []byte("false")
		}
		if err != nil {
			return nil, err
		}
		name, _ := json.Marshal(one.name) // a string always can be
		out.Write(append(append(name, ':'), value...))
	}
	return append(append([]byte("{"), out.Bytes()...), '}'), nil
}

// plainJSON leaves <, > and & as they are.
func plainJSON(v any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimSpace(out.Bytes()), err
}

// JSONSchema is the JSON Schema of the file.
func JSONSchema() ([]byte, error) {
	root := File.schema()
	root.Version, root.Title, root.Definitions = draft7, "Deputy", map[string]*Schema{}
	for _, p := range root.Properties { // a section may be empty
		*p.is = Schema{AnyOf: []*Schema{clone(p.is), {Type: "null"}}, Description: p.is.Description}
	}
	describe(root.Definitions, File)
	for name, s := range sharedSchemas() {
		root.Definitions[name] = s
	}
	plain, err := plainJSON(root)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = json.Indent(&out, append(plain, '\n'), "", "  ")
	return out.Bytes(), err
}

func clone(s *Schema) *Schema { c := *s; return &c }

// describe adds the sections below a section.
func describe(defs map[string]*Schema, s *Section) {
	for _, k := range s.Keys {
		if below := k.Kind.Section(); below != nil && defs[below.Name] == nil {
			defs[below.Name] = below.schema()
			describe(defs, below)
		}
	}
}

func (s *Section) schema() *Schema {
	out := &Schema{Type: "object", Description: s.Doc, AdditionalProperties: false}
	for i := range s.Keys {
		k := &s.Keys[i]
		out.Properties = append(out.Properties, property{k.Name, k.schema()})
		if k.needed() && k.Of == "" {
			out.Required = append(out.Required, k.Name)
		}
	}
	if s.OneOf != nil {
		out.AnyOf = oneRequired(s.OneOf)
	}
	if s.NotBoth != nil {
		out.Not = &Schema{Required: s.NotBoth}
	}
	out.AllOf = s.variants()
	if s.more != nil {
		s.more(out)
	}
	return out
}

func (k *Key) schema() *Schema {
	s := k.Kind.schema()
	if k.Missing != "" {
		switch s.Type {
		case "array":
			s.MinItems = 1
		case "object":
			s.MinProperties = 1
		}
	}
	s.Description = k.Doc
	if holds := k.without(); holds != "" {
		s.Description += " Default: " + holds + "."
	}
	return s
}

// without is what holds when the key is left out, in words.
func (k *Key) without() string {
	if k.Default != "" {
		return k.Default
	}
	return k.Without
}

// variants says which keys belong to which value of the section's Variant.
func (s *Section) variants() (out []*Schema) {
	if s.Variant == "" {
		return nil
	}
	for _, value := range s.key(s.Variant).Kind.words {
		then := &Schema{}
		for _, k := range s.Keys {
			switch {
			case k.Of != "" && k.Of != value:
				then.Properties = append(then.Properties, property{k.Name, nil})
			case k.Of == value && k.needed():
				then.Required = append(then.Required, k.Name)
			}
		}
		is := properties{{s.Variant, &Schema{Const: value}}}
		out = append(out, &Schema{If: &Schema{Type: "object", Properties: is, Required: []string{s.Variant}}, Then: then})
	}
	return out
}

// without refuses all of these keys but some.
func without(all, but []string) *Schema {
	s := &Schema{}
	for _, key := range all {
		if !slices.Contains(but, key) {
			s.Properties = append(s.Properties, property{key, nil})
		}
	}
	return s
}

func oneRequired(names []string) (out []*Schema) {
	for _, name := range names {
		out = append(out, &Schema{Required: []string{name}})
	}
	return out
}

// The parts that schemas are built of. Every call makes new ones, since descriptions are put into them.

func ref(name string) *Schema { return &Schema{Ref: "#/$defs/" + name} }

func anyOf(s ...*Schema) *Schema { return &Schema{AnyOf: s} }

func orVariable(s *Schema) *Schema { return anyOf(s, ref("Variable")) }

// matching is text that is all of that form, or has a variable in it.
func matching(form string) *Schema {
	return orVariable(&Schema{Type: "string", Pattern: `^(` + form + `)$`})
}

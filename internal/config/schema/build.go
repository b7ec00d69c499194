package main

import "github.com/invopop/jsonschema"

// The parts that schemas are built of. Every call makes new ones, since descriptions are put into them.

func text() *schema { return ref("Text") }

func nonEmpty() *schema { return ref("NonEmpty") }

// pattern is text that is all of that form, or has a variable in it.
func pattern(form string) *schema {
	return orVariable(&schema{Type: "string", Pattern: `^(` + form + `)$`})
}

// words is one of these.
func words[T ~string](known ...T) *schema {
	s := &schema{}
	for _, word := range known {
		s.Enum = append(s.Enum, string(word))
	}
	return orVariable(s)
}

func orVariable(s *schema) *schema { return anyOf(s, ref("Variable")) }

func orNull(s *schema) *schema {
	return help(anyOf(s, &schema{Type: "null"}), s.Description)
}

func anyOf(s ...*schema) *schema { return &schema{AnyOf: s} }

func ref(name string) *schema { return &schema{Ref: "#/$defs/" + name} }

func help(s *schema, text string) *schema {
	s.Description = text
	return s
}

// oneOrMany is a list, or one alone without brackets.
func oneOrMany(item *schema) *schema { return anyOf(item, &schema{Type: "array", Items: item}) }

func atLeastOne(s *schema) *schema {
	s.AnyOf[1].MinItems = count1()
	return s
}

func count1() *uint64 { one := uint64(1); return &one }

func matchers() *schema { return &schema{Type: "array", Items: ref("Matcher"), MinItems: count1()} }

type property struct {
	name string
	is   *schema
}

func object(required []string, properties ...property) *schema {
	s := &schema{
		Type:                 "object",
		Required:             required,
		AdditionalProperties: jsonschema.FalseSchema,
		Properties:           jsonschema.NewProperties(),
	}
	for _, p := range properties {
		s.Properties.Set(p.name, p.is)
	}
	return s
}

func exactlyOne(properties ...property) *schema {
	s := object(nil, properties...)
	s.MinProperties, s.MaxProperties = count1(), count1()
	return s
}

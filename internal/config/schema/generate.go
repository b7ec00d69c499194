package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/invopop/jsonschema"
	"go.yaml.in/yaml/v4"

	"deputy/internal/config"
)

// draft7 is what the language servers of editors know best.
const draft7 = "http://json-schema.org/draft-07/schema#"

// generate makes the schema from the types and their comments. Its working directory is the root of the module.
func generate() ([]byte, error) {
	var unknown []string
	r := &jsonschema.Reflector{
		Anonymous: true, ExpandedStruct: true, FieldNameTag: "yaml", RequiredFromJSONSchemaTags: true,
		Namer: typeName,
		Mapper: func(t reflect.Type) *jsonschema.Schema {
			s, known := schemaOf(t)
			if !known {
				unknown = append(unknown, t.String())
				return jsonschema.TrueSchema
			}
			return s
		},
	}
	for _, folder := range []string{"identity", "entitlements", "internal/config"} {
		if err := r.AddGoComments("deputy", folder); err != nil {
			return nil, err
		}
	}
	for name, comment := range r.CommentMap {
		r.CommentMap[name] = asHelp(name, comment)
	}
	root := r.Reflect(&config.Config{})
	if len(unknown) > 0 {
		return nil, fmt.Errorf(
			"these types read their own YAML and are not described in types.go: %s",
			strings.Join(unknown, ", "),
		)
	}
	root.Version, root.Title, root.Description = draft7, "Deputy", "The configuration of Deputy: who may call, what is governed, and what holds."
	describeOwnTypes(root.Definitions, r.CommentMap)
	if err := addRules(root); err != nil {
		return nil, err
	}
	for pair := root.Properties.Oldest(); pair != nil; pair = pair.Next() {
		pair.Value = orNull(pair.Value) // a section may be empty
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(root)
	return out.Bytes(), err
}

// schemaOf describes types that are not what they look like in Go; nil: what it looks like is what it is. It is not
// known when the type reads YAML in a way that nobody described.
func schemaOf(t reflect.Type) (s *jsonschema.Schema, known bool) {
	if describe, ok := ownTypes[t]; ok {
		return describe(), true
	}
	switch t.Kind() {
	case reflect.String:
		return text(), true
	case reflect.Int:
		return orVariable(&jsonschema.Schema{Type: "integer"}), true
	case reflect.Bool:
		return orVariable(&jsonschema.Schema{Type: "boolean"}), true
	case reflect.Slice:
		if t.Elem().Kind() == reflect.String {
			item, _ := schemaOf(t.Elem())
			return oneOrMany(item), true
		}
	}
	reads := reflect.PointerTo(t).Implements(reflect.TypeFor[yaml.Unmarshaler]())
	return nil, !reads || hasKeys(t)
}

func hasKeys(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.NumField() > 0 && t.Field(0).Tag.Get("yaml") != ""
}

// typeName is what a type is called in the schema: identity.Config is Identity, identity.AgentConfig is Agent.
func typeName(t reflect.Type) string {
	if t.Name() == "Config" && t != reflect.TypeFor[config.Config]() {
		pkg := t.PkgPath()[strings.LastIndexByte(t.PkgPath(), '/')+1:]
		return strings.ToUpper(pkg[:1]) + pkg[1:]
	}
	return strings.TrimSuffix(t.Name(), "Config")
}

// asHelp turns a comment for readers of the code into one for whoever writes the file: "IssuerConfig is one OpenID
// provider." becomes "One OpenID provider."
func asHelp(name, comment string) string {
	comment = strings.ReplaceAll(comment, "\n", " ")
	typ := name[strings.LastIndexByte(name, '.')+1:]
	if rest, ok := strings.CutPrefix(comment, typ+" "); ok {
		comment = strings.TrimPrefix(strings.TrimPrefix(rest, "is "), "are ")
	}
	first, size := utf8.DecodeRuneInString(comment)
	if word, _, _ := strings.Cut(comment, " "); strings.ContainsAny(strings.Trim(word, ":;"), ":._") {
		return comment // an address or a key, not a sentence
	}
	return string(unicode.ToUpper(first)) + comment[size:]
}

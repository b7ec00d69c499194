package form_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"deputy/internal/config"
	"deputy/internal/config/form"
)

// notKeys are fields of the Go types that no key sets.
var notKeys = []string{"Config.Version"}

// The table has a row for each field of the Go types, and a field for each row. What reads its YAML itself is left out.
func TestTableAndTypesKnowSameKeys(t *testing.T) {
	compare(t, form.File, reflect.TypeFor[config.Config]())
}

func compare(t *testing.T, s *form.Section, typ reflect.Type) {
	t.Helper()
	fields := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(typ) {
		if name := typ.Name() + "." + f.Name; f.IsExported() && !slices.Contains(notKeys, name) {
			fields[strings.ToLower(f.Name)] = f.Type
		}
	}
	for _, k := range s.Keys {
		name := strings.ReplaceAll(k.Name, "_", "")
		inner, there := fields[name]
		if !there {
			t.Errorf("%s has no field for the key %s", typ, k.Name)
			continue
		}
		delete(fields, name)
		for slices.Contains([]reflect.Kind{reflect.Pointer, reflect.Slice, reflect.Map}, inner.Kind()) {
			inner = inner.Elem()
		}
		if part := k.Kind.Section(); part != nil && !k.Kind.ReadsItself() {
			compare(t, part, inner)
		}
	}
	if len(fields) > 0 {
		t.Errorf("the table has no key for the fields %v of %s", fields, typ)
	}
}

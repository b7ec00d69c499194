package form_test

import (
	"reflect"
	"slices"
	"testing"

	"deputy/internal/config"
	"deputy/internal/config/form"
)

// The table has a row for each key that the Go types know, and no other.
func TestTableAndTypesKnowSameKeys(t *testing.T) {
	compare(t, "the file", form.File, reflect.TypeFor[config.Config]())
}

func compare(t *testing.T, at string, s *form.Section, typ reflect.Type) {
	t.Helper()
	var want, got []string
	below := map[string]reflect.Type{}
	for i := range typ.NumField() {
		if key := typ.Field(i).Tag.Get("yaml"); key != "" {
			want, below[key] = append(want, key), typ.Field(i).Type
		}
	}
	for _, k := range s.Keys {
		got = append(got, k.Name)
		inner := below[k.Name]
		for inner != nil && (inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice || inner.Kind() == reflect.Map) {
			inner = inner.Elem()
		}
		if part := k.Kind.Section(); part != nil && inner != nil && inner.Field(0).Tag.Get("yaml") != "" {
			compare(t, at+"."+k.Name, part, inner)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s has the keys %v in the table, and %v in Go", at, got, want)
	}
}

package mask_test

import (
	"slices"
	"strings"
	"testing"

	"deputy/entitlements/catalog"
	"deputy/entitlements/mask"
)

// The constants are what the engines and other packages name: none may lack a row, or it would fit nothing.
func TestEachKindHasItsRow(t *testing.T) {
	want := []mask.Kind{
		mask.MaskNull, mask.MaskConstant, mask.MaskHash, mask.MaskFormatPreserving, mask.MaskBucket, mask.MaskTruncate,
		mask.MaskRound, mask.MaskEmail, mask.MaskPartial, mask.MaskRegex, mask.MaskSQL,
	}
	if got := mask.Kinds(); !slices.Equal(got, want) {
		t.Errorf("from the strictest on, the kinds are\n%v\nnot\n%v", got, want)
	}
	for _, kind := range want {
		if keyed := kind == mask.MaskHash || kind == mask.MaskFormatPreserving; kind.Keyed() != keyed {
			t.Errorf("%s: keyed is %v", kind, !keyed)
		}
	}
}

func TestRowsAreWhole(t *testing.T) {
	for _, f := range mask.Forms() {
		name := string(f.Kind)
		if f.Doc == "" || !strings.Contains(f.Write, name) {
			t.Errorf("%s has no doc, or is not written with its name: %q", name, f.Write)
		}
		if f.Kind.NeedsNothing() != (f.Write == name) {
			t.Errorf("%s takes %d values and is written as %s", name, len(f.Values), f.Write)
		}
		if written := (mask.Mask{Kind: f.Kind}).String(); (written == name) != f.Kind.NeedsNothing() {
			t.Errorf("%s is written as %s", name, written)
		}
		if keys := f.Section != ""; keys != (f.SectionDoc != "") || (f.Entry != "") != (f.Add != nil) {
			t.Errorf("%s has half of what a section needs", name)
		}
		for _, v := range f.Values {
			if v.Set == nil || (v.Key != "") != (f.Section != "") || (v.Key != "") != (v.Doc != "") {
				t.Errorf("%s has half a value: %+v", name, v)
			}
			if needs := v.Shape == mask.Choice || v.Shape == mask.Option; needs != (len(v.Words) > 0) {
				t.Errorf("%s is one of the words %v", name, v.Words)
			}
		}
	}
}

func TestStrictnessIsNeverShared(t *testing.T) {
	for _, a := range mask.Kinds() {
		for _, b := range mask.Kinds() {
			if a != b && mask.Compare(mask.Mask{Kind: a}, mask.Mask{Kind: b}) == 0 {
				t.Errorf("%s is as strict as %s", a, b)
			}
		}
	}
}

func TestUnknownKindFitsNothing(t *testing.T) {
	blur := mask.Mask{Kind: "blur"}
	if blur.Fits(catalog.Column{Kind: catalog.Text}) || blur.Check() == nil || blur.Kind.NeedsNothing() {
		t.Error("a kind that is not in the table is taken for a mask")
	}
	if mask.Compare(blur, mask.Mask{Kind: mask.MaskNull}) >= 0 {
		t.Error("a kind that is not in the table hides everything, and yet null is stricter")
	}
}

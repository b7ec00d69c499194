// Package masking is the part of the suite that is about masks: what each shows of each type, chains of masks with
// conditions, keyed masks, and that a statement never sees anything but masked values.
package masking

import (
	"fmt"
	"math/big"
	"slices"
	"testing"

	"deputy/entitlements"
	"deputy/entitlements/expression"
	"deputy/vending/enginetest/trial"
)

// Groups are the tests about masks.
func Groups() []trial.Group {
	return []trial.Group{
		{Name: "masks", Test: testMasks},
		{Name: "chains of masks", Test: testChains},
		{Name: "masked values stay apart or equal", Test: testKeyedMasks},
		{Name: "masks are all a statement ever sees", Test: testMasksHold},
	}
}

// Masks of the table, each under the name that it has there.
var (
	null             = entitlements.Mask{Kind: entitlements.MaskNull}
	hash             = entitlements.Mask{Kind: entitlements.MaskHash}
	formatPreserving = entitlements.Mask{Kind: entitlements.MaskFormatPreserving}
	email            = entitlements.Mask{Kind: entitlements.MaskEmail}
)

func hashOf(length int) entitlements.Mask {
	return entitlements.Mask{Kind: entitlements.MaskHash, Length: length}
}

func partial(first, last int) entitlements.Mask {
	return entitlements.Mask{Kind: entitlements.MaskPartial, First: first, Last: last}
}

func regex(pattern, replace string) entitlements.Mask {
	return entitlements.Mask{Kind: entitlements.MaskRegex, Pattern: pattern, Replace: replace}
}

func keeping(m entitlements.Mask) entitlements.Mask { m.Keep = true; return m }

func round(step string) entitlements.Mask {
	return entitlements.Mask{Kind: entitlements.MaskRound, Step: step}
}

func truncate(unit entitlements.Unit) entitlements.Mask {
	return entitlements.Mask{Kind: entitlements.MaskTruncate, Unit: unit}
}

// bucket takes bounds and names in turn; a name alone at the end is that of the rest.
func bucket(words ...string) entitlements.Mask {
	m := entitlements.Mask{Kind: entitlements.MaskBucket}
	for pair := range slices.Chunk(words, 2) {
		if len(pair) == 1 {
			pair = []string{"", pair[0]}
		}
		m.Buckets = append(m.Buckets, entitlements.Bucket{Below: pair[0], Name: pair[1]})
	}
	return m
}

// sqlMask is an expression over $column, which stands between the pieces.
func sqlMask(pieces ...string) entitlements.Mask {
	m := entitlements.Mask{Kind: entitlements.MaskSQL}
	for i, piece := range pieces {
		if i > 0 {
			m.SQL = append(m.SQL, expression.Part{Variable: expression.ThisColumn})
		}
		m.SQL = append(m.SQL, expression.Part{SQL: piece})
	}
	return m
}

const nothing = "<nil>"

// example is what the two rows of a column show under a mask.
type example struct {
	mask        entitlements.Mask
	first, then string
}

// shown are examples of masks that fit a column.
var shown = map[string][]example{
	"id": {
		{round("10"), "0", "0"}, {round("2"), "2", "2"}, {round("0.4"), "1.2", "2"}, {trial.Constant("0"), "0", "0"},
		{bucket("2", "low"), "low", nothing},
		{sqlMask("", " * 10"), "10", "20"},
		{sqlMask("(SELECT max(r.country) FROM sales.regions r WHERE r.region = 'EU-NORTH' AND ", " > 1)"), nothing, "Norway"},
	},
	"big": {
		{round("10"), "9007199254740990", "10"}, {round("1000"), "9007199254741000", "0"},
		{round("0.5"), "9007199254740993", "7"},
		{trial.Constant("-12"), "-12", "-12"},
		{bucket("7", "few", "9007199254740993", "some"), nothing, "some"}, {bucket("100", "few", "many"), "many", "few"},
		{sqlMask("", " > 7"), "true", "false"},
	},
	"exact": {
		{round("25"), "25", "0"}, {round("5"), "15", "-5"}, {round("2"), "12", "-4"}, {round("0.25"), "12.5", "-3"},
		{round("1000000000000"), "0", "0"}, {trial.Constant("-1.5"), "-1.5", "-1.5"},
		{bucket("0", "negative", "12.5", "low"), nothing, "negative"},
		{bucket("-3", "low", "12.501", "middle", "high"), "middle", "middle"}, {sqlMask("", " * 2"), "25", "-6"},
	},
	"approx": {
		{round("0.5"), "0.5", "2.5"}, {round("1"), "1", "2"}, {round("0.2"), "0.6", "2.2"},
		{trial.Constant("1.5"), "1.5", "1.5"},
		{bucket("0.5", "low", "2.25", "middle", "high"), "middle", "high"}, {sqlMask("", " + 1"), "1.5", "3.25"},
	},
	"flag": {
		{trial.Constant("false"), "false", "false"}, {trial.Constant("true"), "true", "true"},
		{sqlMask("CASE WHEN ", " THEN 'yes' ELSE 'no' END"), "yes", "no"},
	},
	"day": {
		{truncate("year"), "2026-01-01", "2026-01-01"}, {truncate("quarter"), "2026-10-01", "2026-01-01"},
		{truncate("month"), "2026-11-01", "2026-01-01"},
		{truncate("week"), "2026-11-23", "2026-01-26"}, {trial.Constant("1970-01-01"), "1970-01-01", "1970-01-01"},
		{bucket("2026-02-01", "winter", "2026-11-23", "summer"), nothing, "winter"},
		{bucket("2026-01-31", "before", "after"), "after", "after"}, {sqlMask("", " < '2026-02-01'"), "false", "true"},
	},
	"note": {
		{trial.Constant("REDACTED"), "REDACTED", "REDACTED"}, {trial.Constant("it's '); --"), "it's '); --", "it's '); --"},
		{trial.Constant(`\`), `\`, `\`},
		{partial(1, 1), "h*****☂", "i**s"}, {partial(0, 2), "***** ☂", "**'s"}, {partial(2, 2), "hé*** ☂", "****"},
		{partial(1<<40, 1<<40), "*******", "****"},
		{email, "***", "***"},
		{
			hash,
			"cadf108d958dcd56",
			"c519881c2078cbca",
		},
		{hashOf(8), "cadf108d", "c519881c"},
		{
			hashOf(64),
			"cadf108d958dcd569aa6c5659784255c62d26abd3d0dbaa45697bd3fd62afc74",
			"c519881c2078cbca78004922b79648fafa89b37e87c765f10a5bd34ff466c889",
		},
		{formatPreserving, "yjowy o", "qv'm"}, {regex("[a-z]+", "x"), "xéx ☂", "x'x"}, {regex("é", "e"), "hello ☂", nothing},
		{keeping(regex("é", "e")), "hello ☂", "it's"},
		{regex("^(.)(.)", `\2\1`), "éhllo ☂", "ti's"}, {regex("'", `\\$1`), nothing, `it\$1s`}, {regex(".+", ""), "", ""},
		{sqlMask("length(", ")"), "7", "4"},
		{sqlMask("substr(", ", 1, 1) || '…'"), "h…", "i…"},
	},
	"missing": {
		{trial.Constant("REDACTED"), "REDACTED", "REDACTED"}, {partial(1, 1), nothing, nothing}, {email, nothing, nothing},
		{hash, nothing, nothing}, {formatPreserving, nothing, nothing}, {keeping(regex(".+", "x")), nothing, nothing},
		{sqlMask("coalesce(", ", '-')"), "-", "-"},
	},
	"email": {
		{trial.Constant("REDACTED"), "REDACTED", "REDACTED"}, {email, "***@example.com", "***@b.example"},
		{partial(2, 0), "ta****************", "od****************"},
		{
			hash,
			"283ee6ab1af4a9ba",
			"9e6296c9a7c9f4c6",
		},
		{formatPreserving, "ancsgg@kzmmwpm.omz", "wpi@yzwe@o.dzkjxsu"},
		{regex("^[^@]+@", "-@"), "-@example.com", "-@name@b.example"},
		{sqlMask("upper(", ")"), "TAYLOR@EXAMPLE.COM", "ODD@NAME@B.EXAMPLE"},
	},
	"phone": {
		{trial.Constant("REDACTED"), "REDACTED", "REDACTED"}, {email, "***", "***"},
		{partial(0, 4), "***********1 99", "****0199"},
		{regex(`\d`, "#"), "+## ## ## ## ##", "###-####"},
		{
			hash,
			"3d546b009929d1ee",
			"b49958a7de9be594",
		},
		{formatPreserving, "+83 46 89 01 87", "577-6934"}, {sqlMask("length(", ")"), "15", "8"},
	},
	"code": { // varchar(5): no mask is cut
		{trial.Constant("REDACTED"), "REDACTED", "REDACTED"}, {email, "***", "***"}, {partial(2, 0), "AB***", "it**"},
		{regex("^.", "former-A"), "former-AB-12", "former-At's"},
		{
			hash,
			"3bebc919f4a38a73",
			"c519881c2078cbca",
		},
		{formatPreserving, "QJ-47", "qv'm"}, {sqlMask("", " || ", ""), "AB-12AB-12", "it'sit's"},
	},
	"padded": { // char(8): the spaces at its end are no part of a value
		{trial.Constant("REDACTED IT IS"), "REDACTED IT IS", "REDACTED IT IS"}, {email, "***", "***"},
		{partial(1, 1), "A***2", "i**s"}, {regex(".$", "_"), "AB-1_", "it'_"},
		{
			hash,
			"3bebc919f4a38a73",
			"c519881c2078cbca",
		},
		{formatPreserving, "QJ-47", "qv'm"}, {sqlMask("length(", ")"), "5", "4"},
	},
	"stamp": {
		{truncate("year"), "2026-01-01T00:00:00", "2026-01-01T00:00:00"},
		{truncate("quarter"), "2026-10-01T00:00:00", "2026-01-01T00:00:00"},
		{truncate("month"), "2026-11-01T00:00:00", "2026-01-01T00:00:00"},
		{truncate("week"), "2026-11-23T00:00:00", "2026-01-26T00:00:00"},
		{truncate("day"), "2026-11-23T00:00:00", "2026-01-31T00:00:00"},
		{truncate("hour"), "2026-11-23T10:00:00", "2026-01-31T23:00:00"},
		{truncate("minute"), "2026-11-23T10:41:00", "2026-01-31T23:59:00"},
		{bucket("2026-02-01", "winter", "2026-11-24", "summer", "late"), "summer", "winter"},
		{bucket("2026-01-31", "before"), nothing, nothing},
		{trial.Constant("1970-01-01T00:00:00Z"), "1970-01-01T00:00:00", "1970-01-01T00:00:00"},
		{sqlMask("", " < '2026-02-01'"), "false", "true"},
	},
	"small": {
		{round("10000"), "30000", "-30000"}, {round("100000"), "0", "0"}, {round("0.1"), "32767", "-32768"},
		{trial.Constant("12"), "12", "12"},
		{bucket("-32768", "a", "32767", "b", "c"), "c", "b"}, {sqlMask("abs(", " / 2)"), "16383", "16384"},
	},
	"digits": {
		{formatPreserving, "735805995204566834623433745044598745785614440897", "9"},
		{partial(0, 4), "********************************************0000", "*"},
		{trial.Constant("REDACTED"), "REDACTED", "REDACTED"}, {email, "***", "***"},
		{
			hash,
			"24a1b4d5338b0063",
			"de64a21c67566f5e",
		},
		{regex("0{3}", "k"), "kkkkkkkkkkkkkkkk", nothing},
		{sqlMask("length(", ")"), "48", "1"},
	},
}

// everyMask has one of each kind, with parameters that fit whatever the kind fits.
var everyMask = []entitlements.Mask{
	null, trial.Constant("REDACTED"), trial.Constant("0"), trial.Constant("true"), trial.Constant("1970-01-01"), hash,
	formatPreserving, bucket("0", "low", "high"), bucket("1970-01-01", "old", "new"),
	truncate("month"), truncate("hour"), round("10"), email, partial(1, 1), regex(".", "x"),
	{Kind: "a mask that this engine has never heard of"},
}

// testMasks puts every mask on a column of every type. Where it does not fit, there is nothing to see.
func testMasks(t *testing.T, s trial.Suite) {
	try := func(t *testing.T, column string, mask entitlements.Mask, want ...string) {
		sql := `SELECT ` + column + ` FROM sales.samples ORDER BY id`
		if column == "id" {
			sql = `SELECT id FROM sales.samples ORDER BY small DESC`
		}
		rows := s.Run(t, trial.Lease(sql, s.Grant(t, "samples", trial.Masked(column, mask)))).Rows
		var got []string
		for i, row := range rows {
			got = append(got, plain(row[0], want[min(i, 1)]))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%+v\nshows %q, not %q", mask, got, want)
		}
	}
	for _, column := range s.Grant(t, "samples").Columns {
		t.Run(column.Name, func(t *testing.T) {
			for _, m := range shown[column.Name] {
				try(t, column.Name, m.mask, m.first, m.then)
			}
			for _, mask := range everyMask {
				switch {
				case mask.Kind == entitlements.MaskNull || !mask.Fits(column.Column):
					try(t, column.Name, mask, nothing, nothing)
				case !slices.ContainsFunc(shown[column.Name], func(m example) bool { return m.mask.Kind == mask.Kind }):
					t.Errorf("the table does not say what the mask %s shows of %s", mask.Kind, column.Name)
				}
			}
		})
	}
}

// plain is what was wanted, if that is the same number, truth or time as the value in the words of another engine.
func plain(value any, want string) string {
	text := fmt.Sprint(value)
	got, isNumber := new(big.Rat).SetString(text)
	wanted, wantNumber := new(big.Rat).SetString(want)
	switch {
	case isNumber && wantNumber && got.Cmp(wanted) == 0,
		text == "1" && want == "true",
		text == "0" && want == "false",
		text == want+"Z":
		return want
	}
	return text
}

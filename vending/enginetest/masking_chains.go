package enginetest

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"deputy/entitlements"
)

// testChains: each cell is hidden by the first mask whose condition does not fail to hold, and shown if there is none.
func testChains(t *testing.T, s suite) {
	redacted := constant("REDACTED")
	const hidden = "REDACTED REDACTED REDACTED REDACTED REDACTED"
	for _, test := range []struct {
		name, column string
		masks        []entitlements.AppliedMask
		want         string // in the order of order_total: three rows of US-EAST, then US-WEST, US-CENTRAL
	}{
		{"it holds", "lastname", []entitlements.AppliedMask{when(redacted, sqlPart("1 = 1"))}, hidden},
		{"it does not hold", "lastname", []entitlements.AppliedMask{when(redacted, sqlPart("1 = 0"))}, "Quackenbush Zimmerfeld Okonkwo Abernathy Villanueva"},
		{"nobody knows", "lastname", []entitlements.AppliedMask{when(redacted, sqlPart("region = NULL"))}, hidden},
		{"nobody knows of some rows", "lastname", []entitlements.AppliedMask{when(redacted, sqlPart("nullif(region, 'US-WEST') = 'US-EAST'"))}, "REDACTED REDACTED REDACTED REDACTED Villanueva"},
		{"another column", "lastname", []entitlements.AppliedMask{when(redacted, sqlPart("order_total > 100"))}, "Quackenbush Zimmerfeld REDACTED REDACTED REDACTED"},
		{"the column itself, as it is", "lastname", []entitlements.AppliedMask{when(redacted, sqlPart("lastname = 'Okonkwo'"))}, "Quackenbush Zimmerfeld REDACTED Abernathy Villanueva"},
		{"OR", "lastname", []entitlements.AppliedMask{when(redacted, sqlPart("1 = 0 OR region = 'US-WEST'"))}, "Quackenbush Zimmerfeld Okonkwo REDACTED Villanueva"},
		{"a lookup table", "lastname", []entitlements.AppliedMask{when(redacted, sqlPart("region NOT IN (SELECT region FROM sales.regions)"))}, "Quackenbush Zimmerfeld Okonkwo Abernathy REDACTED"},
		{"values", "lastname", []entitlements.AppliedMask{when(redacted, anyOf("region", "US-WEST", "'; --")...)}, "Quackenbush Zimmerfeld Okonkwo REDACTED Villanueva"},
		{"none of the values", "lastname", []entitlements.AppliedMask{when(redacted, noneOf("region", "US-WEST")...)}, "REDACTED REDACTED REDACTED Abernathy REDACTED"},
		{"no value", "lastname", []entitlements.AppliedMask{when(redacted, anyOf("region")...)}, hidden},
		{"no value, and something else", "lastname", []entitlements.AppliedMask{when(redacted, append(anyOf("region"), sqlPart(" AND 1 = 0"))...)}, hidden},
		{"the first that takes the row", "lastname", []entitlements.AppliedMask{
			when(constant("a"), sqlPart("region = 'US-WEST'")), when(partial(1, 0), sqlPart("order_total > 100")), when(constant("c"))}, "c c O****** a V*********"},
		{"then nothing", "lastname", []entitlements.AppliedMask{when(null, sqlPart("region = 'US-EAST'")), when(email, sqlPart("region = 'US-WEST'"))}, "<nil> <nil> <nil> *** Villanueva"},
		{"a mask that does not fit takes its rows all the same", "lastname", []entitlements.AppliedMask{when(round("10"), sqlPart("region = 'US-EAST'")), when(redacted)}, "<nil> <nil> <nil> REDACTED REDACTED"},
		{"keyed masks", "region", []entitlements.AppliedMask{when(formatPreserving, sqlPart("region = 'US-EAST'")), when(regex("^US", "us"))}, "PN-KGLI PN-KGLI PN-KGLI us-WEST us-CENTRAL"},
		{"numbers", "order_total", []entitlements.AppliedMask{when(constant("0"), sqlPart("region = 'US-EAST'")), when(round("100"), sqlPart("region = 'US-WEST'"))}, "0 0 0 200 356"},
		{"numbers and NULL", "order_total", []entitlements.AppliedMask{when(null, sqlPart("region = 'US-EAST'")), when(round("50"))}, "<nil> <nil> <nil> 250 350"},
		{"names of ranges and numbers", "order_total", []entitlements.AppliedMask{
			when(bucket("100", "small", "large"), sqlPart("region = 'US-EAST'")), when(round("100"), sqlPart("region = 'US-WEST'"))}, "small small large 200 356"},
		{"sql and numbers", "order_total", []entitlements.AppliedMask{when(sqlMask("", " * 2"), sqlPart("region = 'US-EAST'")), when(round("100"), sqlPart("region = 'US-WEST'"))}, "100 178 234 200 356"},
		{"sql and NULL", "order_total", []entitlements.AppliedMask{when(null, sqlPart("region = 'US-EAST'")), when(sqlMask("CASE WHEN ", " > 300 THEN 'much' ELSE 'less' END"))}, "<nil> <nil> <nil> less much"},
		{"sql that looks the column up in a table which has one of that name", "region", []entitlements.AppliedMask{
			when(sqlMask("(SELECT replace(max(country), ' ', '-') FROM sales.regions WHERE region = ", ")"))}, "United-States United-States United-States United-States <nil>"},
	} {
		t.Run(test.name, func(t *testing.T) {
			sql := `SELECT ` + test.column + ` FROM sales.customer_orders ORDER BY total_with_shipping`
			// The conditions see raw values, whatever else is masked or hidden.
			access := s.grant(
				t,
				"customer_orders",
				masked("region", constant("x")),
				chained(test.column, test.masks...),
				only(test.column, "total_with_shipping"),
			)
			want := strings.Fields(test.want)
			var got []string
			for i, row := range s.run(t, lease(sql, access)).Rows {
				got = append(got, plain(row[0], want[i]))
			}
			if !slices.Equal(got, want) {
				t.Errorf("the rows show %q, not %q", got, want)
			}
		})
	}
	t.Run("a condition that means nothing shows nothing", func(t *testing.T) {
		l := lease(
			`SELECT lastname FROM sales.customer_orders`,
			s.grant(t, "customer_orders", chained("lastname", when(redacted, sqlPart("no_such_column = 1")))),
		)
		_, err := s.Engine.Run(t.Context(), l)
		refused(t, l.SQL, err)
	})
	t.Run("filters see raw values of masked rows", func(t *testing.T) {
		access := s.grant(
			t,
			"customer_orders",
			chained("lastname", when(redacted, sqlPart("order_total > 100"))),
			filtered(anyOf("lastname", "Abernathy", "Zimmerfeld")...),
		)
		s.expect(
			t,
			lease(`SELECT lastname FROM sales.customer_orders ORDER BY order_total`, access),
			"Zimmerfeld",
			"REDACTED",
		)
	})
}

// testKeyedMasks: hash and format_preserving make the same of the same, in every column, table and call.
func testKeyedMasks(t *testing.T, s suite) {
	t.Run("hashes join tables", func(t *testing.T) {
		orders, staff := s.grant(
			t,
			"customer_orders",
			masked("lastname", hash),
		), s.grant(
			t,
			"secret_salaries",
			masked("name", hash),
			only("name"),
		)
		s.expect(
			t,
			lease(
				`SELECT count(*) FROM sales.customer_orders o JOIN sales.secret_salaries s ON s.name = o.lastname`,
				orders,
				staff,
			),
			"2",
		)
	})
	for _, mask := range []entitlements.Mask{hash, formatPreserving, constant("REDACTED")} {
		t.Run(string(mask.Kind)+" does not care how long a column may be", func(t *testing.T) {
			samples := s.grant(t, "samples", masked("note", mask), masked("code", mask), masked("padded", mask))
			s.expect(
				t,
				lease(
					`SELECT a.id FROM sales.samples a JOIN sales.samples b ON a.code = b.padded AND a.id = b.id ORDER BY a.id`,
					samples,
				),
				"1",
				"2",
			)
			s.expect(
				t,
				lease(
					`SELECT count(*) FROM sales.samples a JOIN sales.samples b ON a.note = b.code AND b.code = b.padded WHERE a.id = 2 AND b.id = 2`,
					samples,
				),
				"1",
			)
			distinct := map[bool]string{true: "3", false: "1"}[mask.Kind != entitlements.MaskConstant]
			s.expect(
				t,
				lease(
					`SELECT count(*) FROM (SELECT code AS x FROM sales.samples UNION SELECT padded FROM sales.samples UNION SELECT note FROM sales.samples) AS u`,
					samples,
				),
				distinct,
			)
			s.expect(
				t,
				lease(
					`SELECT count(*) FROM (SELECT x FROM (SELECT code AS x FROM sales.samples UNION ALL SELECT padded FROM sales.samples) AS u GROUP BY x HAVING count(*) >= 2) AS g`,
					samples,
				),
				map[bool]string{true: "2", false: "1"}[mask.Kind != entitlements.MaskConstant],
			)
		})
	}
	t.Run("a long value never repeats its key stream", func(t *testing.T) {
		samples := s.grant(t, "samples", masked("digits", formatPreserving))
		sql := `SELECT digits FROM sales.samples WHERE id = 1`
		first := lines(s.run(t, lease(sql, samples)).Rows)
		s.expect(t, lease(sql, samples), first...)
		if !regexp.MustCompile(`^[0-9]{48}$`).MatchString(first[0]) {
			t.Fatalf("48 digits became %q", first[0])
		}
		seen := map[string]bool{}
		for i := 0; i+8 <= len(first[0]); i++ {
			if seen[first[0][i:i+8]] {
				t.Errorf("48 equal digits became %q, where %s is there twice", first[0], first[0][i:i+8])
			}
			seen[first[0][i:i+8]] = true
		}
	})
}

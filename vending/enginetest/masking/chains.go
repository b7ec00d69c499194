package masking

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"deputy/entitlements"
	"deputy/vending/enginetest/trial"
)

// testChains: each cell is hidden by the first mask whose condition does not fail to hold, and shown if there is none.
func testChains(t *testing.T, s trial.Suite) {
	redacted := trial.Constant("REDACTED")
	const hidden = "REDACTED REDACTED REDACTED REDACTED REDACTED"
	for _, test := range []struct {
		name, column string
		masks        []entitlements.AppliedMask
		want         string // in the order of order_total: three rows of US-EAST, then US-WEST, US-CENTRAL
	}{
		{"it holds", "lastname", []entitlements.AppliedMask{trial.When(redacted, trial.SQL("1 = 1"))}, hidden},
		{"it does not hold", "lastname", []entitlements.AppliedMask{trial.When(redacted, trial.SQL("1 = 0"))}, "Quackenbush Zimmerfeld Okonkwo Abernathy Villanueva"},
		{"nobody knows", "lastname", []entitlements.AppliedMask{trial.When(redacted, trial.SQL("region = NULL"))}, hidden},
		{"nobody knows of some rows", "lastname", []entitlements.AppliedMask{trial.When(redacted, trial.SQL("nullif(region, 'US-WEST') = 'US-EAST'"))}, "REDACTED REDACTED REDACTED REDACTED Villanueva"},
		{"another column", "lastname", []entitlements.AppliedMask{trial.When(redacted, trial.SQL("order_total > 100"))}, "Quackenbush Zimmerfeld REDACTED REDACTED REDACTED"},
		{"the column itself, as it is", "lastname", []entitlements.AppliedMask{trial.When(redacted, trial.SQL("lastname = 'Okonkwo'"))}, "Quackenbush Zimmerfeld REDACTED Abernathy Villanueva"},
		{"OR", "lastname", []entitlements.AppliedMask{trial.When(redacted, trial.SQL("1 = 0 OR region = 'US-WEST'"))}, "Quackenbush Zimmerfeld Okonkwo REDACTED Villanueva"},
		{"a lookup table", "lastname", []entitlements.AppliedMask{trial.When(redacted, trial.SQL("region NOT IN (SELECT region FROM sales.regions)"))}, "Quackenbush Zimmerfeld Okonkwo Abernathy REDACTED"},
		{"values", "lastname", []entitlements.AppliedMask{trial.When(redacted, trial.AnyOf("region", "US-WEST", "'; --")...)}, "Quackenbush Zimmerfeld Okonkwo REDACTED Villanueva"},
		{"none of the values", "lastname", []entitlements.AppliedMask{trial.When(redacted, trial.NoneOf("region", "US-WEST")...)}, "REDACTED REDACTED REDACTED Abernathy REDACTED"},
		{"no value", "lastname", []entitlements.AppliedMask{trial.When(redacted, trial.AnyOf("region")...)}, hidden},
		{"no value, and something else", "lastname", []entitlements.AppliedMask{trial.When(redacted, append(trial.AnyOf("region"), trial.SQL(" AND 1 = 0"))...)}, hidden},
		{"the first that takes the row", "lastname", []entitlements.AppliedMask{
			trial.When(trial.Constant("a"), trial.SQL("region = 'US-WEST'")),
			trial.When(partial(1, 0), trial.SQL("order_total > 100")), trial.When(trial.Constant("c")),
		}, "c c O****** a V*********"},
		{"then nothing", "lastname", []entitlements.AppliedMask{trial.When(null, trial.SQL("region = 'US-EAST'")), trial.When(email, trial.SQL("region = 'US-WEST'"))}, "<nil> <nil> <nil> *** Villanueva"},
		{"a mask that does not fit takes its rows all the same", "lastname", []entitlements.AppliedMask{trial.When(round("10"), trial.SQL("region = 'US-EAST'")), trial.When(redacted)}, "<nil> <nil> <nil> REDACTED REDACTED"},
		{"keyed masks", "region", []entitlements.AppliedMask{trial.When(formatPreserving, trial.SQL("region = 'US-EAST'")), trial.When(regex("^US", "us"))}, "PN-KGLI PN-KGLI PN-KGLI us-WEST us-CENTRAL"},
		{"numbers", "order_total", []entitlements.AppliedMask{trial.When(trial.Constant("0"), trial.SQL("region = 'US-EAST'")), trial.When(round("100"), trial.SQL("region = 'US-WEST'"))}, "0 0 0 200 356"},
		{"numbers and NULL", "order_total", []entitlements.AppliedMask{trial.When(null, trial.SQL("region = 'US-EAST'")), trial.When(round("50"))}, "<nil> <nil> <nil> 250 350"},
		{"names of ranges and numbers", "order_total", []entitlements.AppliedMask{
			trial.When(bucket("100", "small", "large"), trial.SQL("region = 'US-EAST'")),
			trial.When(round("100"), trial.SQL("region = 'US-WEST'")),
		}, "small small large 200 356"},
		{"sql and numbers", "order_total", []entitlements.AppliedMask{
			trial.When(sqlMask("", " * 2"), trial.SQL("region = 'US-EAST'")),
			trial.When(round("100"), trial.SQL("region = 'US-WEST'")),
		}, "100 178 234 200 356"},
		{"sql and NULL", "order_total", []entitlements.AppliedMask{trial.When(null, trial.SQL("region = 'US-EAST'")), trial.When(sqlMask("CASE WHEN ", " > 300 THEN 'much' ELSE 'less' END"))}, "<nil> <nil> <nil> less much"},
		{"sql that looks the column up in a table which has one of that name", "region", []entitlements.AppliedMask{
			trial.When(sqlMask("(SELECT replace(max(country), ' ', '-') FROM sales.regions WHERE region = ", ")"))}, "United-States United-States United-States United-States <nil>"},
	} {
		t.Run(test.name, func(t *testing.T) {
			sql := `SELECT ` + test.column + ` FROM sales.customer_orders ORDER BY total_with_shipping`
			// The conditions see raw values, whatever else is masked or hidden.
			access := s.Grant(
				t,
				"customer_orders",
				trial.Masked("region", trial.Constant("x")),
				trial.Chained(test.column, test.masks...),
				trial.Only(test.column, "total_with_shipping"),
			)
			want := strings.Fields(test.want)
			var got []string
			for i, row := range s.Run(t, trial.Lease(sql, access)).Rows {
				got = append(got, plain(row[0], want[i]))
			}
			if !slices.Equal(got, want) {
				t.Errorf("the rows show %q, not %q", got, want)
			}
		})
	}
	t.Run("a condition that means nothing shows nothing", func(t *testing.T) {
		l := trial.Lease(
			`SELECT lastname FROM sales.customer_orders`,
			s.Grant(t, "customer_orders", trial.Chained("lastname", trial.When(redacted, trial.SQL("no_such_column = 1")))),
		)
		_, err := s.Engine.Run(t.Context(), l)
		trial.Refused(t, l.SQL, err)
	})
	t.Run("filters see raw values of masked rows", func(t *testing.T) {
		access := s.Grant(
			t,
			"customer_orders",
			trial.Chained("lastname", trial.When(redacted, trial.SQL("order_total > 100"))),
			trial.Filtered(trial.AnyOf("lastname", "Abernathy", "Zimmerfeld")...),
		)
		s.Expect(
			t,
			trial.Lease(`SELECT lastname FROM sales.customer_orders ORDER BY order_total`, access),
			"Zimmerfeld",
			"REDACTED",
		)
	})
}

// testKeyedMasks: hash and format_preserving make the same of the same, in every column, table and call.
func testKeyedMasks(t *testing.T, s trial.Suite) {
	t.Run("hashes join tables", func(t *testing.T) {
		orders, staff := s.Grant(
			t,
			"customer_orders",
			trial.Masked("lastname", hash),
		), s.Grant(
			t,
			"secret_salaries",
			trial.Masked("name", hash),
			trial.Only("name"),
		)
		s.Expect(
			t,
			trial.Lease(
				`SELECT count(*) FROM sales.customer_orders o JOIN sales.secret_salaries s ON s.name = o.lastname`,
				orders,
				staff,
			),
			"2",
		)
	})
	for _, mask := range []entitlements.Mask{hash, formatPreserving, trial.Constant("REDACTED")} {
		t.Run(string(mask.Kind)+" does not care how long a column may be", func(t *testing.T) {
			samples := s.Grant(
				t,
				"samples",
				trial.Masked("note", mask),
				trial.Masked("code", mask),
				trial.Masked("padded", mask),
			)
			s.Expect(
				t,
				trial.Lease(
					`SELECT a.id FROM sales.samples a JOIN sales.samples b ON a.code = b.padded AND a.id = b.id ORDER BY a.id`,
					samples,
				),
				"1",
				"2",
			)
			s.Expect(
				t,
				trial.Lease(
					`SELECT count(*) FROM sales.samples a JOIN sales.samples b ON a.note = b.code AND b.code = b.padded WHERE a.id = 2 AND b.id = 2`,
					samples,
				),
				"1",
			)
			distinct := map[bool]string{true: "3", false: "1"}[mask.Kind != entitlements.MaskConstant]
			s.Expect(
				t,
				trial.Lease(
					`SELECT count(*) FROM (SELECT code AS x FROM sales.samples UNION SELECT padded FROM sales.samples UNION SELECT note FROM sales.samples) AS u`,
					samples,
				),
				distinct,
			)
			s.Expect(
				t,
				trial.Lease(
					`SELECT count(*) FROM (SELECT x FROM (SELECT code AS x FROM sales.samples UNION ALL SELECT padded FROM sales.samples) AS u GROUP BY x HAVING count(*) >= 2) AS g`,
					samples,
				),
				map[bool]string{true: "2", false: "1"}[mask.Kind != entitlements.MaskConstant],
			)
		})
	}
	t.Run("a long value never repeats its key stream", func(t *testing.T) {
		samples := s.Grant(t, "samples", trial.Masked("digits", formatPreserving))
		sql := `SELECT digits FROM sales.samples WHERE id = 1`
		first := trial.Lines(s.Run(t, trial.Lease(sql, samples)).Rows)
		s.Expect(t, trial.Lease(sql, samples), first...)
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

package postgres_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lib/pq"

	"deputy/vending/postgres"
)

// Every time that a column can hold comes out as SQL takes it back: as the same value, with its zone.
func TestTimesAreTakenBack(t *testing.T) {
	values := map[string][]string{
		"time": {"24:00:00", "00:00:00", "23:59:59.999999", "12:00:00.5"},
		"timetz": {
			"24:00:00+02", "24:00:00-08:01:01", "00:00:00+02", "12:00:00.25+05:30", "01:02:03+15:59:59",
		},
		"date": {
			"0044-03-15 BC",
			"0001-12-31 BC",
			"0001-01-01",
			"4713-01-01 BC",
			"0005-02-29 BC",
			"9999-12-31",
			"10000-01-01",
			"5874897-12-31",
			"infinity",
			"-infinity",
			"2024-02-29",
		},
		"timestamp": {
			"0044-03-15 12:00 BC", "4713-01-01 00:00 BC", "294276-12-31 23:59:59.999999", "2024-01-01 10:00:00.000001",
			"infinity", "-infinity", "0001-01-01 00:00", "0001-01-02 00:00 BC",
		},
		"timestamptz": {
			"0044-03-15 12:00 BC", "1870-01-01 12:00Z", "1890-01-01 12:00Z", "2024-07-01 10:00Z", "2024-01-01 10:00Z",
			"294276-12-31 00:00Z", "10000-01-01 00:00Z", "infinity", "-infinity", "1937-06-30 23:59:59.5Z",
		},
	}
	db := open(t, "dba", newDatabase(t))
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, zone := range []string{"UTC", "Europe/Amsterdam", "America/New_York", "Asia/Kolkata", "Africa/Monrovia"} {
		if _, err := conn.ExecContext(t.Context(), "SET TimeZone = "+pq.QuoteLiteral(zone)); err != nil {
			t.Fatal(err)
		}
		for typ, texts := range values {
			for _, text := range texts {
				value := pq.QuoteLiteral(text) + "::" + typ
				got, err := postgres.ReadPlain(t.Context(), conn, fmt.Sprintf("SELECT %s, %[1]s::text", value))
				if err != nil {
					t.Fatalf("%s in %s: %v", value, zone, err)
				}
				shown, own := got.Rows[0][0].(string), got.Rows[0][1].(string)
				back, err := postgres.ReadPlain(
					t.Context(),
					conn,
					fmt.Sprintf("SELECT %s::%s::text", pq.QuoteLiteral(shown), typ),
				)
				if err != nil || back.Rows[0][0] != own {
					t.Errorf(
						"%s in %s comes out as %q, which is taken for %v (%v) and not for %q",
						value,
						zone,
						shown,
						back.Rows,
						err,
						own,
					)
				}
				if strings.Contains(shown, " ") && shown != own {
					t.Errorf("%s in %s comes out as %q, in PostgreSQL's words %q", value, zone, shown, own)
				}
			}
		}
	}
}

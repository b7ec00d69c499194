// Package dataset makes the tables that the suite reads, in SQL that every engine understands, and knows the secrets in
// them.
package dataset

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Schema is the governed schema of the seed.
const Schema = "sales"

// HashKey keys the masks of a fixture, so that what they show can be written down.
const HashKey = "a hash key for tests, 32 bytes or more"

// lastnames and salaries are what no vended role of the attacks may learn.
var (
	lastnames = []string{"Zimmerfeld", "Okonkwo", "Abernathy", "Villanueva", "Quackenbush"}
	salaries  = []int{731942, 648213}
)

// Statements returns the statements that make and fill the tables, in SQL that is understood everywhere. The qualifier
// goes before each table's name: "sales." where the schema is real, nothing where the whole database stands for it.
func Statements(qualifier string) []string {
	var statements []string
	add := func(format string, args ...any) { statements = append(statements, fmt.Sprintf(format, args...)) }

	add(
		`CREATE TABLE %scustomer_orders (lastname text, region text, order_total numeric(10,2), total_with_shipping numeric(10,2))`,
		qualifier,
	)
	for i, order := range []string{
		`'US-EAST', 89.00, 95.67`, `'US-EAST', 117.00, 127.95`, `'US-WEST', 225.00, 245.73`, `'US-CENTRAL', 356.00, 370.16`,
		`'US-EAST', 50.00, 54.13`,
	} {
		add(`INSERT INTO %scustomer_orders VALUES ('%s', %s)`, qualifier, lastnames[i], order)
	}
	add(`CREATE TABLE %sregions (region text, country text)`, qualifier)
	add(
		`INSERT INTO %sregions VALUES ('US-EAST', 'United States'), ('US-WEST', 'United States'), ('EU-NORTH', 'Norway')`,
		qualifier,
	)
	add(`CREATE TABLE %ssecret_salaries (name text, salary integer)`, qualifier)
	add(
		`INSERT INTO %ssecret_salaries VALUES ('%s', %d), ('%s', %d)`,
		qualifier,
		lastnames[2],
		salaries[0],
		lastnames[0],
		salaries[1],
	)
	add(
		`CREATE TABLE %ssamples (id integer, big bigint, exact numeric(12,3), approx double precision, flag boolean, day date, note text, missing text,
		email text, phone text, code varchar(5), padded char(8), stamp timestamp, small smallint, digits text)`,
		qualifier,
	)
	add(`INSERT INTO %ssamples VALUES (1, 9007199254740993, 12.5, 0.5, true, '2026-11-23', 'héllo ☂', NULL,
		'taylor@example.com', '+47 22 55 01 99', 'AB-12', 'AB-12', '2026-11-23T10:41:07', 32767, '000000000000000000000000000000000000000000000000')`, qualifier)
	add(`INSERT INTO %ssamples VALUES (2, 7, -3, 2.25, false, '2026-01-31', 'it''s', NULL,
		'odd@name@b.example', '555-0199', 'it''s', 'it''s', '2026-01-31T23:59:59', -32768, '7')`, qualifier)
	return append(statements, ruleSeed(qualifier)...)
}

// Owners of rows in the table allowed, as hostile as names can be.
var Owners = []string{`taylor@example.com`, `o'brien`, `back\slash`, `"quoted"`, `E'x`, `') OR 1=1 --`, `名前 ☂`}

// ruleSeed makes what row rules are about: a lookup table, moments around now, and many rows that differ.
func ruleSeed(qualifier string) []string {
	var statements []string
	add := func(format string, args ...any) { statements = append(statements, fmt.Sprintf(format, args...)) }

	add(`CREATE TABLE %sallowed (owner text, region text)`, qualifier)
	for _, owner := range Owners {
		add(`INSERT INTO %sallowed VALUES ('%s', 'US-WEST')`, qualifier, strings.ReplaceAll(owner, "'", "''"))
	}
	add(`CREATE TABLE %svisits (id integer, day date, at timestamp)`, qualifier)
	for id, hours := range []int{-24 * 400, -24 * 20, -24 * 3, +24 * 3} {
		t := time.Now().UTC().Add(time.Duration(hours) * time.Hour)
		add(`INSERT INTO %svisits VALUES (%d, '%s', '%s')`, qualifier, id+1, t.Format(time.DateOnly), t.Format(time.DateTime))
	}
	add(`INSERT INTO %svisits VALUES (5, NULL, NULL)`, qualifier)
	add(`CREATE TABLE %smany (id integer, note text)`, qualifier)
	add(
		`INSERT INTO %smany WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) SELECT i, 'note ' || i FROM n`,
		qualifier,
	)
	return statements
}

// Leaked is what an attack of the table makes a row say when a guess came true, so that a leak of one bit is seen too.
// Attacks write it in two pieces: their own text may be repeated to them.
const Leaked = "LEAKED"

// Secrets are the texts that must not appear in anything a vended role gets to see, and what simple expressions make of
// them.
func Secrets() []string {
	plain := slices.Clone(lastnames)
	for _, s := range salaries {
		plain = append(plain, fmt.Sprint(s))
	}
	all := []string{Leaked}
	for _, s := range plain {
		reversed := []rune(s)
		slices.Reverse(reversed)
		all = append(
			all,
			s,
			s[1:],
			s[:len(s)-1],
			string(reversed),
			hex.EncodeToString([]byte(s)),
			base64.StdEncoding.EncodeToString([]byte(s)),
		)
	}
	return all
}

// Revealed returns the first secret in a text, in whatever case.
func Revealed(text string) (string, bool) {
	text = strings.ToLower(text)
	for _, s := range Secrets() {
		if strings.Contains(text, strings.ToLower(s)) {
			return s, true
		}
	}
	return "", false
}

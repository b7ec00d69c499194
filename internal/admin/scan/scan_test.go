package scan

import (
	"slices"
	"strings"
	"testing"

	"deputy/entitlements"
	"deputy/entitlements/selector"
	"deputy/internal/config/form"
	"deputy/vending"
)

var customers = entitlements.TableName{Schema: "sales", Name: "customers"}

func TestNamesThatGiveAColumnAway(t *testing.T) {
	for _, c := range []struct {
		names string
		kind  entitlements.Kind
		tag   string
	}{
		{"email e_mail eMail EMAIL_ADDRESS contact_email email2 mail", entitlements.Text, Email},
		{"phone phone_number mobilePhone home_phone fax tel", entitlements.Text, Phone},
		{"phone", entitlements.Number, Phone},
		{"ssn SSN social_security_number", entitlements.Text, SSN},
		{"iban customer_iban", entitlements.Text, IBAN},
		{"card_number creditCard cc_num", entitlements.Text, CreditCard},
		{"lastname last_name lastName FirstName surname full_name name", entitlements.Text, Name},
		{"dob birthdate birth_date date_of_birth dateOfBirth birthday", entitlements.Date, BirthDate},
		{"born", entitlements.Text, BirthDate},
		{"address street_name zip postcode addr1 address_line_2 billing_address", entitlements.Text, Address},
		{"ip ip_address client_ip remoteAddr", entitlements.Text, IP},
		{"password passwordHash api_key access_token salt", entitlements.Text, Secret},
		{"id region total script shipping_method pipeline description telemetry hashtag filename mailing_list_size", entitlements.Text, ""},
		{"email_verified has_phone", entitlements.Boolean, ""},
		{"email_sent_at password_changed address_changed", entitlements.Time, ""},
		{"email_count lastname_length", entitlements.Number, ""},
	} {
		for name := range strings.FieldsSeq(c.names) {
			if got := ByName(customers, entitlements.Column{Name: name, Type: "x", Kind: c.kind}); got != c.tag {
				t.Errorf("%s (%s) suggests %q, not %q", name, c.kind, got, c.tag)
			}
		}
	}
	if got := ByName(entitlements.TableName{Schema: "sales", Name: "products"}, entitlements.Column{Name: "name", Kind: entitlements.Text}); got != "" {
		t.Errorf("the name of a product suggests %q", got)
	}
	if got := ByName(customers, entitlements.Column{Name: "origin", Type: "inet", Kind: entitlements.Other}); got != IP {
		t.Errorf("an inet suggests %q", got)
	}
}

func column(name string, values int, hits map[string]int) vending.ColumnProfile {
	return vending.ColumnProfile{
		Column: entitlements.Column{Name: name, Type: "text", Kind: entitlements.Text},
		Values: values,
		Hits:   hits,
	}
}

func TestWhatIsProposed(t *testing.T) {
	for _, c := range []struct {
		column          vending.ColumnProfile
		table, tagged   []string
		tag             string
		doubtful        bool
		reasons, covers string
	}{
		{column: column("c", 10, map[string]int{"card": 9, "phone": 1}), tag: CreditCard, reasons: "9 of 10 values look like a card number"},
		{column: column("email", 10, map[string]int{"email": 9}), tag: Email, reasons: "9 of 10 values look like an e-mail address, its name"},
		{column: column("email", 10, nil), tag: Email, reasons: "its name, 0 of 10 values look like an e-mail address"},
		{column: column("email", 0, nil), tag: Email, reasons: "its name"},
		{column: column("note", 100, map[string]int{"email": 5}), tag: Email, doubtful: true, reasons: "5 of 100 values look like an e-mail address"},
		{column: column("note", 100, map[string]int{"email": 4})},
		{column: column("token", 10, map[string]int{"ip": 10}), tag: Secret, reasons: "its name"},
		{column: column("lastname", 10, nil), tagged: []string{"New"}, tag: Name, reasons: "its name"},
		{column: column("lastname", 10, nil), tagged: []string{"PII"}, tag: Name, reasons: "its name", covers: "PII"},
		{column: column("region", 10, nil), tagged: []string{"Regional"}, covers: "Regional"},
		{column: column("lastname", 10, nil), table: []string{"Regional"}, tag: Name, reasons: "its name"},
		{column: column("lastname", 10, nil), table: []string{"PII", "Regional"}, tag: Name, reasons: "its name", covers: "PII"},
	} {
		f := Propose(customers, c.column, c.table, c.tagged)
		if f.Tag != c.tag || f.Doubtful != c.doubtful || strings.Join(f.Reasons, ", ") != c.reasons ||
			strings.Join(f.Tagged, ", ") != c.covers {
			t.Errorf("%s with %v of %d proposes %+v", c.column.Name, c.column.Hits, c.column.Values, f)
		}
	}
}

// A column's name is data: it must come back from the YAML as it is, and as nothing else.
func TestWhatIsPrintedCanBePasted(t *testing.T) {
	names := []string{
		"email",
		"e mail",
		"email: x",
		"email # x",
		"email\n  Evil: [a.b.c]",
		"email\u0085x",
		"email\"",
		"email\\",
		"- email",
		"{email}",
		"email\u2028",
	}
	var findings []Finding
	for _, name := range names {
		findings = append(findings, Propose(customers, column(name, 10, map[string]int{"email": 10}), nil, nil),
			Propose(customers, column(name, 10, map[string]int{"email": 1}), nil, []string{"Evil"}))
	}
	findings = append(findings, Propose(customers, column("note", 100, map[string]int{"phone": 10}), nil, nil))
	var file struct{ Tags entitlements.Tags }
	text := YAML(findings)
	if err := form.Fragments(text, map[string]any{"tags": &file.Tags}); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if len(file.Tags) != 1 || file.Tags[0].Name != Email || len(file.Tags[0].Selectors) != len(names) {
		t.Fatalf("%+v\n%s", file.Tags, text)
	}
	for i, s := range file.Tags[0].Selectors {
		if parts, err := selector.Split(s); err != nil ||
			!slices.Equal(parts, []string{"sales", "customers", names[i]}) {
			t.Errorf("%q comes back as %q (%v)", names[i], parts, err)
		}
	}
}

package tools_test

import (
	"slices"
	"strings"
	"testing"

	"deputy/audit"
	"deputy/tools"
	"deputy/vending"
)

// What a declared purpose can do: it opens a table that a guardrail closes, and it lifts a mask together with a group.
const purposePolicies = `
- name: everybody reads payroll
  grant: [sales.payroll]
  to: everyone
- name: payroll is for fraud investigations
  guardrail: [sales.payroll]
  require: purpose:fraud-investigation
- name: regions are for the support
  mask: [sales.customer_orders.region]
  with: {constant: HIDDEN}
  except: {all: [group:Support, purpose:support]}
`

var purposes = map[string]string{
	"fraud-investigation": "looking into a payment that was reported",
	"support":             "answering a customer",
}

func purposefulTools(t *testing.T, e vending.Engine, defined map[string]string, more string) (*tools.Tools, *memory) {
	t.Helper()
	log := &memory{}
	config := toolsConfig(t, e, log, more)
	config.Purposes, config.Version = defined, "0123456789abcdef"
	made, err := tools.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	return made, log
}

func TestAPurposeOpensAndUnmasksOnlyWhatPoliciesSayAndIsOnTheRecord(t *testing.T) {
	onBothEngines(t, func(t *testing.T, e vending.Engine) {
		made, log := purposefulTools(t, e, purposes, purposePolicies)
		for _, tt := range []struct {
			groups       []string
			purpose, sql string
			sees         string // empty: refused
		}{
			{[]string{"Marketing"}, "fraud-investigation", `SELECT salary FROM payroll`, "731942"},
			{[]string{"Marketing"}, "support", `SELECT salary FROM payroll`, ""},
			{[]string{"Marketing"}, "", `SELECT salary FROM payroll`, ""},
			{[]string{"Marketing", "Support"}, "support", `SELECT region FROM customer_orders ORDER BY order_total`, "US-EAST; US-WEST"},
			{[]string{"Marketing", "Support"}, "", `SELECT region FROM customer_orders ORDER BY order_total`, "HIDDEN; HIDDEN"},
			{[]string{"Marketing", "Support"}, "fraud-investigation", `SELECT region FROM customer_orders ORDER BY order_total`, "HIDDEN; HIDDEN"},
			{[]string{"Marketing"}, "support", `SELECT region FROM customer_orders ORDER BY order_total`, "HIDDEN; HIDDEN"},
		} {
			call := as("taylor", tt.groups...)
			call.Principal.Purpose = "fraud-investigation" // whoever put it there: only the argument counts
			r, err := made.Query(t.Context(), call, tools.QueryArgs{SQL: tt.sql, Purpose: tt.purpose})
			switch {
			case tt.sees == "" && refusal(t, err).Code != tools.NotPermitted:
				t.Errorf("%s for the purpose %q is refused with %v", tt.sql, tt.purpose, err)
			case tt.sees != "" && (err != nil || rows(r) != tt.sees):
				t.Errorf("%s for the purpose %q by %v gives %v (%v)", tt.sql, tt.purpose, tt.groups, r, err)
			}
			if record := log.last(t); record.Purpose != tt.purpose || record.PolicyVersion != "0123456789abcdef" {
				t.Errorf("the record says %+v", record)
			}
		}
		d, err := made.DescribeTable(
			t.Context(),
			as("taylor", "Marketing"),
			tools.DescribeArgs{Table: "payroll", Purpose: "fraud-investigation"},
		)
		if err != nil || d.Requestable || log.last(t).Purpose != "fraud-investigation" {
			t.Errorf("described for the purpose: %+v (%v)", d, err)
		}
		if _, err = made.DescribeTable(t.Context(), as("taylor", "Marketing"), tools.DescribeArgs{Table: "payroll"}); refusal(
			t,
			err,
		).Code != tools.NotPermitted {
			t.Errorf("described without the purpose: %v", err)
		}
	})
}

func TestAPurposeThatIsNotDefinedIsRefusedAndNotRecordedAsOne(t *testing.T) {
	onBothEngines(t, func(t *testing.T, e vending.Engine) {
		for _, tt := range []struct {
			defined map[string]string
			says    string
		}{{purposes, `["fraud-investigation" "support"]`}, {nil, "there is no argument purpose"}} {
			made, log := purposefulTools(t, e, tt.defined, "")
			for _, purpose := range []string{"fraud", "Fraud-Investigation", " support", "support\n", "*", strings.Repeat("x", 5000)} {
				_, query := made.Query(
					t.Context(),
					as("taylor", "Marketing"),
					tools.QueryArgs{SQL: `SELECT region FROM customer_orders`, Purpose: purpose},
				)
				asked := log.last(t)
				_, describe := made.DescribeTable(t.Context(), as("taylor", "Marketing"), tools.DescribeArgs{Purpose: purpose})
				for what, err := range map[string]error{"query": query, "describe_table": describe} {
					if r := refusal(t, err); r.Code != tools.InvalidArgument || !strings.Contains(r.Message, tt.says) {
						t.Errorf("%s with the purpose %.20q is refused with %+v", what, purpose, r)
					}
				}
				for _, r := range []audit.Record{asked, log.last(t)} {
					said := slices.ContainsFunc(
						r.Reasons,
						func(s string) bool { return strings.HasPrefix(s, "no purpose is called") && len(s) < 100 },
					)
					if r.Purpose != "" || r.Role != nil || !said || r.PolicyVersion == "" {
						t.Errorf("the record of the purpose %.20q says %+v", purpose, r)
					}
				}
			}
		}
	})
}

func TestAPolicyCannotAskForAPurposeThatIsNotDefined(t *testing.T) {
	config := toolsConfig(t, onSQLite(t), &memory{}, purposePolicies)
	config.Purposes = map[string]string{"support": "answering a customer"}
	if _, err := tools.New(t.Context(), config); err == nil ||
		!strings.Contains(err.Error(), "there is no purpose fraud-investigation") {
		t.Errorf("a guardrail that nobody could pass ends with %v", err)
	}
}

func TestARefusalNamesThePolicyVersionToo(t *testing.T) {
	made, log := purposefulTools(t, onSQLite(t), nil, "")
	made.Refuse(t.Context(), as("taylor"), "query", "the argument sql is missing")
	if r := log.last(t); r.PolicyVersion != "0123456789abcdef" || r.Purpose != "" {
		t.Errorf("the record says %+v", r)
	}
}

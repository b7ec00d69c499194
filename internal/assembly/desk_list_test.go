package assembly_test

import (
	"strings"
	"testing"

	"deputy/internal/demo"
)

func TestAListIsCutAfterWhatIsSomebodyElsesIsLeftOut(t *testing.T) {
	o := newOffice(t)
	o.write(strings.Replace(o.first, "    - {name: lookups, about: sales.regions, approvers: group:Data-Stewards}\n",
		"    - {name: lookups, about: sales.regions, approvers: group:Curators}\n", 1))
	mine := o.asking(t, o.stage.Token(demo.Taylor), names4mailing)
	theirs := o.asking(
		t,
		o.stage.Token(demo.Taylor),
		map[string]any{"table": "sales.regions", "reason": "where they live"},
	)
	if status, body := o.reads(t, "GET", o.steward("dana", "Data-Stewards"), "?limit=1"); status != 200 ||
		!strings.Contains(body, mine) ||
		strings.Contains(body, theirs) {
		t.Errorf("the newest is for others to decide: %d %s", status, body)
	}
	all := o.steward("kim", "Data-Stewards", "Curators")
	if _, body := o.reads(t, "GET", all, "?limit=1"); strings.Contains(body, mine) || !strings.Contains(body, theirs) {
		t.Errorf("one is the newest one: %s", body)
	}
	if _, body := o.reads(t, "GET", all, ""); !strings.Contains(body, mine) || !strings.Contains(body, theirs) {
		t.Errorf("without a limit all are there: %s", body)
	}
}

func TestWhereThereIsNothingThatIsSaidInJSON(t *testing.T) {
	o := newOffice(t)
	for _, address := range [][2]string{{"POST", ""}, {"GET", "/"}, {"POST", "/req_1/settle"}, {"GET", "/req_1/approve"}, {"POST", "/req_1/approve/now"}} {
		if status, body := o.reads(t, address[0], o.steward("dana", "Data-Stewards"), address[1]); status != 404 ||
			!strings.HasPrefix(body, `{"error":"not_found",`) {
			t.Errorf("%s: %d %s", address, status, body)
		}
	}
}

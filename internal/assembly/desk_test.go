package assembly_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"deputy/audit"
	"deputy/internal/testkit/issuer"
	"deputy/mcp/client"
)

// office is a Deputy that people of two issuers decide at: of corp and of partners. Olga owns the scanner, which may
// ask for itself.
type office struct {
	*world
	url            string
	corp, partners *issuer.Issuer
	first          string // the configuration
}

const twoStages = `requests:
  rules:
    - name: two have to agree
      about: tag:PII
      at_most: 8h
      stages:
        - {approvers: group:Data-Stewards}
        - {approvers: group:Privacy}
    - {name: lookups, about: sales.regions, approvers: group:Data-Stewards}
`

func newOffice(t *testing.T) *office {
	t.Helper()
	partners, err := issuer.Start(issuer.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { partners.Close() })
	w := follow(t, "sqlite")
	before, after, _ := strings.Cut(w.but(
		"    - url: ${DEMO_ISSUER}\n",
		"    - {name: partners, url: \""+partners.URL()+"\", audience: \""+w.stage.URL+"\", steward_clients: [partner-desk]}\n    - name: corp\n      url: ${DEMO_ISSUER}\n      audience: "+w.stage.URL+"\n",
		"discoverable: [sales.customer_orders]",
		"discoverable: [sales.customer_orders, sales.regions]",
		"    groups: [Privacy]\n",
		"    groups: [Marketing]\n    owner: corp/olga\n    may_request: true\n",
		"    groups: [Agents]\n",
		"",
	), "requests:\n")
	_, after, _ = strings.Cut(after, "\naudit:\n")
	o := &office{world: w, partners: partners, corp: w.stage.Issuer(), first: before + twoStages + "\naudit:\n" + after}
	o.write(o.first)
	o.url = w.serve()
	return o
}

func (o *office) steward(subject string, groups ...string) string {
	return o.corp.Token(
		issuer.Claims{
			Subject:  subject,
			ClientID: "steward-console",
			Groups:   groups,
			Audience: o.stage.URL,
			Extra:    map[string]any{"scope": "approve"},
		},
	)
}

func (o *office) asking(t *testing.T, bearer string, args map[string]any) string {
	t.Helper()
	c, err := client.HTTP(t.Context(), o.url+"/mcp", bearer, "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	asked, err := c.RequestAccess(t.Context(), args)
	if err != nil {
		t.Fatal(err)
	}
	return asked.ID
}

// reads is the answer of the stewards' API: its status and body.
func (o *office) reads(t *testing.T, method, bearer, path string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, o.url+"/api/requests"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+bearer)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// says decides, and is the answer's status and body, and the one record of it in short.
func (o *office) says(t *testing.T, bearer, path string) (status int, body, record string) {
	t.Helper()
	before := len(o.records())
	status, body = o.reads(t, http.MethodPost, bearer, "/"+path)
	return status, body, inShort(o.records()[before:])
}

func (o *office) expect(t *testing.T, what, bearer, path string, status int, record string) {
	t.Helper()
	got, body, on := o.says(t, bearer, path)
	if got != status || on != record {
		t.Errorf("%s: %d %s\non the record is %q\nand not %d, %q", what, got, body, on, status, record)
	}
}

var names4mailing = map[string]any{
	"table":   "sales.customer_orders",
	"columns": []string{"lastname"},
	"reason":  "the mailing",
}

func TestNobodyDecidesOnWhatAnAgentOfTheirsOrAnotherAccountOfTheirsAskedFor(t *testing.T) {
	o := newOffice(t)
	robots := o.asking(t, o.stage.ScannerKey, names4mailing)
	for _, verdict := range []string{"approve", "deny"} {
		o.expect(
			t,
			"the owner of the agent: "+verdict,
			o.steward("olga", "Data-Stewards"),
			robots+"/"+verdict,
			403,
			verdict+"_request denied own_request for corp/olga",
		)
	}
	mail := func(subject, address string) string {
		return o.partners.Token(
			issuer.Claims{
				Subject:  subject,
				ClientID: "partner-desk",
				Groups:   []string{"Data-Stewards"},
				Audience: o.stage.URL,
				Extra:    map[string]any{"scope": "approve", "email": address},
			},
		)
	}
	kim := o.asking(
		t,
		o.corp.Token(
			issuer.Claims{
				Subject:  "kim",
				ClientID: "marketing-chat",
				Groups:   []string{"Marketing"},
				Audience: o.stage.URL,
				Extra:    map[string]any{"email": "kim@example.com"},
			},
		),
		names4mailing,
	)
	o.expect(
		t,
		"the same e-mail address at another issuer",
		mail("k-17", "KIM@Example.COM"),
		kim+"/approve",
		403,
		"approve_request denied own_request for partners/k-17",
	)
	o.expect(
		t,
		"the same subject at another issuer is somebody else",
		mail("kim", "other@example.com"),
		kim+"/approve",
		200,
		"approve_request answered for partners/kim",
	)
	o.expect(
		t,
		"the client for people of another issuer",
		o.corp.Token(
			issuer.Claims{
				Subject:  "dana",
				ClientID: "partner-desk",
				Groups:   []string{"Data-Stewards"},
				Audience: o.stage.URL,
				Extra:    map[string]any{"scope": "approve"},
			},
		),
		kim+"/approve",
		403,
		"authenticate denied insufficient_access for corp/dana",
	)
}

func TestStagesAreApprovedInTheirOrderByDifferentPeople(t *testing.T) {
	o := newOffice(t)
	id := o.asking(t, o.stage.ScannerKey, names4mailing)
	dana, priya := o.steward("dana", "Data-Stewards", "Privacy"), o.steward("priya", "Privacy")
	o.expect(
		t,
		"who is of the second stage only, first",
		priya,
		id+"/approve",
		403,
		"approve_request denied not_an_approver for corp/priya",
	)
	o.expect(t, "of the first stage", dana, id+"/approve", 200, "approve_request answered for corp/dana")
	o.expect(
		t,
		"again, of the second too",
		dana,
		id+"/approve",
		403,
		"approve_request denied not_an_approver for corp/dana",
	)
	o.expect(
		t,
		"who was never in any",
		o.steward("sam", "Sales"),
		id+"/approve",
		404,
		"approve_request denied no_such_request for corp/sam",
	)
	o.expect(t, "revoked before it is approved", priya, id+"/revoke", 409, "revoke_request failed settled for corp/priya")
	o.expect(t, "of the second stage", priya, id+"/approve", 200, "approve_request answered for corp/priya")
	for _, verdict := range []string{"approve", "deny"} {
		o.expect(
			t,
			verdict+" once it is approved",
			priya,
			id+"/"+verdict,
			409,
			verdict+"_request failed settled for corp/priya",
		)
	}
	o.expect(t, "revoked", dana, id+"/revoke", 200, "revoke_request answered for corp/dana")
	for _, verdict := range []string{"approve", "deny", "revoke"} {
		o.expect(
			t,
			verdict+" once it is revoked",
			priya,
			id+"/"+verdict,
			409,
			verdict+"_request failed settled for corp/priya",
		)
	}
}

func TestAStewardWhoIsDisabledOrLeavesTheGroupDecidesNothingWithTheVeryNextCall(t *testing.T) {
	o := newOffice(t)
	taken := func(users string) string {
		return strings.Replace(o.first, "identity:\n", "identity:\n  users: "+users+"\n", 1)
	}
	o.write(taken("[{id: corp/dana, groups: [Data-Stewards]}]"))
	id := o.asking(t, o.stage.ScannerKey, names4mailing)
	dana := o.steward("dana") // the group is from the configuration
	if status, body := o.reads(t, http.MethodGet, dana, "/"+id); status != 200 ||
		!strings.Contains(body, `"may_decide":true`) {
		t.Fatalf("at first she may: %d %s", status, body)
	}
	o.write(taken("[{id: corp/dana, groups: [Data-Stewards], disabled: true}]"))
	o.expect(t, "disabled", dana, id+"/approve", 403, "authenticate denied insufficient_access for corp/dana")
	o.write(taken("[{id: corp/dana}]"))
	o.expect(t, "of no group any more", dana, id+"/approve", 404, "approve_request denied no_such_request for corp/dana")
	o.write(
		strings.Replace(
			taken("[{id: corp/dana, groups: [Data-Stewards]}]"),
			"      steward_clients: [steward-console]",
			"",
			1,
		),
	)
	o.expect(
		t,
		"through a client that is not for people any more",
		dana,
		id+"/approve",
		403,
		"authenticate denied insufficient_access for corp/dana",
	)
	o.write(taken("[{id: corp/dana, groups: [Data-Stewards]}]"))
	o.expect(t, "a steward again", dana, id+"/approve", 200, "approve_request answered for corp/dana")
	for _, r := range o.records() {
		if r.Tool == audit.Approve && r.Outcome == audit.Answered &&
			(r.Mode != audit.InPerson || r.Agent.ID != "" || r.Request == nil || r.Request.Agent != "pii-scanner" || r.Request.Status != "pending") {
			t.Errorf("the first of two approvals is on the record as %+v, %+v", r, r.Request)
		}
	}
}

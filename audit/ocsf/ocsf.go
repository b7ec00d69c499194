// Package ocsf writes audit records as events of the Open Cybersecurity Schema Framework.
package ocsf

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net"

	"deputy/audit"
)

// version is that of the Open Cybersecurity Schema Framework whose classes Encode writes.
const version = "1.8.0"

// Of each class: its number, and the activity that the record is about.
type class struct {
	category, class, activity int
	categoryName, className   string
	activityName              string
}

var (
	query    = class{6, 6005, 4, "Application Activity", "Datastore Activity", "Query"}
	read     = class{6, 6003, 2, "Application Activity", "API Activity", "Read"}
	create   = class{6, 6003, 1, "Application Activity", "API Activity", "Create"}
	update   = class{6, 6003, 3, "Application Activity", "API Activity", "Update"}
	other    = class{6, 6003, 99, "Application Activity", "API Activity", "Other"}
	logon    = class{3, 3002, 1, "Identity & Access Management", "Authentication", "Logon"}
	assign   = class{3, 3005, 1, "Identity & Access Management", "User Access Management", "Assign Privileges"}
	unassign = class{3, 3005, 2, "Identity & Access Management", "User Access Management", "Revoke Privileges"}
)

// classOf says what of the framework a record is. A call that reads rows is a query, whoever has them counted.
func classOf(r audit.Record) class {
	switch r.Tool {
	case "query", "test", "scan":
		return query
	case "describe_table":
		return read
	case audit.Look:
		return read
	case "request_access", audit.Approve, audit.Deny, audit.Revoke, audit.Cancel, audit.Expire, audit.Confirm:
		return stepOf(r)
	case audit.Authenticate:
		return logon
	}
	return other // a tool that is not there
}

// stepOf says what a step of an access request did to somebody's access, or was meant to do. Of one that is not
// known, and of one that changed nobody's, there is only that somebody asked the API for it.
func stepOf(r audit.Record) class {
	q := r.Request
	tried := r.Phase == audit.Intent || r.Outcome != audit.Answered
	switch {
	case r.Tool == "request_access" && q != nil && q.ByRule != "" && q.Status == "approved":
		return assign
	case r.Tool == "request_access":
		return create
	case q == nil:
		return update
	case r.Tool == audit.Confirm,
		r.Tool == audit.Approve && (tried || q.Status == "approved"): // otherwise others have to approve as well
		return assign
	case r.Tool == audit.Revoke, (r.Tool == audit.Cancel || r.Tool == audit.Expire) && !q.Expires.IsZero():
		return unassign
	}
	return update
}

// privileges are put on an event about what somebody gets or loses.
func (e *event) privileges(q audit.Request) {
	e.User = &user{UID: q.User, Name: cmp.Or(q.User, "unknown"), TypeID: 1}
	if q.User == "" && q.Agent != "" {
		e.User = &user{UID: q.Agent, Name: q.Agent, TypeID: 4} // a service
	}
	e.Privileges = []string{"read " + q.Table}
	if len(q.Columns) > 0 {
		e.Privileges = nil
	}
	for _, column := range q.Columns {
		e.Privileges = append(e.Privileges, "read "+q.Table+"."+column+" unmasked")
	}
	e.Resource = &resource{Name: q.Table, Type: "table"}
}

// Encode is the record as an event of the Open Cybersecurity Schema Framework, in one line of JSON without its end. The
// agent is the actor's application, the human on whose behalf it acts the actor's user. What the framework has no place
// for is in unmapped.
func Encode(r audit.Record) ([]byte, error) {
	is := classOf(r)
	e := event{
		ActivityID: is.activity, Activity: is.activityName, CategoryUID: is.category, Category: is.categoryName,
		ClassUID: is.class, Class: is.className, TypeUID: is.class*100 + is.activity, Type: is.className + ": " + is.activityName,
		Time: r.Time.UnixMilli(), Duration: r.Duration.Milliseconds(), Source: endpointOf(r.Client), Code: r.Code,
		Unmapped: rest(r),
		Metadata: metadata{Version: version, UID: r.ID, CorrelationUID: r.ID, EventCode: string(r.Phase),
			Product: product{Name: "Deputy", Vendor: "Deputy"}, LogName: "deputy-audit"},
	}
	e.status(r)
	if is == logon {
		e.User, e.Service = &user{Name: "unknown", TypeID: 0}, &named{Name: "Deputy"}
		if r.User != nil || r.Agent.ID != "" { // proved, and refused all the same
			e.Actor = actorOf(r)
			if e.User = e.Actor.User; e.User == nil {
				e.User = &user{UID: e.Actor.AppUID, Name: e.Actor.AppName, TypeID: 4} // a service
			}
		}
		return line(e)
	}
	e.Actor = actorOf(r)
	if is.class == assign.class {
		e.privileges(*r.Request)
		return line(e)
	}
	if is.class == read.class {
		e.API = &api{Operation: r.Tool, Service: &named{Name: "Deputy"}}
		if r.Table != "" {
			e.Resources = []resource{{Name: r.Table, Type: "table"}}
		}
		if r.Request != nil {
			e.Resources = []resource{
				{Name: r.Request.Table, Type: "table"},
				{UID: r.Request.ID, Name: r.Request.ID, Type: "access request"},
			}
		}
		return line(e)
	}
	e.Database = &database{Name: cmp.Or(r.Platform, "unknown"), TypeID: 1, Kind: "Relational"}
	if len(r.Tables) > 0 {
		e.Table = &named{Name: r.Tables[0].Name} // it has place for one: all are in unmapped
	}
	if r.SQL != "" {
		e.Query = &queryInfo{Text: r.SQL, UID: r.ID}
	}
	return line(e)
}

func (e *event) status(r audit.Record) {
	e.SeverityID, e.Severity = 1, "Informational"
	switch {
	case r.Phase == audit.Intent:
		e.StatusID, e.Status = 99, "begun"
	case r.Outcome == audit.Answered:
		e.StatusID, e.Status = 1, "Success"
	case r.Outcome == audit.Denied:
		e.StatusID, e.Status, e.SeverityID, e.Severity = 2, "Failure", 2, "Low"
	case r.Outcome == audit.Failed:
		e.StatusID, e.Status = 2, "Failure"
	case r.Outcome == audit.Cancelled:
		e.StatusID, e.Status = 99, "cancelled"
	default:
		e.StatusID, e.Status, e.SeverityID, e.Severity = 0, "Unknown", 2, "Low"
	}
	if len(r.Reasons) > 0 {
		e.Detail = r.Reasons[0]
	}
}

func actorOf(r audit.Record) *actor {
	a := &actor{AppUID: cmp.Or(r.Agent.ID, "unknown"), AppName: cmp.Or(r.Agent.Name, r.Agent.ID, "unknown")}
	switch {
	case r.Tool == audit.Expire, r.Tool == audit.NoteState: // by itself
		a.AppUID, a.AppName = "deputy", "Deputy"
	case r.Mode == audit.InPerson && r.User != nil: // no application acts
		a.AppUID, a.AppName = "", ""
	}
	if r.User != nil {
		a.User = &user{UID: r.User.ID, Name: cmp.Or(r.User.Name, r.User.ID), TypeID: 1, Domain: r.User.Issuer}
		for _, g := range r.User.Groups {
			a.User.Groups = append(a.User.Groups, named{Name: g})
		}
	}
	return a
}

// endpointOf takes a client for an address if it is one; an agent on this machine has none.
func endpointOf(client string) endpoint {
	if net.ParseIP(client) != nil {
		return endpoint{IP: client}
	}
	return endpoint{Name: cmp.Or(client, "local")}
}

// rest is what the framework has no place for. Nothing of a record is lost.
func rest(r audit.Record) unmapped {
	u := unmapped{
		Record:         r.V,
		Phase:          r.Phase,
		Tool:           r.Tool,
		Mode:           r.Mode,
		AgentGroups:    r.Agent.Groups,
		Actors:         r.Actors,
		Credential:     r.Credential,
		Purpose:        r.Purpose,
		PolicyVersion:  r.PolicyVersion,
		WaitingVersion: r.WaitingVersion,
		Digest:         r.SQLDigest,
		Tables:         r.Tables,
		Role:           r.Role,
		Rows:           r.Rows,
		Truncated:      r.Truncated,
		Outcome:        r.Outcome,
		Nanoseconds:    r.Duration,
		Request:        r.Request,
		State:          r.State,
	}
	if u.Record == 0 {
		u.Record = audit.Version
	}
	if len(r.Reasons) > 1 {
		u.Reasons = r.Reasons
	}
	return u
}

func line(e event) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e); err != nil {
		return nil, err
	}
	return audit.Escape(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

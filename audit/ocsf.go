package audit

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net"
	"time"
)

// ocsfVersion is that of the Open Cybersecurity Schema Framework whose classes OCSF writes.
const ocsfVersion = "1.8.0"

// Of each class: its number, and the activity that the record is about.
type ocsfClass struct {
	category, class, activity int
	categoryName, className   string
	activityName              string
}

var (
	ocsfQuery  = ocsfClass{6, 6005, 4, "Application Activity", "Datastore Activity", "Query"}
	ocsfRead   = ocsfClass{6, 6003, 2, "Application Activity", "API Activity", "Read"}
	ocsfCreate = ocsfClass{6, 6003, 1, "Application Activity", "API Activity", "Create"}
	ocsfUpdate = ocsfClass{6, 6003, 3, "Application Activity", "API Activity", "Update"}
	ocsfOther  = ocsfClass{6, 6003, 99, "Application Activity", "API Activity", "Other"}
	ocsfLogon  = ocsfClass{3, 3002, 1, "Identity & Access Management", "Authentication", "Logon"}
	ocsfAssign = ocsfClass{3, 3005, 1, "Identity & Access Management", "User Access Management", "Assign Privileges"}
	ocsfUnlend = ocsfClass{3, 3005, 2, "Identity & Access Management", "User Access Management", "Revoke Privileges"}
)

// ocsfClassOf says what of the framework a record is. A call that reads rows is a query, whoever has them counted.
func ocsfClassOf(r Record) ocsfClass {
	switch r.Tool {
	case "query", "test", "scan":
		return ocsfQuery
	case "describe_table":
		return ocsfRead
	case Look:
		return ocsfRead
	case "request_access", Approve, Deny, Revoke, Cancel, Expire:
		return ocsfStepOf(r)
	case Authenticate:
		return ocsfLogon
	}
	return ocsfOther // a tool that is not there
}

// ocsfStepOf says what a step of an access request did to somebody's access, or was meant to do. Of one that is not
// known, and of one that changed nobody's, there is only that somebody asked the API for it.
func ocsfStepOf(r Record) ocsfClass {
	q := r.Request
	tried := r.Phase == Intent || r.Outcome != Answered
	switch {
	case r.Tool == "request_access" && q != nil && q.ByRule != "" && q.Status == "approved":
		return ocsfAssign
	case r.Tool == "request_access":
		return ocsfCreate
	case q == nil:
		return ocsfUpdate
	case r.Tool == Approve && (tried || q.Status == "approved"): // otherwise others have to approve as well
		return ocsfAssign
	case r.Tool == Revoke, (r.Tool == Cancel || r.Tool == Expire) && !q.Expires.IsZero():
		return ocsfUnlend
	}
	return ocsfUpdate
}

// privileges are put on an event about what somebody gets or loses.
func (e *ocsfEvent) privileges(q Request) {
	e.User = &ocsfUser{UID: q.User, Name: cmp.Or(q.User, "unknown"), TypeID: 1}
	if q.User == "" && q.Agent != "" {
		e.User = &ocsfUser{UID: q.Agent, Name: q.Agent, TypeID: 4} // a service
	}
	e.Privileges = []string{"read " + q.Table}
	if len(q.Columns) > 0 {
		e.Privileges = nil
	}
	for _, column := range q.Columns {
		e.Privileges = append(e.Privileges, "read "+q.Table+"."+column+" unmasked")
	}
	e.Resource = &ocsfResource{Name: q.Table, Type: "table"}
}

// OCSF is the record as an event of the Open Cybersecurity Schema Framework, in one line of JSON without its end. The
// agent is the actor's application, the human on whose behalf it acts the actor's user. What the framework has no place
// for is in unmapped.
func OCSF(r Record) ([]byte, error) {
	class := ocsfClassOf(r)
	e := ocsfEvent{
		ActivityID: class.activity, Activity: class.activityName, CategoryUID: class.category, Category: class.categoryName,
		ClassUID: class.class, Class: class.className, TypeUID: class.class*100 + class.activity, Type: class.className + ": " + class.activityName,
		Time: r.Time.UnixMilli(), Duration: r.Duration.Milliseconds(), Source: ocsfEndpointOf(r.Client), Code: r.Code, Unmapped: ocsfRest(r),
		Metadata: ocsfMetadata{Version: ocsfVersion, UID: r.ID, CorrelationUID: r.ID, EventCode: string(r.Phase),
			Product: ocsfProduct{Name: "Deputy", Vendor: "Deputy"}, LogName: "deputy-audit"},
	}
	e.status(r)
	if class == ocsfLogon {
		e.User, e.Service = &ocsfUser{Name: "unknown", TypeID: 0}, &ocsfNamed{Name: "Deputy"}
		if r.User != nil || r.Agent.ID != "" { // proved, and refused all the same
			e.Actor = ocsfActorOf(r)
			if e.User = e.Actor.User; e.User == nil {
				e.User = &ocsfUser{UID: e.Actor.AppUID, Name: e.Actor.AppName, TypeID: 4} // a service
			}
		}
		return ocsfLine(e)
	}
	e.Actor = ocsfActorOf(r)
	if class.class == ocsfAssign.class {
		e.privileges(*r.Request)
		return ocsfLine(e)
	}
	if class.class == ocsfRead.class {
		e.API = &ocsfAPI{Operation: r.Tool, Service: &ocsfNamed{Name: "Deputy"}}
		if r.Table != "" {
			e.Resources = []ocsfResource{{Name: r.Table, Type: "table"}}
		}
		if r.Request != nil {
			e.Resources = []ocsfResource{
				{Name: r.Request.Table, Type: "table"},
				{UID: r.Request.ID, Name: r.Request.ID, Type: "access request"},
			}
		}
		return ocsfLine(e)
	}
	e.Database = &ocsfDatabase{Name: cmp.Or(r.Platform, "unknown"), TypeID: 1, Kind: "Relational"}
	if len(r.Tables) > 0 {
		e.Table = &ocsfNamed{Name: r.Tables[0].Name} // it has place for one: all are in unmapped
	}
	if r.SQL != "" {
		e.Query = &ocsfQueryInfo{Text: r.SQL, UID: r.ID}
	}
	return ocsfLine(e)
}

func (e *ocsfEvent) status(r Record) {
	e.SeverityID, e.Severity = 1, "Informational"
	switch {
	case r.Phase == Intent:
		e.StatusID, e.Status = 99, "begun"
	case r.Outcome == Answered:
		e.StatusID, e.Status = 1, "Success"
	case r.Outcome == Denied:
		e.StatusID, e.Status, e.SeverityID, e.Severity = 2, "Failure", 2, "Low"
	case r.Outcome == Failed:
		e.StatusID, e.Status = 2, "Failure"
	case r.Outcome == Cancelled:
		e.StatusID, e.Status = 99, "cancelled"
	default:
		e.StatusID, e.Status, e.SeverityID, e.Severity = 0, "Unknown", 2, "Low"
	}
	if len(r.Reasons) > 0 {
		e.Detail = r.Reasons[0]
	}
}

func ocsfActorOf(r Record) *ocsfActor {
	a := &ocsfActor{AppUID: cmp.Or(r.Agent.ID, "unknown"), AppName: cmp.Or(r.Agent.Name, r.Agent.ID, "unknown")}
	switch {
	case r.Tool == Expire: // by the clock
		a.AppUID, a.AppName = "deputy", "Deputy"
	case r.Mode == InPerson && r.User != nil: // no application acts
		a.AppUID, a.AppName = "", ""
	}
	if r.User != nil {
		a.User = &ocsfUser{UID: r.User.ID, Name: cmp.Or(r.User.Name, r.User.ID), TypeID: 1, Domain: r.User.Issuer}
		for _, g := range r.User.Groups {
			a.User.Groups = append(a.User.Groups, ocsfNamed{Name: g})
		}
	}
	return a
}

// ocsfEndpointOf takes a client for an address if it is one; an agent on this machine has none.
func ocsfEndpointOf(client string) ocsfEndpoint {
	if net.ParseIP(client) != nil {
		return ocsfEndpoint{IP: client}
	}
	return ocsfEndpoint{Name: cmp.Or(client, "local")}
}

// ocsfRest is what the framework has no place for. Nothing of a record is lost.
func ocsfRest(r Record) ocsfUnmapped {
	u := ocsfUnmapped{
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
	}
	if u.Record == 0 {
		u.Record = Version
	}
	if len(r.Reasons) > 1 {
		u.Reasons = r.Reasons
	}
	return u
}

func ocsfLine(e ocsfEvent) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e); err != nil {
		return nil, err
	}
	return Escape(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// ocsfEvent has the attributes of all classes that records become. A class leaves out those of the others.
type ocsfEvent struct {
	Time        int64          `json:"time"` // milliseconds
	ActivityID  int            `json:"activity_id"`
	Activity    string         `json:"activity_name"`
	CategoryUID int            `json:"category_uid"`
	Category    string         `json:"category_name"`
	ClassUID    int            `json:"class_uid"`
	Class       string         `json:"class_name"`
	TypeUID     int            `json:"type_uid"`
	Type        string         `json:"type_name"`
	SeverityID  int            `json:"severity_id"`
	Severity    string         `json:"severity"`
	StatusID    int            `json:"status_id"`
	Status      string         `json:"status"`
	Code        string         `json:"status_code,omitempty"`
	Detail      string         `json:"status_detail,omitempty"`
	Duration    int64          `json:"duration"` // milliseconds
	Metadata    ocsfMetadata   `json:"metadata"`
	Actor       *ocsfActor     `json:"actor,omitempty"`
	User        *ocsfUser      `json:"user,omitempty"`
	Service     *ocsfNamed     `json:"service,omitempty"`
	Source      ocsfEndpoint   `json:"src_endpoint"`
	API         *ocsfAPI       `json:"api,omitempty"`
	Resources   []ocsfResource `json:"resources,omitempty"`
	Privileges  []string       `json:"privileges,omitempty"`
	Resource    *ocsfResource  `json:"resource,omitempty"`
	Database    *ocsfDatabase  `json:"database,omitempty"`
	Table       *ocsfNamed     `json:"table,omitempty"`
	Query       *ocsfQueryInfo `json:"query_info,omitempty"`
	Unmapped    ocsfUnmapped   `json:"unmapped"`
}

type ocsfMetadata struct {
	Version        string      `json:"version"`
	Product        ocsfProduct `json:"product"`
	UID            string      `json:"uid"`
	CorrelationUID string      `json:"correlation_uid"` // an intent and its outcome have the same
	EventCode      string      `json:"event_code,omitempty"`
	LogName        string      `json:"log_name"`
}

type ocsfProduct struct {
	Name   string `json:"name"`
	Vendor string `json:"vendor_name"`
}

type ocsfActor struct {
	AppName string    `json:"app_name,omitempty"` // not of a human in person
	AppUID  string    `json:"app_uid,omitempty"`
	User    *ocsfUser `json:"user,omitempty"`
}

type ocsfUser struct {
	UID    string      `json:"uid,omitempty"`
	Name   string      `json:"name"`
	TypeID int         `json:"type_id"`
	Domain string      `json:"domain,omitempty"` // the issuer
	Groups []ocsfNamed `json:"groups,omitempty"`
}

type ocsfNamed struct {
	Name string `json:"name"`
}

type ocsfEndpoint struct {
	IP   string `json:"ip,omitempty"`
	Name string `json:"name,omitempty"`
}

type ocsfAPI struct {
	Operation string     `json:"operation"`
	Service   *ocsfNamed `json:"service"`
}

type ocsfResource struct {
	UID  string `json:"uid,omitempty"`
	Name string `json:"name"`
	Type string `json:"type"`
}

type ocsfDatabase struct {
	Name   string `json:"name"`
	TypeID int    `json:"type_id"`
	Kind   string `json:"type"`
}

type ocsfQueryInfo struct {
	Text string `json:"query_string"`
	UID  string `json:"uid"`
}

type ocsfUnmapped struct {
	Record         int           `json:"record_version"`
	Phase          Phase         `json:"phase,omitempty"`
	Tool           string        `json:"tool"`
	Mode           string        `json:"mode,omitempty"`
	AgentGroups    []string      `json:"agent_groups,omitempty"`
	Actors         []string      `json:"actors,omitempty"`
	Credential     string        `json:"credential,omitempty"`
	Purpose        string        `json:"purpose,omitempty"`
	PolicyVersion  string        `json:"policy_version,omitempty"`
	WaitingVersion string        `json:"waiting_version,omitempty"`
	Digest         string        `json:"sql_sha256,omitempty"`
	Tables         []Table       `json:"tables,omitempty"`
	Role           *Role         `json:"role,omitempty"`
	Rows           int           `json:"rows"`
	Truncated      bool          `json:"truncated,omitempty"`
	Outcome        Outcome       `json:"outcome,omitempty"`
	Reasons        []string      `json:"reasons,omitempty"`
	Nanoseconds    time.Duration `json:"duration_ns"`
	Request        *Request      `json:"request,omitempty"`
}

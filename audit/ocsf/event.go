package ocsf

import (
	"time"

	"deputy/audit"
)

// event has the attributes of all classes that records become. A class leaves out those of the others.
type event struct {
	Time        int64      `json:"time"` // milliseconds
	ActivityID  int        `json:"activity_id"`
	Activity    string     `json:"activity_name"`
	CategoryUID int        `json:"category_uid"`
	Category    string     `json:"category_name"`
	ClassUID    int        `json:"class_uid"`
	Class       string     `json:"class_name"`
	TypeUID     int        `json:"type_uid"`
	Type        string     `json:"type_name"`
	SeverityID  int        `json:"severity_id"`
	Severity    string     `json:"severity"`
	StatusID    int        `json:"status_id"`
	Status      string     `json:"status"`
	Code        string     `json:"status_code,omitempty"`
	Detail      string     `json:"status_detail,omitempty"`
	Duration    int64      `json:"duration"` // milliseconds
	Metadata    metadata   `json:"metadata"`
	Actor       *actor     `json:"actor,omitempty"`
	User        *user      `json:"user,omitempty"`
	Service     *named     `json:"service,omitempty"`
	Source      endpoint   `json:"src_endpoint"`
	API         *api       `json:"api,omitempty"`
	Resources   []resource `json:"resources,omitempty"`
	Privileges  []string   `json:"privileges,omitempty"`
	Resource    *resource  `json:"resource,omitempty"`
	Database    *database  `json:"database,omitempty"`
	Table       *named     `json:"table,omitempty"`
	Query       *queryInfo `json:"query_info,omitempty"`
	Unmapped    unmapped   `json:"unmapped"`
}

type metadata struct {
	Version        string  `json:"version"`
	Product        product `json:"product"`
	UID            string  `json:"uid"`
	CorrelationUID string  `json:"correlation_uid"` // an intent and its outcome have the same
	EventCode      string  `json:"event_code,omitempty"`
	LogName        string  `json:"log_name"`
}

type product struct {
	Name   string `json:"name"`
	Vendor string `json:"vendor_name"`
}

type actor struct {
	AppName string `json:"app_name,omitempty"` // not of a human in person
	AppUID  string `json:"app_uid,omitempty"`
	User    *user  `json:"user,omitempty"`
}

type user struct {
	UID    string  `json:"uid,omitempty"`
	Name   string  `json:"name"`
	TypeID int     `json:"type_id"`
	Domain string  `json:"domain,omitempty"` // the issuer
	Groups []named `json:"groups,omitempty"`
}

type named struct {
	Name string `json:"name"`
}

type endpoint struct {
	IP   string `json:"ip,omitempty"`
	Name string `json:"name,omitempty"`
}

type api struct {
	Operation string `json:"operation"`
	Service   *named `json:"service"`
}

type resource struct {
	UID  string `json:"uid,omitempty"`
	Name string `json:"name"`
	Type string `json:"type"`
}

type database struct {
	Name   string `json:"name"`
	TypeID int    `json:"type_id"`
	Kind   string `json:"type"`
}

type queryInfo struct {
	Text string `json:"query_string"`
	UID  string `json:"uid"`
}

type unmapped struct {
	Record         int            `json:"record_version"`
	Phase          audit.Phase    `json:"phase,omitempty"`
	Tool           string         `json:"tool"`
	Mode           string         `json:"mode,omitempty"`
	AgentGroups    []string       `json:"agent_groups,omitempty"`
	Actors         []string       `json:"actors,omitempty"`
	Credential     string         `json:"credential,omitempty"`
	Purpose        string         `json:"purpose,omitempty"`
	PolicyVersion  string         `json:"policy_version,omitempty"`
	WaitingVersion string         `json:"waiting_version,omitempty"`
	Digest         string         `json:"sql_sha256,omitempty"`
	Tables         []audit.Table  `json:"tables,omitempty"`
	Role           *audit.Role    `json:"role,omitempty"`
	Rows           int            `json:"rows"`
	Truncated      bool           `json:"truncated,omitempty"`
	Outcome        audit.Outcome  `json:"outcome,omitempty"`
	Reasons        []string       `json:"reasons,omitempty"`
	Nanoseconds    time.Duration  `json:"duration_ns"`
	Request        *audit.Request `json:"request,omitempty"`
	State          *audit.State   `json:"state,omitempty"`
}

// Package tools is what Deputy does: the query and describe_table tools as plain Go calls, the same for every transport and for
// the command line. Each call walks one way: the engine says what the statement reads, the entitlements say what of that this
// principal may see, the engine vends a role for exactly that and runs the statement as this role, and the audit log has the
// record on disk before anything is answered.
package tools

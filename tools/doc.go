// Package tools is what Deputy does: the query, describe_table and request_access tools as plain Go calls, the same for
// every transport and for the command line. Each call walks one way: the engine says what the statement reads, the
// entitlements say what of that this principal may see, the engine vends a role for exactly that and runs the statement
// as this role, and the audit log has the record on disk before anything is answered.
//
// What may not be seen can be asked for: request_access makes a request in the human's name, and a human in person,
// whom no tool speaks for, decides on it with Rule. What was approved is one more reason for the entitlements, until
// its time is over.
package tools

// Package entitlements decides what a principal may see of a table, and says why.
//
// An administrator writes policies about tables and columns, by name or by tag. Compile checks them against the catalog
// of one platform and sorts them by table, once; Decide then answers for one principal and one table with an Access
// (columns, masks, row filters) or a Denial. Four kinds of policy are in one list: a grant opens tables, a guardrail
// closes them whoever was granted what, a mask hides the values of columns, a filter hides rows. What is not granted is
// not there.
//
// On behalf of a human, a table is open if the human qualifies or the agent does, each judged alone, never as one
// merged identity; masks, filters and guardrails are judged on the human in any case.
//
// What policies leave closed can be asked for: see package requests. With lets what was approved count in decisions,
// while it does.
package entitlements

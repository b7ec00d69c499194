// Package field plays the inputs that failed in the field, and those that held, through MCP against deputy serve on a
// real PostgreSQL, and compares what comes back with what psql says on the same database. It has nothing but tests;
// "make field" runs them.
//
// A line of testdata/failing or testdata/holds.jsonl is one input. Its fields are those of the report that it came with
// (id, source, world, caller or claims, the input, what was observed, what is right) and those that judging it needs:
// oracle is what psql is asked instead of sql, rule is a policy in YAML that holds for the group named after the line,
// expect is what must be seen. An answer that docs/limits.md names for the kind, with its code and its words, is right
// too; a row of that page that no line meets is an error. Every kind must be right but those that open lists.
// testdata/known.txt lists single lines that are known to fail: one that starts to hold is an error, and
// "go test ./internal/field -update" takes it off.
package field

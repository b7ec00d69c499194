// Package testkit is the folder of what tests share: an issuer of tokens, a real PostgreSQL for as long as the tests
// run, what tests need of servers that they start, and small made-up worlds of tables, people and policies.
//
// Nothing but tests imports what is below it, with two exceptions, which the program itself has: internal/demo, because
// "deputy demo" plays every part by itself, the issuer and the database included, and internal/bench, which measures
// the server against the same two.
package testkit

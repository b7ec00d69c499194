// Package postgres vends roles on PostgreSQL 14 to 18.
//
// A vended role is never committed: it is created, used and thrown away inside one transaction that cannot commit, so
// that no other session ever sees it and a crash at any instruction revokes it. PostgreSQL is the only parser of
// PostgreSQL here: a statement is analysed by making a temporary view of it as deputy_runner, who may read nothing, and
// looking at what the database understood.
//
// What it is made of has packages of its own, each of which knows only those that stand before it here:
//
//   - sqltext: how SQL is written
//   - nodetree: how PostgreSQL writes what it has understood of a statement
//   - catalog: the governed tables
//   - searchpath: the schemas in which names are looked up
//   - gate: the functions, operators, types and collations that statements may use
//   - lineage: the columns that a statement's or a view's columns are made of
//   - view: a decision about one table as SQL, with its masks and filters
//   - setup: what an administrator sets up once (bootstrap.sql), and what check says of it
//
// This package takes a snapshot of all that (Engine), analyses statements against it (Analyze), reads them once more as
// the caller sees the world (Diagnose), and vends, runs and revokes (Run).
package postgres

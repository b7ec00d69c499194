// Package vending turns a decision into a role, and a role into rows.
//
// An Engine is one data platform. It says what a statement would read (Analyze), and it runs that statement as a role
// which is made for it, sees nothing but the views the decision allows, and is gone before the rows are handed on
// (Run). The engines live in the folders below; enginetest holds what each must pass. The gate is the second lock: it
// refuses what no statement may use, whoever asks.
//
// # What an engine brings
//
//   - A folder below this one with a type that implements Engine, and Own where a name can mean something else to the
//     caller than to Analyze. No engine imports another one.
//   - A package sqltext in it: the Dialect (what people and traces call the language, what the lexer has to know, how a
//     name is quoted) and whatever else of the language's form several of its packages need.
//   - A package view in it: the one place where an entitlements.Access becomes SQL. It has a case for each
//     entitlements.MaskKind and for each kind of entitlements.Filter; what it does not know hides the cell and the row.
//   - A gate: what statements may use of the platform, by identity. The analysis puts everything else into
//     Statement.Forbidden.
//   - A second lock that does not rely on the first: the statement must be harmless without Analyze and Gate as well.
//   - Errors that are *Error, with a message that names nothing but what the lease shows.
//   - What an administrator has to set up, if anything (a package setup), and a Check that compares it with what is
//     there.
//   - A test that calls enginetest.Run with a trial.Fixture over the tables of dataset.Statements,
//     enginetest.RunAttacks with attacks in the engine's own language, and profiling.Run.
//
// # Who knows an engine by name
//
// Two places: internal/config, which has a section of keys for it, and internal/assembly, which opens it. Commands that
// only make sense for one engine (bootstrap, init) know that one. Nothing else asks which engine a platform has.
package vending

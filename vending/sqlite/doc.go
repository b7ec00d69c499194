// Package sqlite is the embedded data platform: one SQLite file, governed as one schema.
//
// SQLite has no roles, so the session is the role. Each call gets a private connection whose main database is empty and
// in memory. The file is attached to it read-only under two random names, which no text of a caller can contain. Behind
// each table that the lease allows stand two temporary views: an inner one with a random name, which reads the table
// and carries masks and row filters, and a public one with the table's own name, which reads the inner one. Closing the
// connection revokes everything; nothing of it was ever outside the process's memory.
//
// Three locks keep a statement inside its lease, and none relies on another:
//   - Names: an unusable view stands before every object of the file that is not in the lease, so that its name means
//     nothing (hide).
//   - The authorizer, which SQLite asks about tables, columns and functions while it prepares the statement, lets only
//     the inner views read the file (guard). It is not asked about columns that only USING and NATURAL JOIN name.
//   - The byte code of the prepared statement opens no b-tree but those of the inner views (checkProgram). SQLite finds
//     bare names in the file's first attachment and the inner views read the second, so that the byte code also tells
//     what a bare name reaches from what the views read.
//
// Statements are analysed by SQLite too, on another connection, where the file bears the governed schema's name: by
// what the authorizer is asked, what the byte code opens, and which names SQLite misses when everything is hidden.
//
// The order of rows tells nothing either: a table with an index on a hidden or masked column is read by no index. What
// shows is the order of storage, which is that of the rows' numbers or of a WITHOUT ROWID table's primary key.
//
// What a decision becomes is written in one place, the package view below; sqltext is how the SQL is written.
//
// What is governed are ordinary tables. Views and virtual tables in the file are out of reach: an authorizer cannot
// tell a view of the file from a common table expression of the same name.
package sqlite

// Package sqlite is the embedded data platform: one SQLite file, governed as one schema.
//
// SQLite has no roles, so the session is the role. Each call gets a private connection whose main database is empty and in memory.
// The file is attached to it read-only under a random name, which no text of a caller can contain, and behind each table that the
// lease allows stand two temporary views: an inner one with a random name, which reads the table and carries masks and row filters,
// and a public one with the table's own name, which reads the inner one. From then on SQLite's authorizer, which is asked about every
// table, column and function when a statement is prepared, lets only the inner views read the file. Closing the connection revokes
// everything; nothing of it was ever outside the process's memory.
//
// Statements are analysed by SQLite too, on another connection, where the file bears the governed schema's name and the authorizer
// takes notes.
//
// What is governed are ordinary tables. Views and virtual tables in the file are out of reach: an authorizer cannot tell a view of
// the file from a common table expression of the same name.
package sqlite

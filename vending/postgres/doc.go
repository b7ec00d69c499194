// Package postgres vends roles on PostgreSQL 14 to 18.
//
// A vended role is never committed: it is created, used and thrown away inside one transaction that cannot commit, so
// that no other session ever sees it and a crash at any instruction revokes it. PostgreSQL is the only parser of
// PostgreSQL here: a statement is analysed by making a temporary view of it as deputy_runner, who may read nothing, and
// looking at what the database understood. bootstrap.sql holds what an administrator sets up once.
package postgres

// Package faults does to a running Deputy what befalls servers, one fault after the other: databases that freeze, fall
// over, fill up or vanish, poolers that are killed, standbys that are promoted, tables that change, an issuer that is
// slow or hangs, a state that is out of reach, disks that are full or slow, greedy callers, planned stops and others.
// It has nothing but tests; "make faults" runs them, and docs/faults.md has what a run printed.
//
// A real deputy serve stands over two real PostgreSQL clusters, a SQLite file and a state in a third cluster, and
// clients call all of it all the time. For each fault, a table says what they were answered before, during and after,
// how long until everything was good again, and that the clients' own record agrees with the audit log: no answer that
// is not on the record, none that is there twice, no role left.
//
// DEPUTY_FAULTS_SHORT=1 leaves each fault on for seconds, leaves out the rows that repeat others or need root, and
// judges nothing by the clock: a machine that does other things makes no row red. What a machine cannot do (no root for
// network namespaces and disks, no PgBouncer) is named in the table as not tried.
package faults

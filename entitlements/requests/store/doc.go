// Package store keeps access requests, and what is to be told of them, in a database of Deputy's own: a SQLite file, or
// a PostgreSQL database where several servers share it. It implements requests.Store.
//
// # One step, one transaction
//
// A step of a request and the event that tells of it are written in one transaction, or neither is. Whoever writes
// locks the counter's row first, so that there is one writer at a time over all servers, on PostgreSQL as on SQLite: a
// step sees what the one before it made, events are committed in the order of their sequence, and nobody waits for
// somebody who waits for them. What the pure steps of package requests promise is checked once more here: the
// version is the next one, what was asked for has not changed, decisions are only added, and no request goes from an
// end back to anything.
//
// # Whoever can write this database can grant access
//
// There is no key that a row is signed with: a server that may write rows would have it as well, and so would whoever
// took its place. So the database is to be guarded like the configuration file. The SQLite file is made with mode 0600
// and refused when others may use it; the PostgreSQL schema deputy_state belongs to one login, and is refused when
// PUBLIC may do anything with its tables. What a clumsy hand writes is not believed: a row counts only when its text is
// exactly what Deputy would write, the columns say the same, and the decisions bear the status out. An approval needs
// somebody else's approval, or a rule's, under the id of an audit record, and lasts no longer than was asked for.
// Anything else is an error, and never an approval. Whoever writes a row with care leaves no audit record of that id:
// that is how an auditor finds it.
package store

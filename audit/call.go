package audit

import "iter"

// Call is one call as its records tell it.
type Call struct {
	Record         // what is known of it: an outcome, or the intent while there is none
	Intent  *Entry // nil: it ran no statement, or the intent was deleted for its age
	Outcome *Entry // nil: it has not ended, or nobody can tell how. Of several the last one holds
}

// NewCall puts the records of one call together. One of them may be nil.
func NewCall(intent, outcome *Entry) Call {
	c := Call{Intent: intent, Outcome: outcome}
	switch {
	case outcome == nil:
		c.Record = intent.Record
	case intent == nil:
		c.Record = outcome.Record
	default:
		c.Record = outcome.Record
		if c.SQL == "" { // an outcome that was written for a dead server leaves out what its intent has
			c.SQL = intent.SQL
		}
		if len(c.Tables) == 0 {
			c.Tables = intent.Tables
		}
		if c.Request == nil {
			c.Request = intent.Request
		}
	}
	return c
}

// JSON is what is known of the call, as a record is written: it has no character that a terminal would obey.
func (c Call) JSON() ([]byte, error) { return encode(c.Record) }

// Line is the index of the call's first record in the log: the order in which calls are listed.
func (c Call) Line() int64 {
	if c.Intent != nil {
		return c.Intent.Index
	}
	return c.Outcome.Index
}

// Ending is how the call ended, or Begun.
func (c Call) Ending() Outcome {
	if c.Outcome == nil {
		return Begun
	}
	return c.Record.Outcome
}

// Begun is the ending of a call that has none: it is being answered, or the server died and was not started since.
const Begun Outcome = "begun"

// Seen says whether rows can have left: they have when the call was answered, and nobody can tell of one that has no
// outcome. describe_table shows names and no values, and what is about access requests neither.
func (c Call) Seen() bool {
	switch c.Tool {
	case "describe_table", "request_access", Approve, Deny, Revoke, Cancel, Expire, Look,
		Confirm, AcceptRestore, NoteState:
		return false
	}
	switch c.Ending() {
	case Answered, Unknown, Begun:
		return true
	}
	return false
}

// Calls puts the records of a log together, in the order of Line. It keeps them all in memory: for a large log, see the
// package index.
func Calls(entries iter.Seq2[Entry, error]) ([]Call, error) {
	type pair struct{ intent, outcome *Entry }
	var order []*pair
	byID := map[string]*pair{}
	for e, err := range entries {
		if err != nil {
			return nil, err
		}
		p := byID[e.ID]
		if p == nil {
			p = &pair{}
			byID[e.ID] = p
			order = append(order, p)
		}
		if e.Phase == Intent {
			p.intent = &e
		} else {
			p.outcome = &e
		}
	}
	out := make([]Call, len(order))
	for i, p := range order {
		out[i] = NewCall(p.intent, p.outcome)
	}
	return out, nil
}

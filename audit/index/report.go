package index

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/ncruces/go-sqlite3"

	"deputy/audit"
)

// Report counts calls.
type Report struct {
	Calls   int64   `json:"calls"`
	Persons []Count `json:"by_person"`
	Agents  []Count `json:"by_agent"`
	Tables  []Count `json:"by_table"`
	Clear   []Sight `json:"in_the_clear"`
}

// Count is how often somebody asked, or something was asked for.
type Count struct {
	Name     string    `json:"name"`             // empty: no person, the agent was on its own
	Issuer   string    `json:"issuer,omitempty"` // of a person: the same name from another issuer is another person
	Calls    int64     `json:"calls"`
	Answered int64     `json:"answered"`
	Denied   int64     `json:"denied"`
	Failed   int64     `json:"failed"`  // or cancelled: no row left
	Unknown  int64     `json:"unknown"` // or begun: rows may have left
	Rows     int64     `json:"rows"`    // of the answers
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
}

// Sight is who saw a column as it is, and why they could: whose access it was and which policies opened the table. That
// no mask applied is all the record knows of masks: the policies of the version say why.
type Sight struct {
	Column   string    `json:"column"` // schema.table.column
	Tags     []string  `json:"tags,omitempty"`
	Partly   bool      `json:"partly,omitempty"` // in some rows: in the others it was masked
	Person   string    `json:"person,omitempty"` // empty: the agent on its own
	Issuer   string    `json:"issuer,omitempty"`
	Agent    string    `json:"agent"`
	Via      string    `json:"via,omitempty"` // whose access: user, agent, both
	Grants   []string  `json:"grants,omitempty"`
	Requests []string  `json:"requests,omitempty"` // access requests whose approval it rested on
	Policies []string  `json:"policy_versions,omitempty"`
	Calls    int64     `json:"calls"`
	Unknown  int64     `json:"unknown"` // of Calls, those of which nobody can tell whether they were answered
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
}

// Report counts the calls that are meant. Of the columns in the clear it has those that fit; with an empty pattern,
// those with a tag.
func (x *Index) Report(f Filter, clear Column) (*Report, error) {
	t := &tally{
		clear:   clear,
		persons: map[string]*Count{},
		agents:  map[string]*Count{},
		tables:  map[string]*Count{},
		sights:  map[string]*Sight{},
	}
	texts, err := x.allTexts()
	if err != nil {
		return nil, err
	}
	condition, values, err := f.condition(x)
	if err != nil {
		return nil, err
	}
	var total int64
	err = x.each(
		`SELECT agent, user, tool, policy, tables, ending, count(*), sum(rows), min(time), max(time) FROM calls WHERE `+condition+` GROUP BY 1, 2, 3, 4, 5, 6`,
		values,
		func(row *sqlite3.Stmt) error {
			g := group{
				agent: texts.parties[row.ColumnInt64(0)], user: texts.parties[row.ColumnInt64(1)],
				tables: texts.tables[row.ColumnInt64(4)], policy: texts.words[row.ColumnInt64(3)],
				call: audit.Call{
					Record: audit.Record{
						Tool:    texts.words[row.ColumnInt64(2)],
						Outcome: audit.Outcome(texts.words[row.ColumnInt64(5)]),
					},
					Outcome: &audit.Entry{},
				},
				calls: row.ColumnInt64(6), rows: row.ColumnInt64(7),
				first: time.Unix(0, row.ColumnInt64(8)).UTC(), last: time.Unix(0, row.ColumnInt64(9)).UTC(),
			}
			if f.InClear != "" && !g.call.Seen() {
				return nil
			}
			total += g.calls
			t.add(g)
			return nil
		},
	)
	if err != nil {
		return nil, fmt.Errorf("searching the audit log: %w", err)
	}
	return &Report{
		Calls:   total,
		Persons: sorted(t.persons),
		Agents:  sorted(t.agents),
		Tables:  sorted(t.tables),
		Clear:   t.sorted(),
	}, nil
}

// texts are what the index keeps once, read.
type texts struct {
	parties map[int64]*audit.Party
	tables  map[int64][]audit.Table
	words   map[int64]string
}

func (x *Index) allTexts() (texts, error) {
	t := texts{map[int64]*audit.Party{}, map[int64][]audit.Table{}, map[int64]string{}}
	return t, x.each(`SELECT id, kind, text FROM texts`, nil, func(row *sqlite3.Stmt) error {
		id, text := row.ColumnInt64(0), row.ColumnText(2)
		switch kind(row.ColumnInt64(1)) {
		case agents, users:
			t.parties[id] = party(text)
		case tables:
			t.tables[id] = tablesOf(text)
		default:
			t.words[id] = text
		}
		return nil
	})
}

// group are calls that differ in nothing a report is about.
type group struct {
	agent, user *audit.Party
	tables      []audit.Table
	policy      string
	call        audit.Call
	calls, rows int64
	first, last time.Time
}

type tally struct {
	clear                   Column
	persons, agents, tables map[string]*Count
	sights                  map[string]*Sight
}

func (t *tally) add(g group) {
	agent, person := &audit.Party{}, &audit.Party{}
	if g.agent != nil {
		agent = g.agent
	}
	if g.user != nil {
		person = g.user
	}
	count(t.persons, person, g)
	count(t.agents, &audit.Party{ID: agent.ID}, g)
	counted := map[string]bool{}
	for _, table := range g.tables {
		if !counted[table.Name] { // a statement may read one twice
			counted[table.Name] = true
			count(t.tables, &audit.Party{ID: table.Name}, g)
		}
		if g.call.Seen() {
			t.see(g, agent, table)
		}
	}
}

func count(in map[string]*Count, who *audit.Party, g group) {
	key := fmt.Sprintf("%q %q", who.Issuer, who.ID)
	c := in[key]
	if c == nil {
		c = &Count{Name: who.ID, Issuer: who.Issuer, First: g.first, Last: g.last}
		in[key] = c
	}
	c.Calls += g.calls
	switch g.call.Ending() {
	case audit.Answered:
		c.Answered += g.calls
		c.Rows += g.rows
	case audit.Denied:
		c.Denied += g.calls
	case audit.Unknown, audit.Begun:
		c.Unknown += g.calls
	default:
		c.Failed += g.calls
	}
	c.First, c.Last = earlier(c.First, g.first), later(c.Last, g.last)
}

func (t *tally) see(g group, agent *audit.Party, table audit.Table) {
	for _, column := range table.InClear() {
		if t.clear == "" && len(column.Tags) == 0 || t.clear != "" && !t.clear.match(table.Name, column) {
			continue
		}
		s := Sight{
			Column:   table.Name + "." + column.Column,
			Tags:     column.Tags,
			Partly:   column.Partly,
			Agent:    agent.ID,
			Via:      table.Via,
			Grants:   table.Grants,
			Requests: table.Requests,
			First:    g.first,
			Last:     g.last,
		}
		if g.user != nil {
			s.Person, s.Issuer = g.user.ID, g.user.Issuer
		}
		key := fmt.Sprintf(
			"%q %q %t %q %q %q %q %q %q",
			s.Column,
			s.Tags,
			s.Partly,
			s.Issuer,
			s.Person,
			s.Agent,
			s.Via,
			s.Grants,
			s.Requests,
		)
		known := t.sights[key]
		if known == nil {
			known = &s
			t.sights[key] = known
		}
		known.Calls += g.calls
		if g.call.Ending() != audit.Answered {
			known.Unknown += g.calls
		}
		if g.policy != "" && !slices.Contains(known.Policies, g.policy) {
			known.Policies = append(known.Policies, g.policy)
			slices.Sort(known.Policies)
		}
		known.First, known.Last = earlier(known.First, g.first), later(known.Last, g.last)
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func sorted(in map[string]*Count) []Count {
	out := []Count{}
	for _, c := range in {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Issuer, b.Issuer))
	})
	return out
}

func (t *tally) sorted() []Sight {
	out := []Sight{}
	for _, s := range t.sights {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b Sight) int {
		return cmp.Or(
			cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Person, b.Person),
			cmp.Compare(a.Issuer, b.Issuer),
			cmp.Compare(a.Agent, b.Agent),
			cmp.Compare(
				a.Via,
				b.Via,
			),
			slices.Compare(a.Grants, b.Grants),
			slices.Compare(a.Requests, b.Requests),
			cmp.Compare(b.Calls, a.Calls),
		)
	})
	return out
}

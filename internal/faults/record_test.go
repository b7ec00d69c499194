package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"deputy/audit"
	"deputy/internal/testkit/throwaway"
)

// compare holds the clients' own record against the audit log: each answer is there once, begun and ended, with the
// rows that the client has; a refusal is there with its code. unknown is how many outcomes the log does not know.
// again allows a call that its table changed under to have been decided up to three times, each with its intent.
func (c *company) compare(samples []sample, since time.Time, again bool) (problems []string, unknown int) {
	intents, ends, earlier := map[string]int{}, map[string][]audit.Record{}, map[string]bool{}
	for e, err := range audit.Records(filepath.Join(c.dir, "audit", "audit.jsonl")) {
		switch {
		case err != nil:
			problems = append(problems, "the log: "+err.Error())
		case e.Phase == audit.Intent && e.Time.After(since):
			intents[e.ID]++
		case e.Phase == audit.Intent:
			earlier[e.ID] = true
		default:
			ends[e.ID] = append(ends[e.ID], e.Record)
			if e.Outcome == audit.Unknown && e.Time.After(since) {
				unknown++
			}
		}
	}
	for _, s := range samples {
		if s.wrong != "" {
			problems = append(problems, fmt.Sprintf("call %s: %s", s.id, s.wrong))
		}
		if s.id == "" {
			continue
		}
		outcomes := ends[s.id]
		switch {
		case len(outcomes) != 1:
			problems = append(problems, fmt.Sprintf("call %s has %d outcomes", s.id, len(outcomes)))
		case s.answered && intents[s.id] == 0 && !earlier[s.id]:
			problems = append(problems, fmt.Sprintf("call %s has no intent", s.id))
		case s.answered && (outcomes[0].Outcome != audit.Answered || outcomes[0].Rows != s.rows):
			problems = append(
				problems,
				fmt.Sprintf("call %s: %d rows came, the record says %+v", s.id, s.rows, outcomes[0]),
			)
		case !s.answered && outcomes[0].Outcome == audit.Answered:
			problems = append(problems, fmt.Sprintf("call %s: refused, and on the record as answered", s.id))
		}
	}
	for id, n := range intents {
		if n > 3 || n > 1 && !again {
			problems = append(problems, fmt.Sprintf("call %s has %d intents", id, n))
		}
	}
	return problems, unknown
}

// standing are the vended roles that are left when nothing runs, in either cluster.
func (c *company) standing() (left []string) {
	for _, cluster := range []*throwaway.Cluster{c.shop, c.app} {
		db, err := cluster.Open(throwaway.Superuser, "postgres")
		if err != nil {
			return []string{err.Error()}
		}
		rows, err := db.Query(`SELECT rolname FROM pg_roles WHERE rolname ~ '^deputy_[0-9a-z]{8,}'
			UNION ALL SELECT nspname FROM pg_namespace WHERE nspname ~ '^deputy_[0-9a-z]{8,}'`)
		if err != nil {
			left = append(left, err.Error())
		} else {
			for rows.Next() {
				var name string
				rows.Scan(&name)
				left = append(left, name)
			}
			rows.Close()
		}
		db.Close()
	}
	return left
}

// secrets are words that must be nowhere in what the server logs.
func (c *company) secrets() (found []string) {
	for _, word := range []string{"Okafor", "Lindqvist", "0123456789012345678901234567890123456789", "eyJhbGciOi"} {
		if strings.Contains(c.log.String(), word) {
			found = append(found, word)
		}
	}
	return found
}

// output is standard output, for the relay that is a program of its own.
type output struct{}

func (output) Write(p []byte) (int, error) { return os.Stdout.Write(p) }

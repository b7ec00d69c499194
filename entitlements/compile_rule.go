package entitlements

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"deputy/identity"
	"deputy/internal/mistake"
)

const defaultAtMost = 8 * time.Hour // for which a request is approved, where its rule does not say

// requestRule is a rule as it takes effect: on any table, the same.
type requestRule struct {
	*RequestRule
	about, except []selector
	stages        []Stage
	atMost, upTo  time.Duration
}

// asking is a rule on one table: whether it covers the table itself, and which of the columns.
type asking struct {
	*requestRule
	table   bool
	columns []bool
}

func (c *compiler) addRules() {
	seen := map[string]bool{}
	for i := range c.cfg.Rules {
		c.at = Problem{Key: mistake.At("requests.rules", i)}
		c.addRule(&c.cfg.Rules[i], c.cfg.Rules[:i], seen)
	}
}

func (c *compiler) addRule(r *RequestRule, before []RequestRule, seen map[string]bool) {
	c.checkName("rule", r.Name, seen)
	if c.cfg.Catalog != nil && !r.here(c.cfg.Platform) {
		return
	}
	out := &requestRule{RequestRule: r, atMost: defaultAtMost}
	out.about = c.covers("about", r.About, r.Platform != "")
	if r.ExceptAbout != nil {
		out.except = c.covers("except_about", r.ExceptAbout, r.Platform != "")
	}
	if r.AtMost > 0 {
		out.atMost = time.Duration(r.AtMost)
	}
	r.Matchers(func(key string, m *Matcher) {
		if !strings.HasSuffix(key, "approvers") { // of which no purpose is asked at all
			c.checkPurposes(key, m)
		}
	})
	if r.Approvers == nil && r.Stages == nil && r.Approve == nil && r.Deny == nil {
		c.problem("nobody decides: write approvers or stages, or approve or deny for what is decided without asking anybody")
	}
	out.stages = c.stages(r)
	c.checkQuestions(r, before)
	out.upTo = c.automatically(r, out.atMost)
	for _, t := range c.tables {
		t.addRule(out)
	}
}

// here reports whether the rule is meant for the platform.
func (r *RequestRule) here(platform string) bool { return r.Platform == "" || r.Platform == platform }

// covers parses the selectors of a rule. They may name tables and columns.
func (c *compiler) covers(key string, texts Selectors, onlyHere bool) (out []selector) {
	if len(texts) == 0 {
		if texts != nil {
			c.within(key, func() {
				c.problem("it is about nothing: name what the rule covers behind about, or leave except_about out")
			})
		} else {
			c.problem("it is about nothing: name what it covers behind %s", key)
		}
	}
	c.within(key, func() {
		for i, text := range texts {
			c.nth(i, func() {
				if s, ok := c.selector(text, kindRequest, onlyHere); ok {
					out = append(out, s)
				}
			})
		}
	})
	return out
}

// stages are those of the rule, and approvers are one.
func (c *compiler) stages(r *RequestRule) (out []Stage) {
	if r.Approvers != nil && r.Stages != nil {
		c.within("stages", func() { c.problem("it says both approvers and stages: choose one") })
	}
	if r.Approvers != nil {
		c.checkApprovers(r.Approvers)
		return []Stage{{Rule: r.Name, Number: 1, Approvers: r.Approvers.Alternatives(), Need: 1}}
	}
	if r.Stages != nil && len(r.Stages) == 0 {
		c.within("stages", func() { c.problem("the list is empty: name at least one stage, or leave the key out") })
	}
	c.within("stages", func() {
		for i, s := range r.Stages {
			c.nth(i, func() {
				if s.Approvers == nil {
					c.problem("a stage needs approvers: say who may approve")
					return
				}
				out = append(out, c.stage(s, r.Name, i+1))
			})
		}
	})
	return out
}

var countOfPeople = regexp.MustCompile(`^[1-9][0-9]?$`)

func (c *compiler) stage(s ApprovalStage, rule string, number int) Stage {
	c.checkApprovers(s.Approvers)
	out := Stage{Rule: rule, Number: number, Approvers: s.Approvers.Alternatives(), Need: 1}
	switch {
	case s.Need == "":
	case s.Need == "all":
		out.Every, out.Approvers = true, s.Approvers.Entries()
		out.Need = len(out.Approvers)
	case countOfPeople.MatchString(s.Need):
		out.Need, _ = strconv.Atoi(s.Need)
	default:
		c.within("need", func() {
			c.problem(
				"%q is not how many people have to approve: write a number from 1 to 99, or all for one of each in the list",
				s.Need,
			)
		})
		return out
	}
	if most, known := out.most(); known && out.Need > most {
		c.within("need", func() {
			c.problem("so many different people are not named: %d have to approve, and it can be %d", out.Need, most)
		})
	}
	return out
}

// most is how many people there can be among the approvers, where users alone are named: nobody knows how many are in a
// group.
func (s Stage) most() (people int, known bool) {
	users := map[string]bool{}
	others := 0
	for _, m := range s.Approvers {
		for _, a := range m.Alternatives() {
			if a.term.Word == "user" {
				users[a.term.Name] = true
			} else {
				others++
			}
		}
	}
	if s.Every { // one for each entry; those that are no user may be anybody
		return len(users) + others, true
	}
	return len(users), others == 0
}

// checkApprovers refuses what is asked of an agent: people approve, and nothing is said of the agent of somebody who
// acts for themself.
func (c *compiler) checkApprovers(m *Matcher) {
	c.within("approvers", func() {
		said := map[Term]bool{}
		m.Each(func(t Term) {
			if t.AboutAgent() && !said[t] {
				said[t] = true
				c.problem("approvers are people, and %s asks about an agent", t)
			}
		})
		if len(said) == 0 && Contradict(m, &Matcher{term: Term{Word: "group", Name: identity.AllUsers}}) {
			c.problem("approvers are people, and nobody is %s", m)
		}
	})
}

// QuestionName is the pattern of the names that the answers to a rule's questions have.
const QuestionName = `[a-z][a-z0-9_]*`

var questionName = regexp.MustCompile(`^` + QuestionName + `$`)

// checkQuestions refuses questions of one name that ask different things: there would be one answer to both.
func (c *compiler) checkQuestions(r *RequestRule, before []RequestRule) {
	c.within("questions", func() {
		names := map[string]bool{}
		for i, q := range r.Questions {
			c.nth(i, func() {
				switch {
				case !questionName.MatchString(q.Name):
					c.within("name", func() {
						c.problem("%q is not a question's name: it is made of a-z, 0-9 and _, and starts with a letter", q.Name)
					})
				case names[q.Name]:
					c.within("name", func() { c.problem("question %s is there twice", q.Name) })
				}
				names[q.Name] = true
				if strings.TrimSpace(q.Ask) == "" {
					c.problem("a question needs ask: what is asked, in words")
				}
				for _, other := range before {
					if other.Platform != "" && r.Platform != "" && other.Platform != r.Platform {
						continue
					}
					if slices.ContainsFunc(other.Questions, func(o RuleQuestion) bool { return o.Name == q.Name && o.Ask != q.Ask }) {
						c.within("name", func() {
							c.problem(
								"rule %q asks something else by the same name, and a request may be covered by both: give one of them another name",
								other.Name,
							)
						})
						return
					}
				}
			})
		}
	})
}

// automatically checks what the rule decides by itself, and returns for how long it approves.
func (c *compiler) automatically(r *RequestRule, atMost time.Duration) time.Duration {
	for _, a := range []struct {
		key string
		*Automatically
	}{{"approve", r.Approve}, {"deny", r.Deny}} {
		if a.Automatically != nil && a.When == nil {
			c.within(a.key, func() { c.problem("it needs when: say who asks, or everyone") })
		}
	}
	if r.Deny != nil && r.Deny.UpTo != 0 {
		c.within("deny", func() {
			c.within("up_to", func() { c.problem("only an approval is for a time: leave it out") })
		})
	}
	if r.Approve == nil || r.Approve.UpTo == 0 {
		return atMost
	}
	if upTo := time.Duration(r.Approve.UpTo); upTo <= atMost {
		return upTo
	}
	c.within("approve", func() {
		c.within("up_to", func() { c.problem("%s is longer than at_most, which is %s", r.Approve.UpTo, Period(atMost)) })
	})
	return atMost
}

// addRule takes the rule up if it covers the table or a column of it. What it excepts of a table it does not cover,
// however it names it.
func (t *table) addRule(r *requestRule) {
	if slices.ContainsFunc(r.except, t.covered) {
		return
	}
	// A table that is named is one to be opened: to see its columns in the clear is another thing, and named as such.
	tagged := slices.ContainsFunc(r.about, func(s selector) bool { return s.tag != "" && t.covered(s) })
	a := asking{requestRule: r, table: slices.ContainsFunc(r.about, t.covered), columns: make([]bool, len(t.columns))}
	for i := range t.columns {
		_, reached := t.reaches(i, r.about)
		_, excepted := t.reaches(i, r.except)
		a.columns[i] = (tagged || reached) && !excepted
	}
	if a.table || slices.Contains(a.columns, true) {
		t.rules = append(t.rules, a)
	}
}

func (t *table) reaches(column int, selectors []selector) (by string, ok bool) {
	reach, by := t.reach(&t.columns[column], selectors)
	return by, reach != notReached
}

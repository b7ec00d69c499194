package requests

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"deputy/entitlements"
	"deputy/identity"
	"deputy/internal/mistake"
)

const defaultAtMost = 8 * time.Hour // for which a request is approved, where its rule does not say

// Config is what Compile makes decisions from: that of package entitlements, and the rules for requests of the whole
// configuration.
type Config struct {
	entitlements.Config
	Rules []Rule // What may be asked for, and who decides.
}

// Compiled is what a platform's policies decide, and what its rules let be asked for beyond that. It never changes and
// may be used concurrently.
type Compiled struct {
	*entitlements.Entitlements
	tables map[entitlements.TableName]*ruledTable
}

// ruledTable is a table with the rules that cover requests for it, in the order of their names.
type ruledTable struct {
	columns []string
	rules   []asking
}

// compiledRule is a rule as it takes effect: on any table, the same.
type compiledRule struct {
	*Rule
	about, except []entitlements.Selector
	stages        []Stage
	atMost, upTo  time.Duration
}

// asking is a rule on one table: whether it covers the table itself, and which of the columns.
type asking struct {
	*compiledRule
	table   bool
	columns []bool
	named   []bool // The columns that the rule names, by their names or by tags of their own.
}

// Compile checks tags, policies and rules against the catalog and makes them ready to decide. It returns every problem
// it finds, in the order of the configuration; with any that is not a warning nothing is compiled, unless Deputy is
// running: see entitlements.Config.
func Compile(cfg Config) (*Compiled, []entitlements.Problem) {
	out := &Compiled{tables: map[entitlements.TableName]*ruledTable{}}
	var problems []entitlements.Problem
	if out.Entitlements, problems = entitlements.Compile(cfg.with(out.tables)); out.Entitlements == nil {
		return nil, problems
	}
	for _, t := range out.tables {
		slices.SortFunc(t.rules, func(a, b asking) int { return cmp.Compare(a.Name, b.Name) })
	}
	return out, problems
}

// Check finds what is wrong with tags, policies and rules, whatever a database holds: see entitlements.Check.
func Check(cfg Config) []entitlements.Problem { return entitlements.Check(cfg.with(nil)) }

// with is the configuration of the decision, which checks the rules on the way and puts them on their tables.
func (cfg Config) with(tables map[entitlements.TableName]*ruledTable) entitlements.Config {
	out := cfg.Config
	out.NamesNew = slices.ContainsFunc(
		cfg.Rules,
		func(r Rule) bool { return r.About.NameNew() || r.ExceptAbout.NameNew() },
	)
	out.Beside = func(k *entitlements.Checker) {
		c := &compiler{k, tables}
		for _, name := range k.Tables() {
			tables[name] = &ruledTable{columns: k.Columns(name)}
		}
		seen := map[string]bool{}
		for i := range cfg.Rules {
			c.At(mistake.At("requests.rules", i))
			c.addRule(&cfg.Rules[i], cfg.Rules[:i], seen)
		}
	}
	return out
}

// With is the same with approvals that count: see entitlements.Entitlements.With.
func (c *Compiled) With(approvals []entitlements.Approval, now time.Time) *Compiled {
	e := c.Entitlements.With(approvals, now)
	if e == c.Entitlements {
		return c
	}
	return &Compiled{e, c.tables}
}

// Approved is With for those of the approvals that the rules cover.
func (c *Compiled) Approved(approvals []entitlements.Approval, now time.Time) *Compiled {
	return c.With(c.Covered(approvals), now)
}

// compiler checks rules where the Checker is, and puts them on the tables that they cover.
type compiler struct {
	*entitlements.Checker
	tables map[entitlements.TableName]*ruledTable // Nil: there is no catalog.
}

func (c *compiler) addRule(r *Rule, before []Rule, seen map[string]bool) {
	c.Name("rule", r.Name, seen)
	if !c.Here(r.Platform) {
		return
	}
	out := &compiledRule{Rule: r, atMost: defaultAtMost}
	out.about = c.covers("about", r.About, r.Platform != "")
	if r.ExceptAbout != nil {
		out.except = c.covers("except_about", r.ExceptAbout, r.Platform != "")
	}
	if r.AtMost > 0 {
		out.atMost = time.Duration(r.AtMost)
	}
	r.Matchers(func(key string, m *entitlements.Matcher) {
		if !strings.HasSuffix(key, "approvers") { // of which no purpose is asked at all
			c.Purposes(key, m)
		}
	})
	if r.Approvers == nil && r.Stages == nil && r.Approve == nil && r.Deny == nil {
		c.Problem("nobody decides: write approvers or stages, or approve or deny for what is decided without asking anybody")
	}
	out.stages = c.stages(r)
	c.checkQuestions(r, before)
	out.upTo = c.automatically(r, out.atMost)
	for name, t := range c.tables {
		c.putOn(name, t, out)
	}
}

// covers parses the selectors of a rule. They may name tables and columns.
func (c *compiler) covers(key string, texts entitlements.Selectors, onlyHere bool) (out []entitlements.Selector) {
	if len(texts) == 0 {
		if texts != nil {
			c.Within(key, func() {
				c.Problem("it is about nothing: name what the rule covers behind about, or leave except_about out")
			})
		} else {
			c.Problem("it is about nothing: name what it covers behind %s", key)
		}
	}
	c.Within(key, func() {
		for i, text := range texts {
			c.Nth(i, func() {
				if s, ok := c.Selector(text, onlyHere); ok {
					out = append(out, s)
				}
			})
		}
	})
	return out
}

// stages are those of the rule, and approvers are one.
func (c *compiler) stages(r *Rule) (out []Stage) {
	if r.Approvers != nil && r.Stages != nil {
		c.Within("stages", func() { c.Problem("it says both approvers and stages: choose one") })
	}
	if r.Approvers != nil {
		c.checkApprovers(r.Approvers)
		return []Stage{{Rule: r.Name, Number: 1, Approvers: r.Approvers.Alternatives(), Need: 1}}
	}
	if r.Stages != nil && len(r.Stages) == 0 {
		c.Within("stages", func() { c.Problem("the list is empty: name at least one stage, or leave the key out") })
	}
	c.Within("stages", func() {
		for i, s := range r.Stages {
			c.Nth(i, func() {
				if s.Approvers == nil {
					c.Problem("a stage needs approvers: say who may approve")
					return
				}
				out = append(out, c.stage(s, r.Name, i+1))
			})
		}
	})
	return out
}

var countOfPeople = regexp.MustCompile(`^[1-9][0-9]?$`)

func (c *compiler) stage(s StageRule, rule string, number int) Stage {
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
		c.Within("need", func() {
			c.Problem(
				"%q is not how many people have to approve: write a number from 1 to 99, or all for one of each in the list",
				s.Need,
			)
		})
		return out
	}
	if most, known := out.most(); known && out.Need > most {
		c.Within("need", func() {
			c.Problem("so many different people are not named: %d have to approve, and it can be %d", out.Need, most)
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
			if term := a.Term(); term.Word == "user" {
				users[term.Name] = true
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

var allUsers, _ = entitlements.Match("group:" + identity.AllUsers)

// checkApprovers refuses what is asked of an agent: people approve, and nothing is said of the agent of somebody who
// acts for themself.
func (c *compiler) checkApprovers(m *entitlements.Matcher) {
	c.Within("approvers", func() {
		said := map[entitlements.Term]bool{}
		m.Each(func(t entitlements.Term) {
			if t.AboutAgent() && !said[t] {
				said[t] = true
				c.Problem("approvers are people, and %s asks about an agent", t)
			}
		})
		if len(said) == 0 && entitlements.Contradict(m, allUsers) {
			c.Problem("approvers are people, and nobody is %s", m)
		}
	})
}

var questionName = regexp.MustCompile(`^` + entitlements.QuestionName + `$`)

// checkQuestions refuses questions of one name that ask different things: there would be one answer to both.
func (c *compiler) checkQuestions(r *Rule, before []Rule) {
	c.Within("questions", func() {
		names := map[string]bool{}
		for i, q := range r.Questions {
			c.Nth(i, func() {
				switch {
				case !questionName.MatchString(q.Name):
					c.Within("name", func() {
						c.Problem("%q is not a question's name: it is made of a-z, 0-9 and _, and starts with a letter", q.Name)
					})
				case names[q.Name]:
					c.Within("name", func() { c.Problem("question %s is there twice", q.Name) })
				}
				names[q.Name] = true
				if strings.TrimSpace(q.Ask) == "" {
					c.Problem("a question needs ask: what is asked, in words")
				}
				for _, other := range before {
					if other.Platform != "" && r.Platform != "" && other.Platform != r.Platform {
						continue
					}
					if slices.ContainsFunc(other.Questions, func(o Question) bool { return o.Name == q.Name && o.Ask != q.Ask }) {
						c.Within("name", func() {
							c.Problem(
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
func (c *compiler) automatically(r *Rule, atMost time.Duration) time.Duration {
	for _, a := range []struct {
		key string
		*Automatically
	}{{"approve", r.Approve}, {"deny", r.Deny}} {
		if a.Automatically != nil && a.When == nil {
			c.Within(a.key, func() { c.Problem("it needs when: say who asks, or everyone") })
		}
	}
	if r.Deny != nil && r.Deny.UpTo != 0 {
		c.Within("deny", func() {
			c.Within("up_to", func() { c.Problem("only an approval is for a time: leave it out") })
		})
	}
	if r.Approve == nil || r.Approve.UpTo == 0 {
		return atMost
	}
	if upTo := time.Duration(r.Approve.UpTo); upTo <= atMost {
		return upTo
	}
	c.Within("approve", func() {
		c.Within("up_to", func() { c.Problem("%s is longer than at_most, which is %s", r.Approve.UpTo, Period(atMost)) })
	})
	return atMost
}

// putOn takes the rule up if it covers the table or a column of it. What it excepts of a table it does not cover,
// however it names it.
func (c *compiler) putOn(name entitlements.TableName, t *ruledTable, r *compiledRule) {
	about, except := c.Coverage(name, r.about), c.Coverage(name, r.except)
	if except.Table {
		return
	}
	a := asking{compiledRule: r, table: about.Table, columns: make([]bool, len(t.columns)), named: about.Named}
	for i := range t.columns {
		// A table that is named is one to be opened: to see its columns in the clear is another thing, and named as such.
		a.columns[i] = (about.Tagged || about.Columns[i]) && !except.Columns[i]
	}
	if a.table || slices.Contains(a.columns, true) {
		t.rules = append(t.rules, a)
	}
}

package requests

import (
	"go.yaml.in/yaml/v4"

	"deputy/entitlements"
)

// UnmarshalYAML reads a rule and refuses keys that it does not have.
func (r *Rule) UnmarshalYAML(n *yaml.Node) error {
	*r = Rule{}
	return entitlements.ReadKeys(n, "a rule", []entitlements.Key{
		entitlements.KeyOf("name", &r.Name, entitlements.ReadText),
		entitlements.KeyOf("platform", &r.Platform, entitlements.ReadText),
		entitlements.KeyOf("about", &r.About, entitlements.ReadSelectors),
		entitlements.KeyOf("except_about", &r.ExceptAbout, entitlements.ReadSelectors),
		entitlements.KeyOf("from", &r.From, entitlements.ReadMatcher),
		entitlements.KeyOf("approvers", &r.Approvers, entitlements.ReadMatcher),
		entitlements.KeyOf("stages", &r.Stages, entitlements.ReadList(readStage)),
		entitlements.KeyOf("at_most", &r.AtMost, readPeriod),
		entitlements.KeyOf("questions", &r.Questions, entitlements.ReadList(readQuestion)),
		entitlements.KeyOf("approve", &r.Approve, readAutomatically("approve", true)),
		entitlements.KeyOf("deny", &r.Deny, readAutomatically("deny", false)),
		entitlements.KeyOf("only_through_agent", &r.OnlyThroughAgent, readBool),
	})
}

func readStage(n *yaml.Node) (s StageRule, err error) {
	err = entitlements.ReadKeys(n, "a stage", []entitlements.Key{
		entitlements.KeyOf("approvers", &s.Approvers, entitlements.ReadMatcher),
		entitlements.KeyOf("need", &s.Need, entitlements.ReadText),
	})
	return s, err
}

func readQuestion(n *yaml.Node) (q Question, err error) {
	err = entitlements.ReadKeys(n, "a question", []entitlements.Key{
		entitlements.KeyOf("name", &q.Name, entitlements.ReadText),
		entitlements.KeyOf("ask", &q.Ask, entitlements.ReadText),
	})
	return q, err
}

func readAutomatically(what string, forAWhile bool) func(*yaml.Node) (*Automatically, error) {
	return func(n *yaml.Node) (*Automatically, error) {
		var a Automatically
		keys := []entitlements.Key{entitlements.KeyOf("when", &a.When, entitlements.ReadMatcher)}
		if forAWhile {
			keys = append(keys, entitlements.KeyOf("up_to", &a.UpTo, readPeriod))
		}
		return &a, entitlements.ReadKeys(n, what, keys)
	}
}

func readPeriod(n *yaml.Node) (Period, error) {
	s, err := entitlements.ReadText(n)
	if err != nil {
		return 0, err
	}
	p, err := ParsePeriod(s)
	if err != nil {
		return 0, entitlements.Wrong(n, "%w", err)
	}
	return p, nil
}

func readBool(n *yaml.Node) (bool, error) {
	s, err := entitlements.ReadText(n)
	if err == nil && s != "true" && s != "false" {
		err = entitlements.Wrong(n, "not a yes or no: write true or false")
	}
	return s == "true", err
}

package main

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/invopop/jsonschema"
)

// required are the keys that a part of the file must have.
var required = map[string][]string{
	"":         {"agents", "platforms"},
	"Issuer":   {"url"},
	"User":     {"id"},
	"Key":      {"sha256"},
	"Agent":    {"name"},
	"Platform": {"engine"},
	"Policy":   {"name"},
	"Sink":     {"type"},

	"RequestRule":   {"name", "about"},
	"ApprovalStage": {"approvers"},
	"RuleQuestion":  {"name", "ask"},
	"Automatically": {"when"},
	"Webhook":       {"name", "url", "secret"},
	"Introspection": {"client_id", "client_secret"},
}

// details replace what the Go type of a key says about it.
var details = map[string]map[string]func() *schema{
	"Server": {
		"log_level":  func() *schema { return words("debug", "info", "warn", "error") },
		"listen":     func() *schema { return pattern(`.*:[0-9]{1,5}`) },
		"public_url": func() *schema { return pattern(`https?://[^/?#@]+/*`) },
	},
	"Issuer": {
		"name": func() *schema { return pattern(`[A-Za-z0-9][A-Za-z0-9._-]*`) },
		"url":  func() *schema { return pattern(`https?://[^/?#@]+(/[^?#]*)?`) },
		"algorithms": func() *schema {
			return oneOrMany(words("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"))
		},
		"scope_prefix":    func() *schema { return pattern(`[!#-\[\]-~]*`) },
		"steward_clients": func() *schema { return oneOrMany(pattern(`\S+`)) },
	},
	"Introspection": {
		"url":           func() *schema { return pattern(`https?://[^/?#@]+(/[^?#]*)?(\?[^#]*)?`) },
		"client_id":     nonEmpty,
		"client_secret": nonEmpty,
	},
	"User": {"id": nonEmpty},
	"Agent": {
		"name":       func() *schema { return pattern(`[a-z0-9][a-z0-9._-]*`) },
		"client_ids": func() *schema { return oneOrMany(pattern(`\S+`)) },
		"key_sha256": func() *schema { return oneOrMany(pattern(`[0-9A-Fa-f]{64}`)) },
		"issuers":    func() *schema { return atLeastOne(oneOrMany(nonEmpty())) },
		"acts_for": func() *schema {
			return atLeastOne(oneOrMany(pattern(`(user|group):` + plain + `|attribute:[^=\s]([^=]*[^=\s])?=` + plain)))
		},
	},
	"Key": {"sha256": func() *schema { return pattern(`[0-9A-Fa-f]{64}`) }},
	"AgentLimits": {
		"calls":      func() *schema { return between("0", "1000000") },
		"per_minute": func() *schema { return between("0", "1000000") },
	},
	"Platform": {
		"engine":       func() *schema { return words("postgres", "sqlite") },
		"functions":    func() *schema { return oneOrMany(pattern(`[^.\s]+\.[^.\s]+`)) },
		"policy_path":  func() *schema { return oneOrMany(pattern(`[^$].*`)) },
		"signing_key":  func() *schema { return pattern(`.{32,}`) },
		"hash_key":     func() *schema { return pattern(`.{32,}`) },
		"discoverable": func() *schema { return ref("Tables") },
	},
	"Policy": {
		"name":      nonEmpty,
		"grant":     func() *schema { return ref("Tables") },
		"guardrail": func() *schema { return ref("Tables") },
		"filter":    func() *schema { return ref("Tables") },
		"mask":      func() *schema { return ref("Columns") },
		"when":      nonEmpty,
		"where":     nonEmpty,
	},
	"Audit": {"file": nonEmpty, "sql": func() *schema { return words("full", "redacted", "digest") }},
	"Sink": {
		"type":    func() *schema { return words("stdout", "postgres", "syslog", "otlp") },
		"format":  func() *schema { return words("native", "ocsf") },
		"queue":   func() *schema { return between("1", "1000000") },
		"address": func() *schema { return pattern(`unix:///.+|(tcp|udp)://[^/]+:[0-9]{1,5}`) },
		"url":     func() *schema { return pattern(`https?://.+`) },
	},
	"Webhook": {"events": func() *schema {
		return oneOrMany(words("created", "decided", "expiring", "expired", "revoked", "cancelled"))
	}},
	"ApprovalStage": {"need": func() *schema { return anyOf(between("1", "99"), words("all")) }},
	"RuleQuestion":  {"name": func() *schema { return pattern(`[a-z][a-z0-9_]*`) }, "ask": nonEmpty},
	"RequestRule":   {"name": nonEmpty},
	"Limits": {
		"max_rows":    func() *schema { return between("1", "1000000") },
		"max_bytes":   func() *schema { return anyOf(between("1", "268435456"), pattern(`[0-9]+ *(KiB|MiB|GiB)?`)) },
		"concurrency": func() *schema { return between("1", "1000") },
	},
	"Telemetry": {
		"prometheus": func() *schema { return pattern(`.*:[0-9]{1,5}`) },
		"readers":    func() *schema { return words("this-machine", "anybody") },
	},
	"OTLP": {
		"endpoint": func() *schema { return pattern(`https?://[^/?#@]+(/[^?#]*)?`) },
	},
}

func between(least, most json.Number) *schema {
	return orVariable(&schema{Type: "integer", Minimum: least, Maximum: most})
}

// kinds are the keys that only policies of one kind have, or of two; need are those that they must have.
var kinds = []struct {
	name      string
	own, need []string
}{
	{"grant", []string{"to"}, []string{"to"}},
	{"guardrail", []string{"require"}, []string{"require"}},
	{"mask", []string{"with", "when", "for", "except"}, []string{"with"}},
	{"filter", []string{"where", "match", "within", "sample", "for", "except"}, nil},
}

// engineKeys are the keys that only a platform of one engine has; need are those that it must have.
var engineKeys = []struct {
	name      string
	own, need []string
}{
	{
		"postgres",
		[]string{"dsn", "schemas", "signing_key", "functions", "policy_path", "extensions"},
		[]string{"dsn", "schemas", "signing_key"},
	},
	{"sqlite", []string{"path", "schema", "hash_key"}, []string{"path"}},
}

// addRules says what types cannot: which keys must be there, what belongs into them, and which go together.
func addRules(root *schema) error {
	at := func(name string) *schema {
		if name == "" {
			return root
		}
		return root.Definitions[name]
	}
	for name, keys := range required {
		at(name).Required = keys
	}
	for name, keys := range details {
		for key, describe := range keys {
			old, there := at(name).Properties.Get(key)
			if !there {
				return fmt.Errorf("rules.go describes %s of %s, which has no such key", key, name)
			}
			at(name).Properties.Set(key, help(describe(), old.Description))
		}
	}
	policyRules(at("Policy"))
	requestRules(at("RequestRule"))
	platformRules(at("Platform"))
	root.Properties.Set("platforms", help(&schema{
		Type: "object", PropertyNames: &schema{Pattern: `^[a-z0-9][a-z0-9-]*$`}, MinProperties: count1(), AdditionalProperties: ref("Platform"),
	}, "The databases that are governed, by the name that agents call them."))
	agents, _ := root.Properties.Get("agents")
	agents.MinItems = count1()
	at("Agent").AnyOf = []*schema{
		{Required: []string{"client_ids"}},
		{Required: []string{"keys"}},
		{Required: []string{"key_sha256"}},
	}
	return nil
}

func policyRules(policy *schema) {
	var all []string
	for _, k := range kinds {
		all = append(append(all, k.name), k.own...)
		policy.AnyOf = append(policy.AnyOf, &schema{Required: []string{k.name}})
	}
	for _, k := range kinds {
		then := without(all, append([]string{k.name}, k.own...))
		then.Required = k.need
		if k.name == "filter" {
			for _, rule := range []string{"where", "match", "within", "sample"} {
				then.AnyOf = append(then.AnyOf, &schema{Required: []string{rule}})
			}
		}
		policy.AllOf = append(policy.AllOf, &schema{If: &schema{Required: []string{k.name}}, Then: then})
	}
	policy.Not = &schema{Required: []string{"for", "except"}}
}

// requestRules: somebody decides, and who approves is said in one way.
func requestRules(rule *schema) {
	for _, key := range []string{"approvers", "stages", "approve", "deny"} {
		rule.AnyOf = append(rule.AnyOf, &schema{Required: []string{key}})
	}
	rule.Not = &schema{Required: []string{"approvers", "stages"}}
	stages, _ := rule.Properties.Get("stages")
	stages.MinItems = count1()
}

func platformRules(platform *schema) {
	var all []string
	for _, e := range engineKeys {
		all = append(all, e.own...)
	}
	for _, e := range engineKeys {
		is := object(nil, property{"engine", &schema{Const: e.name}})
		is.AdditionalProperties, is.Required = nil, []string{"engine"}
		then := without(all, e.own)
		then.Required = e.need
		platform.AllOf = append(platform.AllOf, &schema{If: is, Then: then})
	}
}

// without refuses all of these keys but some.
func without(all, but []string) *schema {
	s := &schema{Properties: jsonschema.NewProperties()}
	for _, key := range all {
		if !slices.Contains(but, key) {
			s.Properties.Set(key, jsonschema.FalseSchema)
		}
	}
	return s
}

package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deputy/internal/config"
)

const hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

const postgres = "platforms:\n  shop:\n    engine: postgres\n    dsn: postgres://localhost/shop\n    schemas: [sales]\n    signing_key: " + signingKey + "\n"

// clauses is what a test may expect.
const clauses = `write TABLE is open, TABLE is denied, TABLE.COLUMN is clear, TABLE.COLUMN is masked with KIND by "POLICY", TABLE.COLUMN is partly masked, ` +
	"sees 5 rows, sees no rows, via user, via agent or via both"

// TestWrongFiles holds one mistake, or one kind of it, in each file. Sections that a file needs and does not have are
// added below.
func TestWrongFiles(t *testing.T) {
	for _, c := range []struct{ name, file, says string }{
		// The file as a whole.
		{"nothing", "", "deputy.yaml: there is nothing in it; the least it needs is identity (an issuer), agents, platforms and policies"},
		{"only a comment", "# soon\n", "deputy.yaml: there is nothing in it; the least it needs is identity (an issuer), agents, platforms and policies"},
		{"only a null", "~\n", "deputy.yaml: there is nothing in it; the least it needs is identity (an issuer), agents, platforms and policies"},
		{"no section", "{}\n", "deputy.yaml:1: agents: missing: nobody could call\n" +
			"deputy.yaml:1: platforms: missing: there is nothing to ask"},
		{"a list", "- server\n", "deputy.yaml:1: keys with values belong here, not a list"},
		{"a word", "server\n", "deputy.yaml:1: keys with values belong here, not one value"},
		{"two documents", "server: {}\n---\nserver: {}\n", "deputy.yaml:2: a second document starts here: the file is one document"},
		{"a broken second document", "server: {}\n---\n[\n", "deputy.yaml:5: not YAML: while parsing a flow sequence since line 3: did not find expected ',' or ']'"},
		{"not UTF-8", "server:\n  listen: \xff\n", "deputy.yaml:2: not UTF-8 text: there is a byte or a control character in it that no text has"},
		{"a NUL", "server:\n\n  listen: \x00\n", "deputy.yaml:3: not UTF-8 text: there is a byte or a control character in it that no text has"},
		{"a terminal code", "\x1b[2Jserver: {}\n", "deputy.yaml:1: not UTF-8 text: there is a byte or a control character in it that no text has"},
		{"a tab for indentation", "server:\n\tlisten: x\n", "deputy.yaml:2: not YAML: there is a tab: lines are indented with spaces"},
		{"a bracket not closed", "agents: [\n", "deputy.yaml:3: not YAML: while parsing a flow sequence since line 1: did not find expected ',' or ']'"},
		{"a colon too many", "server:\n  listen: a: b\n", "deputy.yaml:2: not YAML: mapping values are not allowed in this context: text with a colon and a space in it goes into quotes"},
		{"nested without end", "tags: " + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "\n", "deputy.yaml:1: nested deeper than 32 levels: nothing needs that"},
		{"nested beyond the parser", "tags: " + strings.Repeat("[", 20000) + "\n", "deputy.yaml:1: not YAML: exceeded max depth of 10000"},

		// What YAML can do and the file may not.
		{"an alias", "tags:\n  PII: &pii [a.b.c]\n  SSN: *pii\n", "deputy.yaml:2: tags.PII: anchors (&pii) are not understood here: leave it out\n" +
			"deputy.yaml:3: tags.SSN: aliases (*pii) are not understood here: write it out"},
		{"an alias that contains itself", "tags: &t\n  PII: *t\n", "deputy.yaml:1: tags: anchors (&t) are not understood here: leave it out"},
		{"a merge key", "limits:\n  <<: {max_rows: 5}\n", "deputy.yaml:2: limits: merge keys (<<) are not understood here: write it out"},
		{"a type", "limits:\n  max_rows: !!int 5\n", "deputy.yaml:2: limits.max_rows: types (!!int) are not understood here: leave it out"},
		{"a type of a list", "tags:\n  PII: !!set {a: b}\n", "deputy.yaml:2: tags.PII: types (!!set) are not understood here: leave it out"},
		{"a key that is a list", "limits:\n  ? [a]\n  : 1\n", "deputy.yaml:2: limits: a key is one plain word"},
		{"a key written twice", "limits:\n  max_rows: 5\n  max_bytes: 5\n  max_rows: 6\n", "deputy.yaml:4: limits: key \"max_rows\" is there twice, first on line 2"},
		{"a section written twice", "limits: {}\nlimits: {}\n", "deputy.yaml:2: key \"limits\" is there twice, first on line 1"},
		{"a tag written twice", "tags:\n  PII: a.b\n  PII: c.d\n", "deputy.yaml:3: tags: key \"PII\" is there twice, first on line 2"},
		{"a platform written twice", "platforms:\n  a: {}\n  a: {}\n", "deputy.yaml:3: platforms: key \"a\" is there twice, first on line 2"},

		// Keys nobody knows.
		{"a section misspelt", "polices: []\n", "deputy.yaml:1: unknown key \"polices\"; did you mean \"policies\"? " +
			"(known: server, identity, agents, platforms, tags, policies, purposes, queries, requests, tests, " +
			"catalog, audit, limits, telemetry)"},
		{"a key in another case", "Server: {}\n", "deputy.yaml:1: unknown key \"Server\"; did you mean \"server\"? " +
			"(known: server, identity, agents, platforms, tags, policies, purposes, queries, requests, tests, " +
			"catalog, audit, limits, telemetry)"},
		{
			"a key like no other", "limits:\n  colour: red\n",
			"deputy.yaml:2: limits: unknown key \"colour\" (known: " + limitKeys + ")",
		},
		{"a policy's key misspelt", "policies:\n  - name: a\n    grant: a.b\n    to: everyone\n  - name: b\n    gant: a.b\n    to: everyone\n",
			"deputy.yaml:6: policies[1]: unknown key \"gant\"; did you mean \"grant\"? (known: name, platform, grant, guardrail, mask, filter, to, require, for, except, with, when, where, match, within, sample)"},
		{"an issuer's key misspelt", "identity:\n  issuers:\n    - ulr: https://id.example.com\n",
			"deputy.yaml:3: identity.issuers[0]: unknown key \"ulr\"; did you mean \"url\"? (known: name, kind, url, audience, token_types, algorithms, claims, scopes, scope_prefix, allow_userinfo, steward_clients, introspection, dpop, login)"},
		{"an agent's key in the clear", "agents:\n  - name: a\n    key: deputy_ak_x\n",
			"deputy.yaml:3: agents[0]: unknown key \"key\"; did you mean \"keys\"? " +
				"(known: name, description, owner, disabled, client_ids, keys, key_sha256, issuers, acts_for, " +
				"groups, attributes, modes, may_request, limits, statements)"},
		{"a key with a line break", "\"a\\nb\": 1\n", "deputy.yaml:1: unknown key \"a\\nb\" " +
			"(known: server, identity, agents, platforms, tags, policies, purposes, queries, requests, tests, " +
			"catalog, audit, limits, telemetry)"},
		{"a line number that is not for the file", "policies:\n  - Line: 5\n",
			"deputy.yaml:2: policies[0]: unknown key \"Line\" (known: name, platform, grant, guardrail, mask, filter, to, require, for, except, with, when, where, match, within, sample)"},

		// Values of another type.
		{"a list for a word", "server:\n  listen: [a]\n", "deputy.yaml:2: server.listen: one value belongs here, not a list"},
		{"keys for a word", "audit:\n  file: {path: x}\n", "deputy.yaml:2: audit.file: one value belongs here, not keys with values"},
		{"a word for keys", "limits: 5\n", "deputy.yaml:1: limits: keys with values belong here, not one value"},
		{"a word for a list of keys", "policies: none\n", "deputy.yaml:1: policies: a list belongs here, not one value"},
		{"keys for a list", "agents:\n  marketing: {}\n", "deputy.yaml:2: agents: a list belongs here, not keys with values"},
		{"a list for platforms", "platforms:\n  - engine: sqlite\n", "deputy.yaml:2: platforms: keys with values belong here, not a list"},
		{"a key without a value", "server:\n  listen:\n", "deputy.yaml:2: server.listen: there is no value: give one or leave the key out"},
		{"a list without a value", "identity:\n  issuers:\n", "deputy.yaml:2: identity.issuers: there is no value: give one or leave the key out"},
		{"an entry without a value", "policies:\n  -\n", "deputy.yaml:2: policies[0]: there is no value: give one or leave the key out"},
		{"words for a number", "limits:\n  max_rows: many\n", "deputy.yaml:2: limits.max_rows: not a whole number: write digits only, such as 1000"},
		{"a fraction", "limits:\n  concurrency: 1.5\n", "deputy.yaml:2: limits.concurrency: not a whole number: write digits only, such as 1000"},
		{"a size without a meaning", "limits:\n  max_bytes: 4 apples\n", "deputy.yaml:2: limits.max_bytes: not a size: write 4MiB, 512KiB or a number of bytes"},
		{"a size that wraps around", "limits:\n  max_bytes: 17179869185GiB\n", "deputy.yaml:2: limits.max_bytes: not a size: write 4MiB, 512KiB or a number of bytes"},
		{"a duration without a unit", "limits:\n  timeout: 30\n", "deputy.yaml:2: limits.timeout: not a duration: write 30s or 2m"},
		{"an attribute without a value", "identity:\n  issuers: [{url: https://id.example.com}]\n  users:\n    - id: taylor\n      attributes: {region: }\n",
			"deputy.yaml:5: identity.users[0].attributes.region: one value or a list of them belongs here"},
		{"a matcher nobody knows", "policies:\n  - name: a\n    grant: a.b\n    to: grp:Marketing\n",
			"deputy.yaml:4: policies[0].to: \"grp:Marketing\" is not a term; did you mean \"group:Marketing\"? (known: everyone, group:NAME, attribute:NAME=VALUE, user:ID, agent:NAME, agent-group:NAME, mode:on_behalf_of, mode:autonomous, purpose:NAME)"},
		{"a space behind the colon", "policies:\n  - name: a\n    grant: a.b\n    to:\n      - everyone\n      - group: Marketing\n",
			"deputy.yaml:6: policies[0].to[1]: write group:NAME, without a space behind the colon"},
		{"a mask nobody knows", "policies:\n  - name: a\n    mask: a.b.c\n    with: blur\n",
			"deputy.yaml:4: policies[0].with: \"blur\" is not a mask (known: null, hash, email, format_preserving, {constant: TEXT}, {partial: {first: N, last: N}}, {regex: {match: PATTERN, replace: TEXT}}, {round: STEP}, {truncate: UNIT}, {bucket: [{below: N, name: TEXT}]}, {sql: EXPRESSION})"},
		{"a grant of nothing", "policies:\n  - name: a\n    grant:\n    to: everyone\n", "deputy.yaml:3: policies[0].grant: there is no value: give one or leave the key out"},
		{"an except without a value", "policies:\n  - name: a\n    mask: a.b.c\n    with: hash\n    except:\n", "deputy.yaml:5: policies[0].except: there is no value: give one or leave the key out"},
		{"tags in a list", "tags: [PII]\n", "deputy.yaml:1: tags: keys with values belong here, not a list"},
		{"discoverable by keys", "platforms:\n  demo: {engine: sqlite, path: x, discoverable: {a: b}}\n", "deputy.yaml:2: platforms.demo.discoverable: one word belongs here, not keys with values"},

		// Variables.
		{"a variable that is not set", "server:\n  public_url: ${NONE}\n", "deputy.yaml:2: server.public_url: the environment variable NONE is not set"},
		{"a variable that is not set, deep inside", "policies:\n  - name: a\n    grant: a.b\n    to:\n      any: [everyone, \"group:${NONE}\"]\n", "deputy.yaml:5: policies[0].to.any[1]: the environment variable NONE is not set"},
		{"a variable without content", "server:\n  public_url: ${EMPTY}\n", "deputy.yaml:2: server.public_url: the environment variable EMPTY is empty"},
		{"a variable with a default", "server:\n  listen: ${PORT:-8080}\n", "deputy.yaml:2: server.listen: ${ starts the name of a variable: write ${NAME}, or $${ for a plain ${"},
		{"a variable not closed", "server:\n  listen: ${PORT\n", "deputy.yaml:2: server.listen: ${ starts the name of a variable: write ${NAME}, or $${ for a plain ${"},
		{"a variable for a key", "server:\n  ${SECRET}: x\n", "deputy.yaml:2: server: unknown key \"${SECRET}\" " +
			"(known: listen, public_url, tls, trusted_proxies, replicas, drain, stop, ignored_arguments, answers, " +
			"log_level)"},
		{"a variable for a number", "limits:\n  max_rows: ${SECRET}\n", "deputy.yaml:2: limits.max_rows: not a whole number: write digits only, such as 1000"},
		{"a variable for one of a few", "server:\n  log_level: ${SECRET}\n", "deputy.yaml:2: server.log_level: \"${SECRET}\" is not one of debug, info, warn, error"},
		{"a variable for a matcher", "policies:\n  - name: a\n    grant: a.b\n    to: ${SECRET}\n",
			"deputy.yaml:4: policies[0].to: \"${SECRET}\" is not a term (known: everyone, group:NAME, attribute:NAME=VALUE, user:ID, agent:NAME, agent-group:NAME, mode:on_behalf_of, mode:autonomous, purpose:NAME)"},
		{"a variable that does not fit", "policies:\n  - name: a\n    grant: a.b\n    to: group:${SPACE}\n", "deputy.yaml:4: policies[0].to: what the variables in it hold does not fit here"},
		{"a variable cannot bring keys", "limits: ${YAML}\n", "deputy.yaml:1: limits: keys with values belong here, not one value"},

		// Tests.
		{"a test without a colon", "tests:\n  - taylor via marketing\n",
			"deputy.yaml:2: tests[0]: \"taylor via marketing\" does not say what is expected: write it behind a colon and a space, such as taylor via marketing-agent: sales.orders is open"},
		{"a test of nobody", "tests:\n  - \"taylor: sales.orders is open\"\n",
			"deputy.yaml:2: tests[0]: \"taylor\" does not say who calls: write USER via AGENT, USER (GROUP, ATTRIBUTE=VALUE) via AGENT, or AGENT alone, and behind it for PURPOSE or on PLATFORM where it matters"},
		{"a test of an agent that is not there", "tests:\n  - taylor via marketing: sales.orders is open\n  - taylor via marketting: sales.orders is open\n",
			"deputy.yaml:3: tests[1]: there is no agent marketting: registered are marketing"},
		{"a test beside an agent with a secret name", "agents: [{name: '${SECRET}', client_ids: [m]}]\ntests:\n  - taylor via marketting: sales.orders is open\n",
			"deputy.yaml:3: tests[0]: what the variables in it hold does not fit here"},
		{"a test for a purpose from a variable", "tests:\n  - taylor via marketing for ${SECRET}: sales.orders is open\n",
			"deputy.yaml:2: tests[0]: there is no purpose ${SECRET}: name it below purposes"},
		{"a test of an agent in a mode it does not have", "tests:\n  - marketing alone: sales.orders is open\n",
			"deputy.yaml:2: tests[0]: agent marketing may not act in mode autonomous: its modes are [on_behalf_of]"},
		{"a test of somebody in a built-in group", "tests:\n  - taylor (all-users) via marketing: sales.orders is open\n",
			"deputy.yaml:2: tests[0]: user \"taylor\".groups[0]: the group all-users is built in: all who belong to it are in it, so leave it out"},
		{"a test on a platform that is not there", "tests:\n  - taylor via marketing on dmeo: sales.orders is open\n", "deputy.yaml:2: tests[0]: there is no platform dmeo (known: demo)"},
		{"a test for a purpose nobody defined", "purposes: {support: Answering}\ntests:\n  - taylor via marketing for suport: sales.orders is open\n",
			"deputy.yaml:3: tests[0]: there is no purpose suport: name it below purposes; did you mean \"support\"?"},
		{"a test of an attribute without a value", "tests:\n  - taylor (region=) via marketing: sales.orders is open\n",
			"deputy.yaml:2: tests[0]: \"region=\" is neither a group nor an attribute: write GROUP or ATTRIBUTE=VALUE"},
		{"a test of a purpose where groups stand", "tests:\n  - taylor (purpose support) via marketing: sales.orders is open\n",
			"deputy.yaml:2: tests[0]: \"purpose support\": write the purpose behind the agent: USER via AGENT for support"},
		{"a test of a matcher where groups stand", "tests:\n  - taylor (Sales, group:HR) via marketing: sales.orders is open\n",
			"deputy.yaml:2: tests[0]: \"group:HR\": write GROUP or ATTRIBUTE=VALUE, without a word before it"},
		{"a test of nothing", "tests:\n  - taylor via marketing:\n", "deputy.yaml:2: tests[0].\"taylor via marketing\": what is expected is missing here: " + clauses},
		{"a test nobody understands, in a list", "tests:\n  - taylor via marketing:\n      - sales.orders is open\n      - sales.orders is opened\n",
			"deputy.yaml:4: tests[0].\"taylor via marketing\"[1]: \"sales.orders is opened\" is not understood: " + clauses},
		{"a test of rows of no table", "tests:\n  - taylor via marketing: sees 5 rows\n",
			"deputy.yaml:2: tests[0].\"taylor via marketing\": \"sees 5 rows\" does not say of which table: write TABLE sees 5 rows, or something about a table before it"},
		{"a test of a masked table", "tests:\n  - taylor via marketing: orders is masked\n",
			"deputy.yaml:2: tests[0].\"taylor via marketing\": \"orders is masked\": a column is masked: write TABLE.COLUMN or SCHEMA.TABLE.COLUMN"},
		{"a test of an open column", "tests:\n  - taylor via marketing: sales.orders.id is open\n",
			"deputy.yaml:2: tests[0].\"taylor via marketing\": \"sales.orders.id is open\": a table is open, and a column is clear or masked"},
		{"a test with a mask nobody knows", "tests:\n  - taylor via marketing: orders.id is masked with blur\n",
			"deputy.yaml:2: tests[0].\"taylor via marketing\": \"orders.id is masked with blur\": there is no mask blur: those known are [null constant hash format_preserving bucket truncate round email partial regex sql]"},
		{"a test with a policy that is not in quotes", "tests:\n  - taylor via marketing: orders.id is masked by hide\n",
			"deputy.yaml:2: tests[0].\"taylor via marketing\": \"orders.id is masked by hide\": put the policy's name in double quotes: by \"hide personal data\""},
		{"a catalog file without a name", "catalog:\n  file: \"\"\n", "deputy.yaml:2: catalog.file: there is no value: leave the key out for deputy-catalog.json beside this file"},

		// The meaning: server.
		{"a log level nobody knows", "server:\n  log_level: loud\n", "deputy.yaml:2: server.log_level: \"loud\" is not one of debug, info, warn, error"},
		{"an address without a port", "server:\n  listen: localhost\n", "deputy.yaml:2: server.listen: not an address with a port: write 127.0.0.1:8080"},
		{"a port that is none", "server:\n  listen: localhost:99999\n", "deputy.yaml:2: server.listen: not an address with a port: write 127.0.0.1:8080"},
		{"open to all without a URL", "server:\n  listen: :8080\n", "deputy.yaml:1: server.public_url: missing: other machines can reach the server, so it must say by which URL they call it"},
		{"a URL that is none", "server:\n  public_url: deputy.example.com\n", "deputy.yaml:2: server.public_url: not a URL: write https://deputy.example.com"},
		{"a URL with a path", "server:\n  public_url: https://deputy.example.com/mcp\n", "deputy.yaml:2: server.public_url: a scheme and a host is all it may have: /mcp is added to it"},
		{"a URL with a password", "server:\n  public_url: https://me:pw@deputy.example.com\n", "deputy.yaml:2: server.public_url: a scheme and a host is all it may have: /mcp is added to it"},
		{"a URL in the clear", "server:\n  public_url: http://deputy.example.com\n", "deputy.yaml:2: server.public_url: tokens travel to it: write https (a proxy in front may speak it for Deputy)"},

		// The meaning of what other packages own: in their words, with variables unreplaced.
		{"an agent of no credential", "agents:\n  - {name: marketing, client_ids: [m]}\n  - name: ${SECRET}\n", "deputy.yaml:3: agents[1]: nobody could prove to be this agent: give it client_ids or keys"},
		{"an agent of an issuer that is not there", "agents:\n  - name: m\n    client_ids: [m]\n    issuers: [nobody]\n", "deputy.yaml:4: agents[0].issuers[0]: \"nobody\" is no issuer's name or URL"},
		{"an agent's client for people", "agents:\n  - {name: m, client_ids: [desk]}\nidentity:\n  issuers: [{name: corp, url: https://id.example.com, steward_clients: [desk]}]\n", "deputy.yaml:4: identity.issuers[0].steward_clients[0]: \"desk\" is a client id of agents[0]: people act through clients of their own"},
		{"a key that expires some day", "agents:\n  - name: m\n    keys: [{sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08, expires: 90d}]\n", "deputy.yaml:3: agents[0].keys[0].expires: not a time: write 2027-02-23 or 2027-02-23T10:00:00Z"},
		{"an e-mail address as user", "identity:\n  issuers:\n    - {url: https://id.example.com, claims: {user: email}}\n", "deputy.yaml:3: identity.issuers[0].claims.user[0]: \"email\" may be somebody else's tomorrow: write claims that stay one person's, such as sub"},
		{"a variable for a name", "agents: [{name: '${SPACE}', client_ids: [m]}]\n", "deputy.yaml:1: agents[0].name: \"${SPACE}\" is not a name: it is made of a-z, 0-9, '.', '_' and '-', and starts with a letter or digit"},
		{"a variable for a client id", "agents: [{name: m, client_ids: ['${SPACE}']}]\n", "deputy.yaml:1: agents[0].client_ids[0]: what the variables in it hold does not fit here"},
		{"a policy without a kind", "policies:\n  - name: a\n    to: group:${SECRET}\n", "deputy.yaml:2: policies[0]: it says nothing to do: write one of grant, guardrail, mask, filter"},
		{"a variable for a selector", "policies:\n  - name: a\n    grant: a.${SPACE}\n    to: everyone\n", "deputy.yaml:3: policies[0].grant[0]: \"a.${SPACE}\": \"${SPACE}\" is not a name: put names with other characters in double quotes"},
		{"a tag with a dot", "tags:\n  PII.SSN: hr.people.ssn\n  PII.Email: hr people\n", "deputy.yaml:3: tags.\"PII.Email\"[0]: \"hr people\": \"hr people\" is not a name: put names with other characters in double quotes"},

		// The meaning: identity, policies, audit, limits.
		{"users without an issuer", "identity: {}\nagents:\n  - {name: a, key_sha256: [" + hash + "], modes: [autonomous]}\n  - {name: b, client_ids: [b]}\n",
			"deputy.yaml:1: identity.issuers: missing: agents[1] acts on behalf of users, and no issuer says who they are"},
		{"no agents", "agents: []\n", "deputy.yaml:1: agents: missing: nobody could call"},
		{"a policy for no platform", "policies:\n  - name: a\n    platform: dmeo\n    grant: a.b\n    to: everyone\n", "deputy.yaml:3: policies[0].platform: there is no platform \"dmeo\"; did you mean \"demo\"? (known: demo)"},
		{"a condition that is empty", "policies:\n  - name: a\n    mask: a.b.c\n    with: null\n    when: ''\n  - name: b\n    grant: a.b\n    to: everyone\n    where: ''\n",
			"deputy.yaml:5: policies[0].when: it is empty: write an expression\ndeputy.yaml:9: policies[1].where: it is empty: write an expression"},
		{"a policy for an empty platform", "policies:\n  - name: a\n    platform: ''\n    grant: a.b\n    to: everyone\n", "deputy.yaml:3: policies[0].platform: there is no platform \"\" (known: demo)"},
		{"no audit log", "audit:\n  file: \"\"\n", "deputy.yaml:2: audit.file: there is no value: without an audit log nobody gets any rows"},
		{"an audit log that cannot be kept so", "audit:\n  rotate: 1KiB\n  keep: 12h\n  checkpoints:\n    every: 0s\n    webhook: keeper.example.com\n", "deputy.yaml:2: audit.rotate: out of range: it may be from 64KiB to 1GiB\n" +
			"deputy.yaml:3: audit.keep: too short: it may be 1d or more, or left out to keep all\n" +
			"deputy.yaml:5: audit.checkpoints.every: out of range: it may be more than 0s\n" +
			"deputy.yaml:6: audit.checkpoints.webhook: not a URL: write https://keeper.example.com/deputy"},
		{"an age that is none", "audit:\n  keep: -1d\n", "deputy.yaml:2: audit.keep: not an age: write 400d, or 0d to keep all"},
		{"limits that are none", "limits:\n  max_rows: 0\n  max_bytes: 0\n  timeout: 0s\n  concurrency: -1\n", "deputy.yaml:2: limits.max_rows: out of range: it may be from 1 to 1000000\n" +
			"deputy.yaml:3: limits.max_bytes: out of range: it may be from 1 to 256MiB\n" +
			"deputy.yaml:4: limits.timeout: out of range: it may be more than 0s, up to 10m\n" +
			"deputy.yaml:5: limits.concurrency: out of range: it may be from 1 to 1000"},
		{"limits without a limit", "limits: {max_rows: 1000001, max_bytes: 257MiB, timeout: 11m, concurrency: 1001}\n", "deputy.yaml:1: limits.max_rows: out of range: it may be from 1 to 1000000\n" +
			"deputy.yaml:1: limits.max_bytes: out of range: it may be from 1 to 256MiB\n" +
			"deputy.yaml:1: limits.timeout: out of range: it may be more than 0s, up to 10m\n" +
			"deputy.yaml:1: limits.concurrency: out of range: it may be from 1 to 1000"},

		{"a purpose's name", "purposes:\n  Fraud: looking into a payment\n", "deputy.yaml:2: purposes.Fraud: a purpose's name is made of a-z, 0-9 and -"},
		{"a purpose with an empty name", "purposes:\n  \"\": looking into a payment\n", "deputy.yaml:2: purposes.\"\": a purpose's name is made of a-z, 0-9 and -"},
		{"a purpose without a meaning", "purposes:\n  fraud: \" \"\n", "deputy.yaml:2: purposes.fraud: there is no value: say what it means, for the model to know when it is true"},
		{"purposes in a list", "purposes: [fraud]\n", "deputy.yaml:1: purposes: keys with values belong here, not a list"},

		// The meaning: platforms.
		{"no platforms", "platforms:\n", "deputy.yaml:1: platforms: missing: there is nothing to ask"},
		{"a platform's name", "platforms:\n  My.Shop: {engine: sqlite, path: x}\n", "deputy.yaml:2: platforms.\"My.Shop\": a platform's name is made of a-z, 0-9 and -, and starts with a letter or digit"},
		{"no engine", "platforms:\n  shop: {}\n", "deputy.yaml:2: platforms.shop.engine: missing: write postgres or sqlite"},
		{"an engine nobody knows", "platforms:\n  shop:\n    engine: oracle\n", "deputy.yaml:3: platforms.shop.engine: \"oracle\" is not one of postgres, sqlite"},
		{"a bare postgres", "platforms:\n  shop:\n    engine: postgres\n", "deputy.yaml:2: platforms.shop.dsn: missing: how deputy_runner connects, such as postgres://deputy_runner@localhost/sales\n" +
			"deputy.yaml:2: platforms.shop.schemas: missing: which schemas are governed\n" +
			"deputy.yaml:2: platforms.shop.signing_key: missing: 32 random characters or more that sign what the database lets in (openssl rand -hex 32 makes them)"},
		{"a short signing key", strings.Replace(postgres, signingKey, "${SECRET}", 1), "deputy.yaml:6: platforms.shop.signing_key: too short: it needs 32 random characters or more (openssl rand -hex 32 makes them)"},
		{"a postgres with a path", postgres + "    path: x\n    schema: y\n    hash_key: z\n", "deputy.yaml:7: platforms.shop.path: only a platform with engine sqlite has it\n" +
			"deputy.yaml:8: platforms.shop.schema: only a platform with engine sqlite has it\n" +
			"deputy.yaml:9: platforms.shop.hash_key: only a platform with engine sqlite has it"},
		{"a schema twice", strings.Replace(postgres, "[sales]", "[sales, hr, sales, '']", 1), "deputy.yaml:5: platforms.shop.schemas[2]: it is there twice\n" +
			"deputy.yaml:5: platforms.shop.schemas[3]: there is no value"},
		{"a function without a schema", postgres + "    functions:\n      - sales.net\n      - net\n", "deputy.yaml:9: platforms.shop.functions[1]: write schema.function"},
		{"a function twice", postgres + "    functions: [sales.net, sales.net]\n", "deputy.yaml:7: platforms.shop.functions[1]: it is there twice"},
		{"a bare sqlite", "platforms:\n  demo: {engine: sqlite}\n", "deputy.yaml:2: platforms.demo.path: missing: where the database file is"},
		{"a sqlite with a dsn", "platforms:\n  demo:\n    engine: sqlite\n    path: x\n    dsn: x\n    functions: []\n", "deputy.yaml:5: platforms.demo.dsn: only a platform with engine postgres has it\n" +
			"deputy.yaml:6: platforms.demo.functions: only a platform with engine postgres has it"},
		{"a hash without a key", "policies:\n  - {name: a, mask: a.b.c, with: hash}\n", "deputy.yaml:5: platforms.demo.hash_key: missing: 32 random characters or more that policies[0] hashes with (openssl rand -hex 32 makes them)"},
		{"a short hash key", "platforms:\n  demo: {engine: sqlite, path: x, hash_key: short}\n", "deputy.yaml:2: platforms.demo.hash_key: too short: it needs 32 random characters or more (openssl rand -hex 32 makes them)"},

		// Several at once, in the order of their lines.
		{"much at once", "limits:\n  max_rows: many\n  max_row: 5\nserver:\n  listen: ${NONE}\naudit: [x]\n", "deputy.yaml:2: limits.max_rows: not a whole number: write digits only, such as 1000\n" +
			"deputy.yaml:3: limits: unknown key \"max_row\"; did you mean \"max_rows\"? (known: " + limitKeys + ")\n" +
			"deputy.yaml:5: server.listen: the environment variable NONE is not set\n" +
			"deputy.yaml:6: audit: keys with values belong here, not a list"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := c.file
			if strings.Contains(file, ": ") || strings.HasSuffix(file, ":\n") {
				file = completed(file)
			}
			got, err := load(t, file, env("EMPTY=", "SECRET=hunter2", "SPACE= hunter2", "YAML={max_rows: 1}"))
			if err == nil {
				t.Fatalf("the file was taken, as %+v:\n%s", got, file)
			}
			if err.Error() != c.says {
				t.Errorf("the file is refused with\n%v\nnot\n%s", err, c.says)
			}
		})
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	folder := t.TempDir()
	large := filepath.Join(folder, "large.yaml")
	if err := os.WriteFile(large, make([]byte, 1<<20+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{
		filepath.Join(folder, "none.yaml"): "reading the configuration: open %s: no such file or directory",
		folder:                             "reading the configuration: read %s: is a directory",
		large:                              "reading the configuration: %s is larger than 1048576 bytes",
	} {
		_, err := config.Load(path, env())
		if want := fmt.Sprintf(says, path); err == nil || err.Error() != want {
			t.Errorf("%s is refused with %v, not %s", path, err, want)
		}
	}
}

// Each value of the complete file is replaced by a variable, one after the other: no error may show what the variable
// holds.
func TestNoErrorShowsWhatAVariableHolds(t *testing.T) {
	const secret = " hunter2 secret:"
	complete, err := os.ReadFile("testdata/complete.yaml")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(complete), "\n")
	refused := 0
	for i, line := range lines {
		key, _, found := strings.Cut(line, ": ")
		if !found || strings.HasPrefix(line, "#") {
			continue
		}
		changed := append(append(append([]string{}, lines[:i]...), key+": ${SECRET}"), lines[i+1:]...)
		_, err := load(
			t,
			strings.Join(changed, "\n"),
			env("SECRET="+secret, "SHOP_PASSWORD="+secret, "SHOP_SIGNING_KEY="+signingKey),
		)
		if err == nil {
			continue
		}
		refused++
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("with a variable in line %d the error shows what it holds:\n%v", i+1, err)
		}
	}
	if refused < 15 {
		t.Errorf("only %d values were refused: the test tries too little", refused)
	}
}

// limitKeys are those that the section limits knows.
const limitKeys = "max_rows, answer, max_bytes, timeout, lock_timeout, concurrency, at_once, connections, memory, " +
	"per_caller, per_address"

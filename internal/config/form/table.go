// Package form is the form of Deputy's YAML file: one table of keys, by which the file is read and checked, and from
// which the JSON Schema, the hints about known keys and the reference page are made.
//
// A key is added as one row here and one field of the same name in the Go type of its section.
package form

// firstVersion is the version that a key is in whose row names none.
const firstVersion = "0.1"

// Key is one row of the table.
type Key struct {
	Name string
	Kind Kind
	// Doc says in plain sentences what the key does.
	Doc string
	// Default is what holds when the key is left out, as it could be written.
	Default string
	// Without says in words what holds when the key is left out, where that is no plain value.
	Without string
	// Since is the version that brought the key; empty is the first.
	Since string
	// Of is the value of the section's Variant that the key belongs to; empty is every value.
	Of string
	// Missing is what is said when the key is left out or empty. Such a key is needed.
	Missing string
	// Needed is set when the package that owns the section refuses it without the key, in words of its own.
	Needed bool
}

func (k *Key) needed() bool { return k.Needed || k.Missing != "" && k.Default == "" }

// Section is a part of the file that has keys.
type Section struct {
	// Name is what the schema and the reference page call it.
	Name string
	// Doc says in plain sentences what the section is for.
	Doc  string
	Keys []Key
	// Variant is the key whose value says which other keys belong here: see Key.Of.
	Variant string
	// OneOf lists keys of which at least one must be there.
	OneOf []string
	// NotBoth lists two keys that exclude each other.
	NotBoth []string
	// more adds to the schema what rows cannot say.
	more func(*Schema)
}

func (s *Section) key(name string) *Key {
	for i := range s.Keys {
		if s.Keys[i].Name == name {
			return &s.Keys[i]
		}
	}
	return nil
}

// names lists the keys in their order, as hints show them.
func (s *Section) names() (out []string) {
	for _, k := range s.Keys {
		out = append(out, k.Name)
	}
	return out
}

// File is the whole file.
var File = &Section{
	Name: "",
	Doc:  "The configuration of Deputy: who may call, what is governed, and what holds.",
	Keys: []Key{
		{Name: "server", Kind: section(server), Doc: "Where Deputy listens."},
		{Name: "identity", Kind: section(identitySection),
			Doc: "Whose tokens are believed, and what is known of users beside their tokens."},
		{Name: "agents", Kind: sections(agent), Missing: "missing: nobody could call",
			Doc: "The agents that may call. No other agent can."},
		{Name: "platforms",
			Kind: named(
				platform,
				platformName,
				"a platform's name is made of a-z, 0-9 and -, and starts with a letter or digit",
			),
			Missing: "missing: there is nothing to ask",
			Doc:     "The databases that are governed, by the names that agents call them."},
		{Name: "tags", Kind: tags,
			Doc: "Words for tables and columns. A word with a dot stands below another: what has PII.SSN has PII too."},
		{Name: "policies", Kind: sections(policy), Doc: "What holds, in sentences. Their order means nothing."},
		{Name: "purposes",
			Kind: mapping(
				nonEmpty("there is no value: say what it means, for the model to know when it is true"),
				purposeName,
				"a purpose's name is made of a-z, 0-9 and -",
			),
			Doc: "What a call can be declared to be for: names, and what each means."},
		{Name: "queries",
			Kind: named(query, queryName, "a query's name is made of a-z, 0-9 and _, and starts with a letter"),
			Doc:  "Queries that are ready to run by their names, with parameters."},
		{Name: "requests", Kind: section(requestsSection), Doc: "How more access is asked for, and who decides."},
		{Name: "tests", Kind: listOf(sentence),
			Doc: "What you expect of the policies, in sentences. deputy test holds them against the data."},
		{Name: "catalog", Kind: section(catalog), Doc: "What an administrator has looked at in the databases."},
		{Name: "audit", Kind: section(auditSection), Doc: "Where the record of every call is."},
		{Name: "limits", Kind: section(limits), Doc: "The bounds of one call, and of how many there are at once."},
		{Name: "telemetry", Kind: section(telemetry), Without: "nowhere", Doc: "Where traces and metrics go."},
	},
}

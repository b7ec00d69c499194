package form

// The section about named queries. Package tools/queries judges what is in it, and this table describes it.

const (
	queryName     = `[a-z][a-z0-9_]{0,62}`
	parameterName = `[a-z][a-z0-9_]{0,62}`
)

var query = &Section{
	Name: "Query",
	Doc:  "A query that an administrator has written. It is run by its name, and shows what its caller may see.",
	Keys: []Key{
		{Name: "description", Kind: nonEmpty("say what the query answers, for a model to know when to run it"),
			Missing: "missing: say what the query answers, for a model to know when to run it",
			Doc:     "What the query answers, for models."},
		{
			Name: "parameters",
			Kind: named(
				queryParameter,
				parameterName,
				"a parameter's name is made of a-z, 0-9 and _, and starts with a letter",
			),
			Doc: "What a caller gives values for, by name. A value is bound where :name stands, and never becomes SQL.",
		},
		{Name: "statements", Kind: mapping(nonEmpty("there is no statement: write one SELECT"), "", ""),
			Missing: "missing: write a platform's name and the statement for it",
			Doc:     "One reading statement for each platform that has an answer, by the platform's name."},
	},
}

var queryParameter = &Section{
	Name: "QueryParameter", Doc: "One parameter of a query.",
	Keys: []Key{
		{Name: "type", Kind: oneOf("text", "integer", "number", "boolean", "date", "timestamp"), Default: "text",
			Doc: "What a value is. Another value is refused before any database sees it."},
		{
			Name:    "list",
			Kind:    yes,
			Default: "false",
			Doc:     "With true, a value is a list: any(:name), or IN (SELECT value FROM json_each(:name)) in SQLite.",
		},
		{Name: "description", Kind: text, Doc: "What the parameter is for, for models."},
		{
			Name:    "values",
			Kind:    atLeastOne(list(text)),
			Without: "all of the type",
			Doc:     "The only values that are taken.",
		},
		{Name: "optional", Kind: yes, Default: "false",
			Doc: "With true, the parameter may be left out. It is NULL then."},
		{Name: "default", Kind: text, Without: "nothing", Doc: "The value of a parameter that is left out."},
	},
}

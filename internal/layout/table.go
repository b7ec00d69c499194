// Package layout is the plan of the module: one table of its rooms and of what each may import.
//
// A test holds every package against the table. The rules of depguard in .golangci.yml are rendered from it, so that an
// import which the table does not give is red in the editor and in the linter, too. After a change of the table:
// make layout.
package layout

// Room is a folder whose package owns one noun.
type Room struct {
	// Folder is the package's folder in the module. With "/..." at its end the row is for every package below it too,
	// unless a row of its own is there; packages of one row may import each other.
	Folder string
	// May are the folders whose packages it may import, each with "/..." for those below it too.
	May []string
}

// rooms are all of them, from the ground up: a room may import only rooms that stand before it.
var rooms = []Room{
	// Tools of ours that know nothing of Deputy.
	{"internal/mistake", nil},
	{"internal/strictjson", nil},
	{"internal/durable", nil},
	{"internal/pgconn", nil},
	{"internal/budget", nil},

	// Who calls.
	{"identity", []string{"internal/mistake"}},
	{"identity/oidc", []string{"identity", "internal/mistake", "internal/strictjson"}},
	{"identity/signin", []string{"identity", "identity/oidc", "internal/durable"}},
	{"identity/stops", []string{"identity", "internal/durable", "internal/strictjson"}},
	{"identity/stops/fleet", []string{"identity/stops", "internal/durable"}},

	// What happened.
	{"audit/checkpoint", []string{"internal/durable", "internal/strictjson"}},
	{"audit/segments", []string{"internal/durable"}},
	{"audit", []string{"audit/checkpoint", "audit/segments", "identity", "internal/durable", "internal/strictjson"}},
	{"audit/backup", []string{"audit/checkpoint", "audit/segments", "internal/durable"}},
	{"audit/ocsf", []string{"audit"}},
	{"audit/underway", []string{"audit"}},
	{"audit/sparse", nil},
	{"audit/index", []string{"audit", "audit/checkpoint", "internal/durable", "internal/strictjson"}},
	{"audit/sink", []string{"audit", "audit/ocsf", "internal/pgconn"}},

	// What may be seen.
	{"entitlements/catalog", nil},
	{"entitlements/expression", nil},
	{"entitlements/pattern", nil},
	{"entitlements/selector", []string{"entitlements/catalog"}},
	{"entitlements/problem", []string{"entitlements/catalog"}},
	{"entitlements/written", nil},
	{"entitlements/matcher", []string{"entitlements/written", "identity", "internal/mistake"}},
	{"entitlements/mask", []string{
		"entitlements/catalog", "entitlements/expression", "entitlements/pattern", "entitlements/written",
		"internal/mistake",
	}},
	{"entitlements", []string{
		"entitlements/catalog", "entitlements/expression", "entitlements/mask", "entitlements/matcher",
		"entitlements/problem", "entitlements/selector", "identity", "internal/mistake",
	}},
	{"entitlements/review", []string{"entitlements", "entitlements/expression", "identity", "internal/mistake"}},
	{"entitlements/requests", []string{"entitlements", "entitlements/review", "identity", "internal/mistake"}},
	{
		"entitlements/requests/store",
		[]string{
			"entitlements", "entitlements/requests", "identity", "identity/stops", "identity/stops/fleet",
			"internal/durable", "internal/pgconn", "internal/strictjson",
		},
	},
	{
		"entitlements/requests/keeper",
		[]string{
			"entitlements", "entitlements/requests", "entitlements/requests/store", "identity/stops/fleet", "identity",
		},
	},
	{
		"entitlements/requests/notify",
		[]string{"entitlements", "entitlements/requests", "entitlements/requests/store", "identity"},
	},

	// How it is given.
	{"vending", []string{"entitlements", "identity", "internal/budget"}},
	{
		"vending/postgres/...",
		[]string{
			"vending",
			"entitlements",
			"entitlements/expression",
			"entitlements/mask",
			"internal/budget",
			"internal/mistake",
			"internal/pgconn",
		},
	},
	{
		"vending/sqlite/...",
		[]string{
			"vending",
			"entitlements",
			"entitlements/expression",
			"entitlements/mask",
			"internal/budget",
			"internal/mistake",
		},
	},
	// imported by tests alone
	{"vending/enginetest/...", []string{"vending", "entitlements", "entitlements/expression", "identity"}},

	// The use case.
	{"tools/turns", []string{"vending"}},
	{"tools/kept", []string{"vending"}},
	{"tools/refusal", []string{"vending", "audit", "entitlements/requests"}},
	{"tools/queries", []string{"vending", "entitlements", "internal/mistake", "internal/strictjson"}},
	{"tools/platforms", []string{"vending", "entitlements/...", "identity", "internal/mistake"}},
	{"tools/answer", []string{"vending", "entitlements"}},
	{"tools/instruments", nil},
	{"tools/directory", []string{"tools/answer", "vending", "entitlements"}},
	{"tools", []string{
		"tools/answer", "tools/directory", "tools/instruments", "tools/kept", "tools/platforms", "tools/queries",
		"tools/refusal", "tools/turns", "vending", "audit",
		"audit/sparse", "entitlements/...", "identity", "internal/mistake",
	}},
	{"tools/desk", []string{"tools", "vending", "audit", "entitlements/...", "identity", "internal/mistake"}},

	// The protocol.
	{
		"mcp",
		[]string{
			"tools",
			"tools/queries",
			"tools/answer",
			"tools/desk",
			"identity",
			"identity/stops",
			"internal/budget",
			"internal/mistake",
			"internal/strictjson",
		},
	},
	{"mcp/limit", []string{"mcp", "tools", "identity"}},
	{"mcp/stdio", []string{"mcp", "mcp/limit", "tools", "identity", "internal/budget"}},
	{"mcp/httpd", []string{"mcp", "mcp/limit", "tools", "tools/desk", "identity", "internal/budget"}},
	{"mcp/client", []string{"tools"}},                                                        // of demo and bench
	{"mcp/mcptest", []string{"tools", "tools/queries", "entitlements/requests", "identity"}}, // imported by tests alone

	// The file, and the assembly of what it says.
	{"internal/expectation", []string{"entitlements/...", "identity", "internal/mistake"}},
	{"internal/expectation/trial", []string{"tools", "entitlements/...", "identity", "internal/expectation"}},
	{"internal/config/form", []string{"entitlements/...", "identity", "internal/expectation", "internal/mistake"}},
	{"internal/config/schema", []string{"internal/config/form"}},
	{
		"internal/config",
		[]string{
			"audit/sink",
			"entitlements/...",
			"identity/...",
			"internal/config/form",
			"internal/durable",
			"internal/expectation",
			"internal/mistake",
			"internal/strictjson",
		},
	},
	{"internal/telemetry", []string{"internal/config", "tools"}},
	{"internal/console", []string{"mcp/...", "tools/...", "entitlements/...", "identity"}},
	{"internal/report", []string{"audit/...", "tools/...", "entitlements/...", "identity", "identity/stops"}},
	{"internal/logged", []string{"audit", "entitlements/requests", "identity"}},
	{
		"internal/assembly",
		[]string{
			"internal/budget",
			"internal/config",
			"internal/console",
			"internal/telemetry",
			"internal/durable",
			"internal/logged",
			"internal/mistake",
			"mcp/...",
			"tools/...",
			"vending",
			"vending/postgres/...",
			"vending/sqlite/...",
			"audit/...",
			"entitlements/...",
			"identity/...",
		},
	},
	{
		"internal/admin/...",
		[]string{
			"internal/assembly",
			"internal/config/...",
			"internal/expectation/...",
			"internal/report",
			"internal/durable",
			"internal/logged",
			"internal/mistake",
			"internal/pgconn",
			"tools/...",
			"vending",
			"vending/postgres/...",
			"vending/sqlite/...",
			"audit/...",
			"entitlements/...",
			"identity/...",
		},
	},

	// Test kits and shows. Tests may import them all; else demo and bench alone do.
	{"internal/testkit/...", []string{"entitlements/...", "identity/...", "internal/config/form"}},
	{"examples", nil},
	{"examples/hosts/go", nil},
	{"internal/demo", []string{
		"examples", "internal/assembly", "internal/config", "internal/testkit/...", "mcp/client", "mcp/httpd",
		"tools/...", "vending/postgres/...", "audit/...", "identity",
	}},
	{"internal/bench", []string{
		"internal/assembly", "internal/config", "internal/testkit/...", "mcp/client", "mcp/httpd", "tools", "vending",
		"vending/postgres/...", "audit/...", "entitlements/...", "identity",
	}},
	{"internal/conformance", nil}, // tests alone
	{"internal/field", nil},       // tests alone
	{"internal/refusals", nil},    // tests alone
	{"internal/faults", nil},      // tests alone
	{"internal/load", nil},        // tests alone
	{"internal/layout", nil},

	// Flags and printing.
	{"cmd/deputy", []string{
		"audit/...", "entitlements/...", "examples", "identity/...", "internal/admin/...", "internal/assembly",
		"internal/budget",
		"internal/config/...", "internal/console", "internal/demo", "internal/durable", "internal/expectation/...",
		"internal/mistake", "internal/report", "internal/telemetry", "mcp", "mcp/httpd", "mcp/stdio", "mcp/limit",
		"tools/...", "vending", "vending/postgres/...", "vending/sqlite/...",
	}},
}

// Library is a module of others that only some rooms may import.
type Library struct {
	Path string
	Only []string // folders, each with "/..." for those below it too
	Why  string
}

var libraries = []Library{
	{
		"github.com/mark3labs/mcp-go",
		[]string{"mcp", "mcp/client", "mcp/mcptest", "examples/hosts/go"},
		"only the protocol's room knows mcp-go",
	},
	{
		"go.yaml.in/yaml",
		[]string{"internal/config/form"},
		"the file's form is known in internal/config/form",
	},
}

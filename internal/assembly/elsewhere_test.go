package assembly

import (
	"testing"

	"deputy/internal/config"
)

// Only what says nothing of where the data is, and how it is reached and shown, may change while both decide.
func TestElsewhere(t *testing.T) {
	was := config.Platform{
		Engine:     config.Postgres,
		DSN:        "host=a",
		Schemas:    []string{"s"},
		SigningKey: "k",
		Functions:  []string{"a.f", "a.g"},
	}
	for name, tt := range map[string]struct {
		change func(*config.Platform)
		want   bool
	}{
		"nothing":          {func(*config.Platform) {}, false},
		"the description":  {func(p *config.Platform) { p.Description = "x" }, false},
		"the schemas":      {func(p *config.Platform) { p.Schemas = []string{"t"} }, false},
		"a function more":  {func(p *config.Platform) { p.Functions = []string{"a.g", "a.h", "a.f"} }, false},
		"a function less":  {func(p *config.Platform) { p.Functions = []string{"a.g"} }, true},
		"the database":     {func(p *config.Platform) { p.DSN = "host=b" }, true},
		"the key":          {func(p *config.Platform) { p.SigningKey = "l" }, true},
		"the engine":       {func(p *config.Platform) { p.Engine = config.SQLite }, true},
		"the key of masks": {func(p *config.Platform) { p.HashKey = "l" }, true},
		"the path":         {func(p *config.Platform) { p.PolicyPath = []string{"public"} }, true},
	} {
		is := was
		tt.change(&is)
		if got := elsewhere(was, is); got != tt.want {
			t.Errorf("%s changes: %v", name, got)
		}
	}
}

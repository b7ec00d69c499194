package postgres

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/lib/pq"

	"deputy/vending"
	"deputy/vending/postgres/setup"
	"deputy/vending/postgres/sqltext"
	"deputy/vending/postgres/view"
)

// spec is what deputy.vend is told to make. It is signed as a whole, so that the database makes nothing this server
// did not decide.
type spec struct {
	ID      string `json:"id"`
	Version int    `json:"v"`       // of the set-up that the server knows
	Expires int64  `json:"expires"` // seconds since 1970, on the database's clock

	// Tables are the views. A database set up by an older Deputy, which does not know a path, looks for them elsewhere
	// and makes none.
	Tables []vendedView `json:"tables"`
	Path   []string     `json:"path"` // the schemas that names in the queries are looked up in
	// the schemas, beside the vended ones, that names in the caller's statement are looked up in
	Callers []string `json:"callers"`
	// what the configuration names: queries may use it beside PostgreSQL's own and extensions'
	Functions []string `json:"functions"`
}

// vendedView is the view of one table.
type vendedView struct {
	Schema  string `json:"schema"` // vended, stands for the governed one
	Name    string `json:"name"`   // the table's own
	Barrier bool   `json:"barrier"`
	Query   string `json:"query"`
}

// newSpec writes the views of a lease, and tells which vended schema stands for which governed one.
func (e *Engine) newSpec(lease vending.Lease, seen *snapshot) (spec, map[string]string) {
	p := seen.paths
	out := spec{
		ID:        lease.ID,
		Version:   setup.Version,
		Expires:   e.config.Now().Add(specAge - seen.ahead).Unix(),
		Tables:    []vendedView{},
		Path:      p.Policy,
		Callers:   without(p.Callers, lease.Without),
		Functions: append([]string{}, e.config.Functions...),
	}
	schemas := map[string]string{}
	for _, access := range lease.Access {
		vended, ok := schemas[access.Table.Schema]
		if !ok {
			vended = roleName(lease.ID) + "_" + strconv.Itoa(len(schemas))
			schemas[access.Table.Schema] = vended
		}
		out.Tables = append(
			out.Tables,
			vendedView{vended, access.Table.Name, len(access.Filters) > 0, view.Query(access)},
		)
	}
	return out, schemas
}

// without is what is left of names when others are taken out.
func without(names, others []string) []string {
	return slices.DeleteFunc(append([]string{}, names...), func(n string) bool { return slices.Contains(others, n) })
}

func roleName(id string) string { return "deputy_" + id }

// signer signs specs with HMAC-SHA-256 as deputy.vend checks it: the key is the hash of the configured one.
type signer struct{ key [sha256.Size]byte }

func newSigner(key string) signer { return signer{sha256.Sum256([]byte(key))} }

// call returns the call of deputy.vend for a spec, as SQL.
func (s signer) call(sp spec) string {
	text, err := json.Marshal(sp)
	if err != nil { // strings and numbers only
		panic(err)
	}
	mac := hmac.New(sha256.New, s.key[:])
	mac.Write(text)
	return fmt.Sprintf(`deputy.vend(%s, '\x%x')`, pq.QuoteLiteral(string(text)), mac.Sum(nil))
}

// vendedPath is the search path of a vended role: its own schemas in the order of the governed ones, then those that
// callers share.
func (e *Engine) vendedPath(schemas map[string]string, shared []string) string {
	var path []string
	for _, s := range e.config.Schemas {
		if vended, ok := schemas[s]; ok {
			path = append(path, vended)
		}
	}
	return sqltext.Path(slices.Concat(path, shared))
}

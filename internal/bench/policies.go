package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/rs/zerolog"

	"deputy/entitlements"
	"deputy/identity"
	"deputy/internal/assembly"
	"deputy/internal/config"
	"deputy/internal/testkit/throwaway"
	"deputy/vending/postgres/setup"
)

// The size of a large company's policies: 500 tables of 20 columns, 1,000 policies, 50 tags.
const (
	manyTables   = 500
	manyColumns  = 20
	manyPolicies = 1000
	manyTags     = 50
)

// measurePolicies prints how long a large set of policies takes to start and to decide with, and the memory it needs.
func measurePolicies(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "deputy-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Printf("%d policies, %d tables, %d columns, %d tags\n", manyPolicies, manyTables, manyTables*manyColumns, manyTags)
	platform, err := manyOnSQLite(dir)
	if err != nil {
		return err
	}
	if err := measureStart(ctx, dir, "sqlite", platform); err != nil {
		return err
	}
	cluster, err := throwaway.Start(ctx)
	if err != nil {
		return err
	}
	defer cluster.Stop()
	if platform, err = manyOnPostgres(ctx, cluster); err != nil {
		return err
	}
	return measureStart(ctx, dir, "postgres", platform)
}

// measureStart does what deputy serve does before it listens: read the file, connect, compile, rehearse every mask and
// filter.
func measureStart(ctx context.Context, dir, name, platform string) error {
	path := filepath.Join(dir, name+".yaml")
	if err := os.WriteFile(path, []byte(manyConfig(platform)), 0o600); err != nil {
		return err
	}
	before := heap()
	started := time.Now()
	cfg, err := config.Load(path, os.LookupEnv)
	if err != nil {
		return err
	}
	loaded := time.Since(started)
	d, err := assembly.New(ctx, cfg, zerolog.Nop())
	if err != nil {
		return err
	}
	defer d.Close()
	whole := time.Since(started)
	fmt.Printf(
		"%-8s  start %s (of it, reading the file %s; goal 2 s), heap %.1f MiB more\n",
		name,
		short(whole),
		short(loaded),
		float64(heap()-before)/(1<<20),
	)
	return measureDecisions(ctx, d, cfg)
}

func measureDecisions(ctx context.Context, d *assembly.Deputy, cfg *config.Config) error {
	catalog, err := d.Engines["shop"].Catalog(ctx)
	if err != nil {
		return err
	}
	started := time.Now()
	e, problems := entitlements.Compile(
		entitlements.Config{Platform: "shop", Policies: cfg.Policies, Tags: cfg.Tags, Catalog: catalog},
	)
	if e == nil {
		return fmt.Errorf("the policies do not compile: %v", problems)
	}
	compiled := time.Since(started)
	var took []time.Duration
	for round := range 20 {
		for i, t := range catalog.Tables {
			who := identity.Principal{
				Agent: identity.Agent{Identity: identity.Identity{Kind: identity.KindAgent, ID: "bench"}},
				User: &identity.User{
					Identity: identity.Identity{
						Kind:       identity.KindUser,
						ID:         "u",
						Groups:     []string{fmt.Sprint("G", i%97), fmt.Sprint("G", round)},
						Attributes: map[string][]string{"region": {"EU"}},
					},
				},
			}
			at := time.Now()
			e.Decide(who, t.TableName)
			took = append(took, time.Since(at))
		}
	}
	slices.Sort(took)
	micro := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	fmt.Printf(
		"%-8s  compile %s; one decision p50 %.1f µs, p99 %.1f µs (goal 100 µs)\n",
		"",
		short(compiled),
		micro(took[len(took)/2]),
		micro(took[len(took)*99/100]),
	)
	return nil
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// manyDDL makes the tables; half of the columns are text.
func manyDDL(prefix string) string {
	var b strings.Builder
	for t := range manyTables {
		fmt.Fprintf(&b, "CREATE TABLE %st%03d (", prefix, t)
		for c := range manyColumns {
			if c > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "c%02d %s", c, []string{"text", "integer", "text", "date"}[c%4])
		}
		b.WriteString(");\n")
	}
	return b.String()
}

// manyConfig has every kind of policy: one half grants, the other guardrails, masks and filters, by tag and by name.
func manyConfig(platform string) string {
	var b strings.Builder
	fmt.Fprintf(
		&b,
		"agents: [{name: bench, modes: [autonomous], key_sha256: [%s]}]\nplatforms:\n  shop: %s\nlimits: {concurrency: 4}\ntags:\n",
		strings.Repeat("ab", 32),
		platform,
	)
	for tag := range manyTags {
		fmt.Fprintf(
			&b,
			"  PII.T%02d: [%q, %q]\n",
			tag,
			fmt.Sprintf("sales.t%02d?.c0?", tag),
			fmt.Sprintf("sales.t%03d", tag*10),
		)
	}
	b.WriteString("policies:\n")
	for p := range manyPolicies {
		fmt.Fprintf(&b, "  - {name: policy %d, ", p)
		table, tag := p%manyTables, p%manyTags
		switch p % 10 {
		case 0, 1, 2, 3:
			fmt.Fprintf(
				&b,
				"grant: [sales.t%03d, 'sales.t%02d*'], to: [group:G%d, {all: [group:H%d, {not: mode:autonomous}]}]}\n",
				table,
				tag,
				p%97,
				p%31,
			)
		case 4:
			fmt.Fprintf(&b, "guardrail: 'tag:PII.T%02d', require: {not: group:Banned%d}}\n", tag, p%13)
		case 5, 6:
			fmt.Fprintf(
				&b,
				"mask: 'tag:PII.T%02d', with: %s, except: group:G%d}\n",
				tag,
				[]string{"null", "hash", "{constant: REDACTED}", "{partial: {last: 2}}", "email"}[p/10%5],
				p%97,
			)
		case 7:
			fmt.Fprintf(&b, "mask: sales.t%03d.c%02d, with: {truncate: month}, for: group:G%d}\n", table, p/10%5*4+3, p%97)
		case 8:
			fmt.Fprintf(&b, "mask: 'tag:PII', with: null, except: {any: [group:G%d, everyone]}}\n", p%97)
		case 9:
			fmt.Fprintf(&b, "filter: sales.t%03d, where: 'c00 = any(:attribute.region)', except: group:G%d}\n", table, p%97)
		}
	}
	return b.String()
}

func manyOnSQLite(dir string) (platform string, err error) {
	path := filepath.Join(dir, "many.db")
	db, err := sqlite3.Open(path)
	if err != nil {
		return "", err
	}
	defer db.Close()
	return fmt.Sprintf(
			"{engine: sqlite, path: %q, schema: sales, hash_key: %s}",
			path,
			strings.Repeat("k", 32),
		), db.Exec(
			"BEGIN;" + manyDDL("") + "COMMIT",
		)
}

func manyOnPostgres(ctx context.Context, c *throwaway.Cluster) (platform string, err error) {
	admin, err := c.Open(throwaway.Superuser, "postgres")
	if err != nil {
		return "", err
	}
	defer admin.Close()
	if _, err := admin.ExecContext(ctx, "CREATE SCHEMA sales;"+manyDDL("sales.")); err != nil {
		return "", err
	}
	err = setup.Bootstrap(ctx, admin, setup.Order{Schemas: []string{"sales"}, SigningKey: signingKey})
	return fmt.Sprintf(
		"{engine: postgres, dsn: %q, schemas: [sales], signing_key: %q}",
		c.DSN("deputy_runner", "postgres"),
		signingKey,
	), err
}

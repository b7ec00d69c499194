package main

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/rs/zerolog"

	"deputy/audit"
	"deputy/entitlements"
	"deputy/internal/assembly"
	"deputy/internal/config"
	"deputy/internal/testkit/issuer"
	"deputy/internal/testkit/throwaway"
	"deputy/mcp/client"
	"deputy/mcp/httpd"
	"deputy/tools"
	"deputy/vending"
	"deputy/vending/postgres/setup"
)

const (
	tables     = 8
	rows       = 100_000
	maxClients = 32
	signingKey = "a key for a database that is gone in a minute"
)

// rig is a whole Deputy on a throw-away PostgreSQL, and a plain connection to the same data.
type rig struct {
	cluster *throwaway.Cluster
	plain   *sql.DB
	deputy  *assembly.Deputy
	issuer  *issuer.Issuer
	clients []*client.Client
	access  map[entitlements.TableName]entitlements.Access
	stop    context.CancelFunc
	dir     string
	calls   atomic.Int64
	silent  atomic.Bool // calls are not recorded
	out     *tabwriter.Writer
}

const configuration = `
server: {listen: "%s"}
identity: {issuers: [{url: "%s"}]}
agents: [{name: bench, client_ids: [bench]}]
platforms:
  bench: {engine: postgres, dsn: "%s", schemas: [bench], signing_key: "%s"}
tags: {PII: [bench.*.secret]}
policies:
  - {name: everything, grant: [bench.*], to: "group:Everybody"}
  - {name: hide, mask: ["tag:PII"], with: {constant: REDACTED}}
audit: {file: audit.jsonl}
limits: {max_rows: 200000, max_bytes: 64MiB, answer: 10000000}
`

func newRig(ctx context.Context) (*rig, error) {
	r := &rig{access: map[entitlements.TableName]entitlements.Access{}}
	var err error
	if r.dir, err = os.MkdirTemp("", "deputy-bench-"); err != nil {
		return nil, err
	}
	// Durable as in production: only throw-away tests may do without fsync.
	if r.cluster, err = throwaway.Start(ctx, "fsync=on", "shared_buffers=256MB"); err != nil {
		return nil, err
	}
	if err := r.fill(ctx); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	if err := r.start(ctx, listener); err != nil {
		return nil, err
	}
	return r, r.connect(ctx, "http://"+listener.Addr().String()+"/mcp")
}

func (r *rig) fill(ctx context.Context) error {
	admin, err := r.cluster.Open(throwaway.Superuser, "postgres")
	if err != nil {
		return err
	}
	r.plain = admin
	r.plain.SetMaxIdleConns(maxClients)
	if _, err := admin.ExecContext(ctx, "CREATE SCHEMA bench"); err != nil {
		return err
	}
	for i := 1; i <= tables; i++ {
		fill := fmt.Sprintf(`CREATE TABLE bench.t%[1]d (id int PRIMARY KEY, name text, amount numeric(10,2), secret text);
			INSERT INTO bench.t%[1]d SELECT i, 'name ' || i, i * 1.25, 'secret ' || i FROM generate_series(1, %d) AS i; ANALYZE bench.t%[1]d`, i, rows)
		if _, err := admin.ExecContext(ctx, fill); err != nil {
			return err
		}
	}
	return setup.Bootstrap(ctx, admin, setup.Order{Schemas: []string{"bench"}, SigningKey: signingKey})
}

func (r *rig) start(ctx context.Context, listener net.Listener) error {
	var err error
	address := listener.Addr().String()
	if r.issuer, err = issuer.Start(issuer.Config{Audience: "http://" + address + "/mcp"}); err != nil {
		return err
	}
	path := filepath.Join(r.dir, "bench.yaml")
	text := fmt.Sprintf(configuration, address, r.issuer.URL(), r.cluster.DSN("deputy_runner", "postgres"), signingKey)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	c, err := config.Load(path, os.LookupEnv)
	if err != nil {
		return err
	}
	if r.deputy, err = assembly.New(ctx, c, zerolog.New(os.Stderr).Level(zerolog.WarnLevel)); err != nil {
		return err
	}
	if r.deputy.Tools, err = tools.New(ctx, assembly.ToolsConfig(c, r.deputy.Engines, r, r.deputy.Log)); err != nil {
		return err
	}
	handler, err := httpd.New(r.deputy.HTTP("bench"))
	if err != nil {
		return err
	}
	ctx, r.stop = context.WithCancel(ctx)
	go (&httpd.Server{Handler: handler}).Serve(ctx, listener)
	catalog, err := r.engine().Catalog(ctx)
	if err != nil {
		return err
	}
	for _, t := range catalog.Tables {
		access := entitlements.Access{Table: t.TableName}
		for _, column := range t.Columns {
			access.Columns = append(access.Columns, entitlements.ColumnAccess{Column: column})
		}
		r.access[t.TableName] = access
	}
	return nil
}

func (r *rig) connect(ctx context.Context, url string) error {
	for i := range maxClients {
		token := r.issuer.Token(
			issuer.Claims{
				Subject:  fmt.Sprintf("user-%d", i),
				ClientID: "bench",
				Groups:   []string{"Everybody"},
				Lifetime: time.Hour,
			},
		)
		c, err := client.HTTP(ctx, url, token, "")
		if err != nil {
			return err
		}
		r.clients = append(r.clients, c)
	}
	return nil
}

// Append records a call, unless it is measured what calls cost without a record.
func (r *rig) Append(ctx context.Context, record audit.Record) error {
	if r.silent.Load() {
		return nil
	}
	return r.deputy.Audit.Append(ctx, record)
}

func (r *rig) engine() vending.Engine { return r.deputy.Engines["bench"] }

func (r *rig) close() {
	for _, c := range r.clients {
		c.Close()
	}
	r.stop()
	r.deputy.Close()
	r.issuer.Close()
	r.plain.Close()
	r.cluster.Stop()
	os.RemoveAll(r.dir)
}

// raw runs the statement as anybody with an account would.
func (r *rig) raw(statement string) operation {
	return func(ctx context.Context, _ int) error {
		rows, err := r.plain.QueryContext(ctx, statement)
		if err != nil {
			return err
		}
		defer rows.Close()
		columns, err := rows.Columns()
		if err != nil {
			return err
		}
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		for rows.Next() {
			if err := rows.Scan(values...); err != nil {
				return err
			}
		}
		return rows.Err()
	}
}

// vend is the engine alone: the statement is analysed once and then known.
func (r *rig) vend(statement string) operation {
	return func(ctx context.Context, _ int) error { return r.run(ctx, statement) }
}

// vendUnseen sends a statement that nobody has sent before, every time.
func (r *rig) vendUnseen() operation {
	return func(ctx context.Context, _ int) error {
		return r.run(ctx, fmt.Sprintf("SELECT id, name, amount FROM bench.t1 WHERE id = %d", r.calls.Add(1)))
	}
}

func (r *rig) run(ctx context.Context, statement string) error {
	analysed, err := r.engine().Analyze(ctx, statement)
	if err != nil {
		return err
	}
	lease := vending.Lease{
		ID:       fmt.Sprintf("bench%010d", r.calls.Add(1)),
		SQL:      statement,
		MaxRows:  2 * rows,
		MaxBytes: 64 << 20,
		Timeout:  time.Minute,
	}
	for _, use := range analysed.Tables {
		lease.Access = append(lease.Access, r.access[use.Table])
	}
	_, err = r.engine().Run(ctx, lease)
	return err
}

// call is what a chat host does.
func (r *rig) call(statement string) operation {
	return func(ctx context.Context, client int) error {
		_, err := r.clients[client].Query(ctx, map[string]any{"sql": statement})
		return err
	}
}

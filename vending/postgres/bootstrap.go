package postgres

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"strings"

	"github.com/lib/pq"
)

//go:embed bootstrap.sql
var bootstrapSQL string

// Setup is what a database administrator sets up once per database.
type Setup struct {
	Schemas        []string // governed: deputy_owner gets SELECT on their tables
	SigningKey     string   // the server's; at least 32 characters
	RunnerPassword string   // of deputy_runner; empty: peer or certificate authentication
}

// Print returns the SQL for review. The two secrets are left as psql variables.
func (s Setup) Print() string {
	return bootstrapSQL + s.grants() + "\nCOMMIT;\n"
}

// Bootstrap runs the set-up with an administrator's connection. It is idempotent, and either all of it happens or nothing.
func Bootstrap(ctx context.Context, admin *sql.DB, s Setup) error {
	if len(s.SigningKey) < minSigningKey {
		return fmt.Errorf("the signing key has %d characters: it needs %d or more", len(s.SigningKey), minSigningKey)
	}
	if len(s.Schemas) == 0 {
		return errors.New("no schema is governed: name at least one")
	}
	script := strings.NewReplacer(
		":'runner_password'", pq.QuoteLiteral(s.RunnerPassword),
		":'signing_key'", pq.QuoteLiteral(s.SigningKey),
	).Replace(bootstrapSQL) + s.grants() + "\nCOMMIT;\n"
	conn, err := admin.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connecting as administrator: %w", err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, script); err != nil {
		conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		return fmt.Errorf("setting up the database: %w", withoutScript(err))
	}
	return nil
}

// grants gives the two roles what they need of the governed schemas: names to both, values to deputy_owner alone.
func (s Setup) grants() string {
	var b strings.Builder
	b.WriteString("\n-- The governed schemas. Run this again when tables are added.\n")
	for _, schema := range s.Schemas {
		q := pq.QuoteIdentifier(schema)
		fmt.Fprintf(&b, "GRANT USAGE ON SCHEMA %s TO deputy_owner, deputy_runner;\n", q)
		fmt.Fprintf(&b, "GRANT SELECT ON ALL TABLES IN SCHEMA %s TO deputy_owner;\n", q)
	}
	return b.String()
}

// withoutScript keeps the database's words and drops the fields that would quote the script, which has the secrets in it.
func withoutScript(err error) error {
	var pe *pq.Error
	if !errors.As(err, &pe) {
		return err
	}
	if pe.Hint != "" {
		return fmt.Errorf("%s (%s): %s", pe.Message, pe.Code, pe.Hint)
	}
	return fmt.Errorf("%s (%s)", pe.Message, pe.Code)
}

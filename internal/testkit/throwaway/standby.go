package throwaway

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// Socket is the path of the Unix socket that the cluster listens on.
func (c *Cluster) Socket() string { return filepath.Join(c.Dir, ".s.PGSQL.5432") }

// Standby makes and starts a cluster that streams from this one and takes no write until Promote. It returns when the
// standby has everything that this cluster has committed.
func (c *Cluster) Standby(ctx context.Context) (*Cluster, error) {
	standby, err := start(ctx, nil, func(data string) []string {
		return []string{
			"pg_basebackup", "-D", data, "-h", c.Dir, "-U", Superuser, "-R", "-X", "stream", "-c", "fast", "--no-sync",
		}
	})
	if err != nil {
		return nil, fmt.Errorf("making a standby: %w", err)
	}
	if err := standby.catchUp(ctx, c); err != nil {
		standby.Stop()
		return nil, fmt.Errorf("waiting for a standby: %w", err)
	}
	return standby, nil
}

// catchUp returns when a standby has replayed what its primary has written.
func (c *Cluster) catchUp(ctx context.Context, primary *Cluster) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	first, err := primary.Open(Superuser, "postgres")
	if err != nil {
		return err
	}
	defer first.Close()
	second, err := c.Open(Superuser, "postgres")
	if err != nil {
		return err
	}
	defer second.Close()
	var written string
	if err := first.QueryRowContext(ctx, `SELECT pg_current_wal_lsn()`).Scan(&written); err != nil {
		return err
	}
	for replayed := false; !replayed; time.Sleep(10 * time.Millisecond) {
		row := second.QueryRowContext(ctx, `SELECT coalesce(pg_last_wal_replay_lsn() >= $1::pg_lsn, false)`, written)
		if err := row.Scan(&replayed); err != nil {
			return err
		}
	}
	return nil
}

// Promote makes a primary of a standby, and returns when it takes writes. Its old primary is not told.
func (c *Cluster) Promote(ctx context.Context) error {
	db, err := c.Open(Superuser, "postgres")
	if err != nil {
		return err
	}
	defer db.Close()
	var promoted bool
	if err := db.QueryRowContext(ctx, `SELECT pg_promote()`).Scan(&promoted); err != nil {
		return fmt.Errorf("promoting a standby: %w", err)
	}
	if !promoted {
		return errors.New("promoting a standby: it is still one after a minute")
	}
	return nil
}

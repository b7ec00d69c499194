package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"

	"deputy/internal/durable"
)

// connectSQLite opens a file that is there and that only its owner may use. The driver's transactions begin with BEGIN
// IMMEDIATE: whoever reads in order to write does not find that somebody was faster.
func connectSQLite(file string) (*database, error) {
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, fmt.Errorf("the state's file: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("the state's file: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf(
			"the state's file %s has mode %04o: whoever can write it can grant access; chmod 600 it",
			file,
			mode,
		)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("the state's file %s is not a file", file)
	}
	for _, beside := range []string{"-wal", "-shm"} { // the driver would make them for everybody to read
		if err := own(path + beside); err != nil {
			return nil, err
		}
	}
	return openSQLite(path, func(c *sqlite3.Conn) error {
		_, err := c.FileControl("main", sqlite3.FCNTL_PERSIST_WAL, true) // and would make them anew after the last connection
		return err
	})
}

func openSQLite(path string, prepare func(*sqlite3.Conn) error) (*database, error) {
	uri := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: url.Values{
		"_txlock": {"immediate"},
		"_pragma": {
			"busy_timeout(10000)",
			"journal_mode(wal)",
			"synchronous(full)",
			"journal_size_limit(1048576)",
			"trusted_schema(off)",
		},
	}.Encode()}
	opened, err := driver.Open(uri.String(), prepare)
	if err != nil {
		return nil, fmt.Errorf("the state's file: %w", plain(err))
	}
	db := sqlx.NewDb(opened, "sqlite3")
	db.SetMaxOpenConns(4) // one writes at a time; the others read meanwhile
	db.SetMaxIdleConns(4)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return &database{db: db}, nil
}

// isNew reports whether the state is a file that is not there yet.
func isNew(c Config) bool {
	if c.File == "" || c.DSN != "" {
		return false
	}
	_, err := os.Stat(c.File)
	return errors.Is(err, fs.ErrNotExist)
}

// makeSQLite makes a file that is ready, under another name, and gives it its name when it is: of several processes
// that do at once, one is the first, and the others use its file. Nobody ever sees one that is half made.
func makeSQLite(ctx context.Context, file string, done func(Migration)) ([]Migration, error) {
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, fmt.Errorf("the state's file: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("making the state's file: %w", err)
	}
	f.Close()
	defer os.Remove(f.Name())
	for _, beside := range []string{"-wal", "-shm"} {
		if err := own(f.Name() + beside); err != nil {
			return nil, err
		}
		defer os.Remove(f.Name() + beside)
	}
	d, err := openSQLite(f.Name(), nil)
	if err != nil {
		return nil, err
	}
	all, err := d.migrate(ctx, done)
	if closed := d.db.Close(); err == nil { // which leaves one file alone
		err = plain(closed)
	}
	if err != nil {
		return all, err
	}
	if err := durable.Publish(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return all, fmt.Errorf("making the state's file: %w", err)
	}
	return all, nil
}

// own makes a file that nobody else may use, or takes it from the others.
func own(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("the state's file: %w", err)
	}
	defer f.Close()
	if err := f.Chmod(0o600); err != nil && runtime.GOOS != "windows" {
		return fmt.Errorf("the state's file: %w", err)
	}
	return nil
}

// reach waits until the database answers at all. While another process makes the same file, SQLite says that it is
// locked, and does not wait by itself.
func (d *database) reach(ctx context.Context) (err error) {
	again(ctx, func() bool {
		err = d.db.PingContext(ctx)
		return !errors.Is(err, sqlite3.BUSY) && !errors.Is(err, sqlite3.LOCKED)
	})
	return plain(err)
}

// patience is how long another process is waited for, which only needs a moment.
const patience = 10 * time.Second

// again asks until it is so, for as long as patience lasts.
func again(ctx context.Context, so func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for !so() {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(10 * time.Millisecond):
		}
	}
	return true
}

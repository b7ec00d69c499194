package state

import (
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
)

// connectSQLite opens a file that only its owner may use, and makes it when it is not there and that is wanted. The driver's
// transactions begin with BEGIN IMMEDIATE: whoever reads in order to write does not find that somebody was faster.
func connectSQLite(file string, create bool) (*database, error) {
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, fmt.Errorf("the state's file: %w", err)
	}
	if create {
		if err := own(path); err != nil {
			return nil, err
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("the state's file: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("the state's file %s has mode %04o: whoever can write it can grant access; chmod 600 it", file, mode)
	}
	if info.Mode().Type() != fs.FileMode(0) {
		return nil, fmt.Errorf("the state's file %s is not a file", file)
	}
	uri := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(10000)", "journal_mode(wal)", "synchronous(full)", "journal_size_limit(1048576)", "trusted_schema(off)", "foreign_keys(on)"},
	}.Encode()}
	for _, beside := range []string{"-wal", "-shm"} { // the driver would make them for everybody to read
		if err := own(path + beside); err != nil {
			return nil, err
		}
		if err := os.Chmod(path+beside, 0o600); err != nil {
			return nil, fmt.Errorf("the state's file: %w", err)
		}
	}
	opened, err := driver.Open(uri.String(), func(c *sqlite3.Conn) error {
		_, err := c.FileControl("main", sqlite3.FCNTL_PERSIST_WAL, true) // and would make them anew after the last connection
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("the state's file: %w", plain(err))
	}
	db := sqlx.NewDb(opened, "sqlite3")
	db.SetMaxOpenConns(4) // one writes at a time; the others read meanwhile
	db.SetMaxIdleConns(4)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return &database{db: db}, nil
}

// own makes a file that nobody else may use, if it is not there.
func own(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("the state's file: %w", err)
	}
	return f.Close()
}

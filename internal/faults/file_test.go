package faults

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/ncruces/go-sqlite3"
)

var lakeAlone = []string{"lake"}

// fileFaults befall the SQLite file.
func fileFaults() []fault {
	return []fault{
		{
			name: "SQLite: a writer holds the file", holds: 8 * time.Second, hits: lakeAlone,
			begin: func(s *scene) error { return s.writer("BEGIN EXCLUSIVE; INSERT INTO notes VALUES (9, 'z')") },
		},
		{
			name: "SQLite: not in WAL, and locked", holds: 8 * time.Second, hits: lakeAlone,
			begin: func(s *scene) error {
				s.traffic.stop() // readers let it never leave WAL
				s.lake("PRAGMA journal_mode = delete")
				s.traffic = s.traffic.again()
				return s.writer("BEGIN EXCLUSIVE; INSERT INTO notes VALUES (9, 'z')")
			},
			end: func(s *scene) error {
				s.traffic.stop()
				s.lake("PRAGMA journal_mode = wal")
				s.traffic = s.traffic.again()
				return nil
			},
		},
		{name: "SQLite: the file is replaced", holds: 3 * time.Second, hits: lakeAlone, begin: replaced},
		{
			name: "SQLite: the file is gone", holds: 5 * time.Second, hits: lakeAlone,
			begin: func(s *scene) error { return os.Rename(s.file(), s.file()+".away") },
			end:   func(s *scene) error { return os.Rename(s.file()+".away", s.file()) },
		},
		{
			name: "SQLite: the file is spoilt", long: true, holds: 5 * time.Second, hits: lakeAlone,
			begin: func(s *scene) error {
				return errors.Join(os.Rename(s.file(), s.file()+".away"),
					os.WriteFile(s.file(), []byte("this is no database, and never was one"), 0o600))
			},
			end: func(s *scene) error { return os.Rename(s.file()+".away", s.file()) },
		},
	}
}

func (c *company) file() string { return filepath.Join(c.dir, "lake.db") }

// writer is the application that owns the file, in the middle of a transaction.
func (s *scene) writer(sql string) error {
	db, err := sqlite3.Open(s.file())
	if err != nil {
		return err
	}
	s.ending = append(s.ending, func() { db.Exec("ROLLBACK"); db.Close() })
	return errors.Join(db.Exec("PRAGMA busy_timeout = 10000"), db.Exec(sql))
}

// replaced puts a copy in the file's place, as a nightly job does.
func replaced(s *scene) error {
	s.lake("PRAGMA wal_checkpoint(TRUNCATE)")
	from, err := os.Open(s.file())
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.Create(s.file() + ".new")
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close(), os.Rename(s.file()+".new", s.file()))
}

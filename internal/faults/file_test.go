package faults

import (
	"errors"
	"fmt"
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
			name: "SQLite: not in WAL, and locked", long: true, holds: 8 * time.Second, hits: lakeAlone,
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
		{
			name: "SQLite: disk full", long: true, holds: 8 * time.Second, hits: lakeAlone,
			begin: fullLake, during: newServer,
			end: func(s *scene) error { return os.Remove(filepath.Join(s.dir, "lake", "filler")) },
		},
		{name: "SQLite: the file is replaced", holds: 3 * time.Second, hits: lakeAlone, begin: replaced},
		{
			name: "SQLite: the file is gone", long: true, holds: 5 * time.Second, hits: lakeAlone,
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

func (c *company) file() string { return filepath.Join(c.dir, "lake", "lake.db") }

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
	return errors.Join(copyFile(s.file()+".new", s.file()), os.Rename(s.file()+".new", s.file()))
}

func copyFile(to, from string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	made, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(made, source)
	return errors.Join(err, made.Close())
}

// fullLake moves the file to a small disk and fills that: the application cannot write, reading needs no room.
func fullLake(s *scene) error {
	place, away := filepath.Dir(s.file()), filepath.Join(s.dir, "lake.away")
	s.traffic.stop()
	s.lake("PRAGMA wal_checkpoint(TRUNCATE)")
	err := copyFile(away, s.file())
	if mounted := command("mount -t tmpfs -o size=2m,mode=700 none " + place); mounted != nil {
		s.traffic = s.traffic.again()
		return fmt.Errorf("%w: no tmpfs: %v", errNotHere, mounted)
	}
	s.company.ending = append(s.company.ending, func() { command("umount " + place) })
	err = errors.Join(err, copyFile(s.file(), away))
	s.traffic = s.traffic.again()
	_, bad := s.traffic.good(patience)
	if err = errors.Join(err, bad); err != nil {
		return err
	}
	s.from = time.Now()
	return errors.Join(fill(place), s.writesFail())
}

// writesFail says whether the application that owns the file finds the disk full.
func (s *scene) writesFail() error {
	db, err := sqlite3.Open(s.file())
	if err != nil {
		s.note("the application cannot open its file: %v", err)
		return nil
	}
	defer db.Close()
	err = db.Exec("PRAGMA busy_timeout = 10000; CREATE TABLE big AS SELECT hex(zeroblob(100000)) AS x")
	if err == nil {
		return errors.New("the disk is not full")
	}
	s.note("the application's own write: %v", err)
	return nil
}

// newServer starts the server while the disk is full: then the file is opened where there is no room for what stands
// beside it.
func newServer(s *scene) {
	s.traffic.stop()
	s.stop(sigterm)
	if err := fill(filepath.Dir(s.file())); err != nil {
		s.Error(err)
	}
	began := time.Now()
	s.serve()
	s.traffic = s.traffic.again()
	s.until(func() bool { return len(s.traffic.since(began, time.Now(), "lake")) > 20 })
	s.note("a server that starts meanwhile: %s", counts(s.traffic.since(began, time.Now(), "lake")))
}

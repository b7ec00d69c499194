// Package index makes a large audit log quick to search. The index is a SQLite file with keys and what reports count:
// no statement and no value. It is built from the log and may be thrown away at any time; the log stays the truth, and
// what is shown of a call is read from there.
package index

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/ncruces/go-sqlite3"

	"deputy/audit"
	"deputy/internal/durable"
)

// Suffix is what the index's file has behind the log's name.
const Suffix = ".index"

// Config says which log is read.
type Config struct {
	Log     string                // path of the active file
	Rebuild bool                  // begin anew, whatever there is
	Step    func(read, all int64) // is told now and then how many bytes of the log were read
	Report  func(text string)     // is told what an auditor should know about the index
}

// Index is the log at one moment and where to find what in it.
type Index struct {
	config Config
	db     *sqlite3.Conn
	file   os.FileInfo // of the index; nil: it is in memory, or in the making
	view   *audit.View
	texts  map[key]int64
	insert statements
}

// Open brings the index up to the end of the log: it goes on where it ended, or begins anew when it is damaged, or of
// another log. Where it cannot be kept it is made in memory.
func Open(cfg Config) (*Index, error) {
	if cfg.Step == nil {
		cfg.Step = func(int64, int64) {}
	}
	if cfg.Report == nil {
		cfg.Report = func(string) {}
	}
	x := &Index{config: cfg}
	if err := x.look(); err != nil {
		return nil, err
	}
	if err := x.open(); err != nil {
		x.Close()
		return nil, fmt.Errorf("the index of the audit log: %w", err)
	}
	return x, nil
}

// Close closes the index and the log.
func (x *Index) Close() error {
	if x.db != nil {
		x.db.Close()
	}
	x.view.Close()
	return nil
}

// look takes the log as it is now.
func (x *Index) look() error {
	view, err := audit.NewView(x.config.Log)
	if err != nil {
		return err
	}
	if x.view != nil {
		x.view.Close()
	}
	x.view = view
	return nil
}

// Refresh brings the index up to what the log is now.
func (x *Index) Refresh() error {
	if x.file != nil { // another process may have put a new one in its place
		now, err := os.Stat(Path(x.config.Log))
		if err != nil || !os.SameFile(now, x.file) {
			x.db.Close()
			x.db, x.file = nil, nil
			return x.open()
		}
	}
	if err := x.update(); err != nil {
		return fmt.Errorf("the index of the audit log: %w", err)
	}
	return nil
}

// End is the line of the log up to which the index goes.
func (x *Index) End() (line int64, err error) {
	err = x.each(`SELECT line FROM bookmark`, nil, func(row *sqlite3.Stmt) error { line = row.ColumnInt64(0); return nil })
	return line, err
}

// Path is where the index of a log is.
func Path(log string) string { return log + Suffix }

func (x *Index) open() error {
	path := Path(x.config.Log)
	anew := x.config.Rebuild
	x.config.Rebuild = false // once is enough
	if !anew {
		err := x.goOn(path)
		if err == nil {
			return nil
		}
		if x.db != nil {
			x.db.Close()
			x.db, x.file = nil, nil
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case errors.Is(err, audit.ErrOtherLog), errors.Is(err, errVersion):
			x.config.Report("the index is of another log: it is built anew")
		case damaged(err):
			x.config.Report("the index is damaged: it is built anew")
		case errors.Is(err, fs.ErrPermission), errors.Is(err, sqlite3.READONLY), errors.Is(err, sqlite3.CANTOPEN):
		default:
			return err
		}
	}
	return x.begin(path)
}

var errVersion = errors.New("the index has another version")

// damaged says whether nothing but a new index will help.
func damaged(err error) bool {
	return errors.Is(err, sqlite3.CORRUPT) || errors.Is(err, sqlite3.NOTADB) || errors.Is(err, sqlite3.ERROR) ||
		errors.Is(err, sqlite3.CONSTRAINT) ||
		errors.Is(err, sqlite3.FORMAT)
}

// goOn continues an index that is there.
func (x *Index) goOn(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	if err := x.connect(path); err != nil {
		return err
	}
	x.file = info
	return x.update()
}

// begin makes a new index. It gets its name when it is whole, so that a crash leaves none that looks as if.
func (x *Index) begin(path string) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		x.config.Report(fmt.Sprintf("the index cannot be kept, and is made in memory: %v", err))
		if err := x.connect(""); err != nil {
			return err
		}
		if err := x.db.Exec(schema); err != nil {
			return err
		}
		return x.update()
	}
	defer os.Remove(file.Name()) // it is gone when all went well
	defer file.Close()
	if err := x.connect(file.Name()); err != nil {
		return err
	}
	if err := x.db.Exec(`PRAGMA journal_mode = off; PRAGMA synchronous = off;` + schema); err != nil {
		return err
	}
	if err := x.update(); err != nil {
		return err
	}
	if err := x.db.Close(); err != nil {
		return err
	}
	x.db = nil
	if err := durable.Move(file.Name(), path); err != nil {
		return err
	}
	return x.goOn(path)
}

// connect opens a file that is there. Its journal gets the file's mode.
func (x *Index) connect(path string) (err error) {
	name := ":memory:"
	if path != "" {
		absolute, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		name = (&url.URL{Scheme: "file", OmitHost: true, Path: absolute, RawQuery: url.Values{"mode": {"rw"}, "modeof": {absolute}}.Encode()}).String()
	}
	if x.db, err = sqlite3.Open(name); err != nil {
		return err
	}
	if _, err := x.db.Config(sqlite3.DBCONFIG_DEFENSIVE, true); err != nil {
		return err
	}
	for _, option := range []sqlite3.DBConfig{
		sqlite3.DBCONFIG_ENABLE_TRIGGER, sqlite3.DBCONFIG_ENABLE_VIEW, sqlite3.DBCONFIG_TRUSTED_SCHEMA,
	} {
		if _, err := x.db.Config(option, false); err != nil {
			return err
		}
	}
	return x.db.Exec(
		`PRAGMA busy_timeout = 60000; PRAGMA temp_store = memory; PRAGMA cache_size = -32000; PRAGMA synchronous = normal`,
	)
}

// version changes whenever the schema does, or what is put into it.
const version = 2

// A call's line is that of its first record, so calls are in the log's order. Of a place only a part is in its columns:
// the line of the intent is the call's. A text that many calls have is kept once, by kind; 0 is none.
const schema = `
PRAGMA user_version = 2;
CREATE TABLE bookmark (begins INTEGER NOT NULL, segment INTEGER NOT NULL, line INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL, hash BLOB NOT NULL);
INSERT INTO bookmark VALUES (-1, 0, 0, 0, 0, zeroblob(32));
CREATE TABLE texts (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, text TEXT NOT NULL, UNIQUE (kind, text));
CREATE TABLE calls (
	line INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, time INTEGER NOT NULL,
	agent INTEGER NOT NULL, user INTEGER NOT NULL, tool INTEGER NOT NULL, purpose INTEGER NOT NULL,
	policy INTEGER NOT NULL, tables INTEGER NOT NULL, ending INTEGER NOT NULL, rows INTEGER NOT NULL,
	intent_segment INTEGER, intent_offset INTEGER, intent_length INTEGER,
	outcome_line INTEGER, outcome_segment INTEGER, outcome_offset INTEGER, outcome_length INTEGER,
	request INTEGER NOT NULL
);`

// Package config reads Deputy's one YAML file.
//
// It is strict, because a policy that was misread is a hole: an unknown key, a key written twice, a value of the wrong
// type, an environment variable that is not set all stop the start, each with the file, the line and the key. What
// needs a database, or belongs to another package (whether a mask is a mask, an agent an agent), is checked there, on
// the same lines.
//
// A value may hold ${NAME}, which becomes the environment variable's content after the YAML is read, so that nothing in
// it can become a key or a list. $${ is a plain ${. The content never appears in an error of this package: it may be a
// secret.
package config

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"

	"deputy/entitlements"
	"deputy/identity"
	"deputy/identity/stops"
	"deputy/internal/durable"
	"deputy/internal/expectation"
)

// maxFile is the size of the largest file that is read, in bytes.
const maxFile = 1 << 20

// Config is the whole file, complete with defaults. Relative paths in it have become relative to the file's folder.
type Config struct {
	Server Server `yaml:"server"` // where Deputy listens
	// whose tokens are believed, and what is known of users beside them
	Identity identity.Config        `yaml:"identity"`
	Agents   []identity.AgentConfig `yaml:"agents"` // who may call at all
	// the databases that are governed, by the names that agents call them
	Platforms map[string]Platform   `yaml:"platforms"`
	Tags      entitlements.Tags     `yaml:"tags"`     // words for tables and columns: a dotted one is below another
	Policies  []entitlements.Policy `yaml:"policies"` // what holds, in sentences; their order means nothing
	Purposes  map[string]string     `yaml:"purposes"` // what a call can be declared to be for: names, and what they mean
	Requests  Requests              `yaml:"requests"` // how more access is asked for, and who decides
	// what you expect of the policies, in sentences: deputy test holds them against the data
	Tests     []expectation.Test `yaml:"tests"`
	Catalog   Catalog            `yaml:"catalog"`   // what of the databases somebody has looked at
	Audit     Audit              `yaml:"audit"`     // where the record of every call is
	Limits    Limits             `yaml:"limits"`    // of one call, and of how many there are at once
	Telemetry Telemetry          `yaml:"telemetry"` // where traces and metrics go; default nowhere

	// Version names the content of the files that this was read from: see version.
	Version string

	file     string
	content  []byte // of the file
	catalog  []byte // of the catalog file; nil: there is none
	baseline Baseline
	written  map[string]place // for Line
}

// Files are what all this was read from, the configuration itself first: when one of them changes, it is another
// configuration. The catalog file is one of them even while it is not there.
func (c *Config) Files() []string { return []string{c.file, c.Catalog.File} }

// StopsFile is where the list of stops is that goes with the configuration, whether there is one or not.
func (c *Config) StopsFile() string { return StopsFile(c.file) }

// StopsFile is where the list of stops is that goes with the configuration at a path. Nothing in the configuration can
// say another place: it is found whatever the configuration is like.
func StopsFile(path string) string { return filepath.Join(filepath.Dir(path), stops.File) }

// Baseline is what the catalog file holds; nil: there is none.
func (c *Config) Baseline() Baseline { return c.baseline }

// Accepted is what somebody has looked at of a platform; nil: there is no catalog file.
func (c *Config) Accepted(platform string) entitlements.Accepted {
	if c.baseline == nil {
		return nil
	}
	if accepted := c.baseline[platform]; accepted != nil {
		return accepted
	}
	return entitlements.Accepted{}
}

// Unseen reports whether the catalog file does not name the platform, so that what it has when it is first seen counts
// as accepted.
func (c *Config) Unseen(platform string) bool {
	_, listed := c.baseline[platform]
	return !listed
}

// Accept makes a baseline the one that holds, as if the catalog file had been read with it.
func (c *Config) Accept(b Baseline) {
	c.baseline, c.Version = b, version(c.content, []byte(b.text()))
}

// After takes platforms that the catalog file named in the configuration before, and does not name now, for such as
// have nothing accepted: they are not seen for the first time.
func (c *Config) After(before *Config) {
	b := Baseline{}
	maps.Copy(b, c.baseline)
	for platform := range before.baseline {
		if _, configured := c.Platforms[platform]; configured && c.Unseen(platform) {
			b[platform] = entitlements.Accepted{}
		}
	}
	if len(b) > len(c.baseline) {
		c.Accept(b)
	}
}

// CanKeepCatalog reports whether the catalog file could be written.
func (c *Config) CanKeepCatalog() bool { return durable.MayWrite(filepath.Dir(c.Catalog.File)) }

// KeepCatalog writes the baseline into the catalog file, unless that is another one by now than was read: the error is
// fs.ErrExist then. A new file belongs to the owner of the configuration.
func (c *Config) KeepCatalog() error {
	put := durable.Create
	if c.catalog != nil {
		if now, err := read(c.Catalog.File, maxBaseline); err != nil || !bytes.Equal(now, c.catalog) {
			return fs.ErrExist
		}
		put = durable.Replace
	}
	err := put(c.Catalog.File, c.file, []byte(c.baseline.text()))
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return &Error{
			Problems: []Problem{
				c.Problem("catalog.file", "%v: without it, a column that appears in a database later could not be told from "+
					"those that are there now; name a file that can be written, or make this one with deputy catalog accept", err),
			},
		}
	}
	return err
}

// version is the first 16 hex digits of the SHA-256 of the files' content, in the order of Files: with one file, what
// sha256sum prints of it. Variables are not in it: they cannot change while a process runs.
func version(contents ...[]byte) string {
	sum := sha256.Sum256(slices.Concat(contents...))
	return hex.EncodeToString(sum[:8])
}

// Line is the line of a key, such as policies[2].mask[0], or of the nearest around it that is there; 0: none is.
func (c *Config) Line(key string) int { return nearest(c.written, key).line }

// Problem is what turned out to be wrong at a key only after the file was read.
func (c *Config) Problem(key, format string, args ...any) Problem {
	return Problem{c.file, c.Line(key), key, fmt.Sprintf(format, args...)}
}

// Located puts into an error of package identity where in the file it is. Other errors stay as they are.
func (c *Config) Located(err error) error {
	var wrong *identity.ConfigError
	if !errors.As(err, &wrong) {
		return err
	}
	located := &Error{}
	for _, p := range wrong.Problems {
		located.Problems = append(located.Problems, c.Problem(p.Key, "%s", p.Message))
	}
	return located
}

// Load reads the configuration at path. What is wrong with its content comes as an *Error, all of it at once: first all
// that is wrong with the form, then, once the form is right, all that is wrong with the meaning. Give it os.LookupEnv.
func Load(path string, getenv func(string) (string, bool)) (*Config, error) {
	data, err := read(path, maxFile)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return parse(path, data, getenv)
}

func read(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%s is larger than %d bytes", path, most)
	}
	return data, err
}

func parse(path string, data []byte, getenv func(string) (string, bool)) (*Config, error) {
	problems := &problems{file: path}
	root := loadTree(data, problems)
	if root == nil {
		return nil, problems.err()
	}
	d := &decoder{problems: problems, getenv: getenv, written: map[string]place{}}
	c := defaults()
	d.decode(root, c)
	if err := problems.err(); err != nil {
		return nil, err
	}
	c.file, c.written = path, d.written
	c.complete(filepath.Dir(path))
	c.check(&checker{problems, d.written}, asWritten(root))
	c.content = data
	c.baseline, c.catalog = readBaseline(c.Catalog.File, problems)
	c.Version = version(data, c.catalog)
	if err := problems.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// asWritten is the file with its variables unreplaced. Where one stands for a number there is none.
func asWritten(root *yaml.Node) *Config {
	d := &decoder{
		problems: &problems{}, written: map[string]place{},
		getenv: func(name string) (string, bool) { return "${" + name + "}", true },
	}
	c := defaults()
	d.decode(root, c)
	return c
}

const (
	day          = 24 * time.Hour
	defaultState = "deputy-state.db"

	defaultCatalog = "deputy-catalog.json"
)

func defaults() *Config {
	return &Config{
		Server:  Server{Listen: "127.0.0.1:8080", LogLevel: "info"},
		Catalog: Catalog{File: defaultCatalog},
		Requests: Requests{
			State:    State{File: defaultState},
			Pending:  Age(14 * day),
			Again:    Age(day),
			Expiring: Age(time.Hour),
		},
		Audit: Audit{
			File:        "deputy-audit.jsonl",
			Rotate:      64 << 20,
			SQL:         "full",
			Checkpoints: Checkpoints{Every: time.Minute},
		},
		Limits: Limits{
			MaxRows: 1000, MaxBytes: 4 << 20, Timeout: 30 * time.Second, Concurrency: 32, AtOnce: 512, Connections: 4096,
			PerCaller: Portion{PerMinute: 60_000, AtOnce: 128}, PerAddress: Portion{PerMinute: 120_000, AtOnce: 256},
		},
		Telemetry: Telemetry{Readers: ThisMachine, OTLP: OTLP{Sample: 1}},
	}
}

// complete fills in what follows from the rest.
func (c *Config) complete(folder string) {
	c.Server.TLS.Certificate = under(folder, c.Server.TLS.Certificate)
	c.Server.TLS.Key = under(folder, c.Server.TLS.Key)
	c.Requests.State.File = under(folder, c.Requests.State.File)
	if c.Requests.State.DSN != "" && c.Requests.State.File == under(folder, defaultState) {
		c.Requests.State.File = ""
	}
	c.Audit.File = under(folder, c.Audit.File)
	c.Catalog.File = catalogFile(folder, c.Catalog.File, c.Audit.File)
	c.Audit.Key = under(folder, c.Audit.Key)
	if c.Audit.Key == "" && c.Audit.File != "" {
		c.Audit.Key = c.Audit.File + ".key"
	}
	c.Audit.Checkpoints.File = under(folder, c.Audit.Checkpoints.File)
	for i := range c.Audit.Sinks {
		c.Audit.Sinks[i].complete()
	}
	for name, p := range c.Platforms {
		if p.Engine == SQLite && p.Schema == "" {
			p.Schema = "data"
		}
		p.Path = under(folder, p.Path)
		c.Platforms[name] = p
	}
}

// catalogFile is beside the configuration. Where the default is meant, is not there and cannot be made there, it is
// beside the audit log, which the server writes in any case.
func catalogFile(folder, name, audit string) string {
	beside := under(folder, name)
	if name != defaultCatalog || audit == "" || durable.MayWrite(folder) {
		return beside
	}
	if _, err := os.Lstat(beside); err == nil {
		return beside
	}
	return filepath.Join(filepath.Dir(audit), name)
}

func (s *Sink) complete() {
	s.Format = cmp.Or(s.Format, "native")
	s.Queue = cmp.Or(s.Queue, 10_000)
}

func under(folder, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(folder, path)
}

// On is the section for another address: what serve --listen asks for.
func (s Server) On(listen string) (Server, error) {
	if s.PublicURL == s.defaultURL() {
		s.PublicURL = ""
	}
	s.Listen = listen
	p := &problems{file: "--listen " + listen}
	s.check(&checker{problems: p})
	if err := p.err(); err != nil {
		return Server{}, err
	}
	return s, nil
}

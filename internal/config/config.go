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

	"deputy/entitlements"
	"deputy/identity"
	"deputy/identity/stops"
	"deputy/internal/config/form"
	"deputy/internal/durable"
	"deputy/internal/expectation"
)

// maxFile is the size of the largest file that is read, in bytes.
const maxFile = 1 << 20

// Config is the whole file, complete with defaults; package form says what each key means. Relative paths in it have
// become relative to the file's folder.
type Config struct {
	Server    Server
	Identity  identity.Config
	Agents    []identity.AgentConfig
	Platforms map[string]Platform
	Tags      entitlements.Tags
	Policies  []entitlements.Policy
	Purposes  map[string]string
	Queries   map[string]Query
	Requests  Requests
	Tests     []expectation.Test
	Catalog   Catalog
	Audit     Audit
	Limits    Limits
	Telemetry Telemetry

	// Version names the content of the files that this was read from: see version.
	Version string

	file     string
	content  []byte // of the file
	catalog  []byte // of the catalog file; nil: there is none
	baseline Baseline
	registry *identity.Registry // of Agents
	written  form.Places

	stateHidden bool // see StateHidden
}

// Files are what all this was read from, the configuration itself first: when one of them changes, it is another
// configuration. The catalog file is one of them even while it is not there.
func (c *Config) Files() []string { return []string{c.file, c.Catalog.File} }

// Registry knows the agents of the configuration as it was loaded.
func (c *Config) Registry() *identity.Registry { return c.registry }

// Register puts agents in the place of those that the configuration had.
func (c *Config) Register(agents []identity.AgentConfig) (err error) {
	c.Agents = agents
	c.registry, err = identity.NewRegistry(agents)
	return err
}

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

type (
	// Problem is one thing that is wrong with the file.
	Problem = form.Problem
	// Error is all that is wrong with a configuration, in the order of its lines.
	Error = form.Error
)

// version is the first 16 hex digits of the SHA-256 of the files' content, in the order of Files: with one file, what
// sha256sum prints of it. Variables are not in it: they cannot change while a process runs.
func version(contents ...[]byte) string {
	sum := sha256.Sum256(slices.Concat(contents...))
	return hex.EncodeToString(sum[:8])
}

// Line is the line of a key, such as policies[2].mask[0], or of the nearest around it that is there; 0: none is.
func (c *Config) Line(key string) int { return c.written.Line(key) }

// Problem is what turned out to be wrong at a key only after the file was read.
func (c *Config) Problem(key, format string, args ...any) Problem {
	return Problem{File: c.file, Line: c.Line(key), Key: key, Message: fmt.Sprintf(format, args...)}
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
	d, c := form.Read(path, data, getenv), &Config{}
	if err := d.Decode(c); err != nil {
		return nil, err
	}
	c.file, c.written, c.content = path, d.Places, data
	c.complete(filepath.Dir(path))
	d.Judge()
	c.check(d)
	c.baseline, c.catalog = readBaseline(c.Catalog.File, d)
	c.Version = version(data, c.catalog)
	if err := d.Err(); err != nil {
		return nil, err
	}
	return c, nil
}

// complete fills in what follows from the rest.
func (c *Config) complete(folder string) {
	c.Server.TLS.Certificate = under(folder, c.Server.TLS.Certificate)
	c.Server.TLS.Key = under(folder, c.Server.TLS.Key)
	c.Requests.State.File = under(folder, c.Requests.State.File)
	if c.Requests.State.DSN != "" && c.Requests.State.File == under(folder, form.StateFile) {
		c.Requests.State.File = ""
	}
	c.Audit.File = under(folder, c.Audit.File)
	c.Catalog.File = catalogFile(folder, c.Catalog.File, c.Audit.File)
	c.Audit.Key = under(folder, c.Audit.Key)
	if c.Audit.Key == "" && c.Audit.File != "" {
		c.Audit.Key = c.Audit.File + ".key"
	}
	c.Audit.Checkpoints.File = under(folder, c.Audit.Checkpoints.File)
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
	if name != form.CatalogFile || audit == "" || durable.MayWrite(folder) {
		return beside
	}
	if _, err := os.Lstat(beside); err == nil {
		return beside
	}
	return filepath.Join(filepath.Dir(audit), name)
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
	d := form.NewDocument("--listen " + listen)
	s.check(d)
	if err := d.Err(); err != nil {
		return Server{}, err
	}
	return s, nil
}

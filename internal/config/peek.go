package config

import (
	"bytes"
	"fmt"
	"path/filepath"
	"regexp"

	"deputy/internal/config/form"
)

// Peek reads what can be read of a configuration, for commands that must work whatever it is like. What is wrong with
// it is left out, and with it a part of what is right. Where the file is no YAML, only its section server is looked
// for, and its section requests by itself.
//
// An error says that where servers listen is not known for sure; then there may be no configuration at all.
func Peek(path string, getenv func(string) (string, bool)) (*Config, error) {
	data, err := read(path, maxFile)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	d, c := form.Read(path, data, getenv), &Config{}
	broken := d.Empty()
	if broken {
		if d.Retry(section(data, "server:")); d.Empty() {
			return nil, d.Err()
		}
	}
	_ = d.Decode(c) // what matters of it is kept below
	c.file, c.written = path, d.Places
	c.stateHidden = d.Wrote("requests.state.dsn") && c.Requests.State.DSN == ""
	if broken {
		c.peekState(section(data, "requests:"), getenv)
	}
	c.complete(filepath.Dir(path))
	c.Server.check(d)
	d.Keep(addresses.MatchString)
	return c, d.Err()
}

// peekState reads the section requests of a file of which not every section can be read.
func (c *Config) peekState(text []byte, getenv func(string) (string, bool)) {
	alone := &Config{}
	d := form.Read(c.file, text, getenv)
	if d.Empty() {
		c.stateHidden = bytes.Contains(text, []byte("dsn"))
		return
	}
	_ = d.Decode(alone) // what matters of it is looked at below
	c.Requests.State = alone.Requests.State
	c.stateHidden = d.Wrote("requests.state.dsn") && c.Requests.State.DSN == ""
}

// StateHidden reports whether the configuration may say that servers share a state, and it is not known here which one:
// its section is no YAML, or a variable in the dsn is not set for who runs the command.
func (c *Config) StateHidden() bool { return c.stateHidden }

// addresses are the keys that say where servers are.
var addresses = regexp.MustCompile(`^server($|\.listen|\.replicas|\.tls)`)

// section is the text of a section, from the line that it begins with up to the next key at the top.
func section(data []byte, begin string) (text []byte) {
	inside := false
	for line := range bytes.Lines(data) {
		if first := line[0]; first != ' ' && first != '#' && first != '\n' && first != '\r' {
			inside = bytes.HasPrefix(line, []byte(begin))
		}
		if inside {
			text = append(text, line...)
		}
	}
	return text
}

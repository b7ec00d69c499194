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
// for.
//
// An error says that where servers listen is not known for sure; then there may be no configuration at all.
func Peek(path string, getenv func(string) (string, bool)) (*Config, error) {
	data, err := read(path, maxFile)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	d, c := form.Read(path, data, getenv), &Config{}
	if d.Empty() {
		if d.Retry(serverSection(data)); d.Empty() {
			return nil, d.Err()
		}
	}
	_ = d.Decode(c) // what matters of it is kept below
	c.file, c.written = path, d.Places
	c.complete(filepath.Dir(path))
	c.Server.check(d)
	d.Keep(addresses.MatchString)
	return c, d.Err()
}

// addresses are the keys that say where servers are.
var addresses = regexp.MustCompile(`^server($|\.listen|\.replicas|\.tls)`)

// serverSection is the text of the section server, up to the next key at the top.
func serverSection(data []byte) (section []byte) {
	inside := false
	for line := range bytes.Lines(data) {
		if first := line[0]; first != ' ' && first != '#' && first != '\n' && first != '\r' {
			inside = bytes.HasPrefix(line, []byte("server:"))
		}
		if inside {
			section = append(section, line...)
		}
	}
	return section
}

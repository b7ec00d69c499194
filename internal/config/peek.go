package config

import (
	"bytes"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v4"
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
	p := &problems{file: path}
	root := loadTree(data, p)
	if root == nil {
		p.list = nil
		if root = loadTree(serverSection(data), p); root == nil {
			return nil, p.err()
		}
	}
	d := &decoder{problems: p, getenv: getenv, written: map[string]place{}}
	c := defaults()
	if root.Kind == yaml.MappingNode {
		d.decode(root, c)
	}
	c.file, c.written = path, d.written
	c.complete(filepath.Dir(path))
	c.Server.check(&checker{p, d.written})
	p.list = slices.DeleteFunc(p.list, func(q Problem) bool { return !addresses.MatchString(q.Key) })
	return c, p.err()
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

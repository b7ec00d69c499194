package stops

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"deputy/internal/strictjson"
)

// version is that of the format. A list of another one is not understood, and so stops everything.
const version = 1

// none is the hash where there is no list.
const none = "none"

// content is the list as it stands in the file. A half of it is never a list: it is one JSON object.
type content struct {
	Version int `json:"version"`
	// random, and another one whenever the list is written: it keeps the hash from telling who is on it
	Serial string `json:"serial"`
	Stops  []Stop `json:"stops"`
}

// hash names the content of a list, for servers to say which one they have.
func hash(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

func encode(all []Stop) []byte {
	var random [16]byte
	rand.Read(random[:]) // never fails: see crypto/rand
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if all == nil {
		all = []Stop{}
	}
	_ = encoder.Encode(content{version, hex.EncodeToString(random[:]), all}) // texts and times only
	return out.Bytes()
}

// parse reads a list strictly: what is not understood could be a stop.
func parse(text []byte) ([]Stop, error) {
	var c content
	if err := members(text, map[string]any{"version": &c.Version, "serial": &c.Serial, "stops": nil}); err != nil {
		return nil, err
	}
	if c.Version != version {
		return nil, fmt.Errorf("its version is %d and not %d", c.Version, version)
	}
	var entries struct {
		Stops []json.RawMessage `json:"stops"`
	}
	if err := json.Unmarshal(text, &entries); err != nil || entries.Stops == nil {
		return nil, errors.New("stops is no list")
	}
	all := []Stop{}
	for i, entry := range entries.Stops {
		s, err := Decode(entry)
		if err != nil {
			return nil, fmt.Errorf("stops[%d]: %w", i, err)
		}
		all = append(all, s)
	}
	return all, nil
}

// members reads an object that has no other members than these. A nil target is read by the caller.
func members(text []byte, into map[string]any) error {
	object, err := strictjson.Object(text)
	if err != nil {
		return err
	}
	for name, value := range object {
		to, known := into[name]
		switch {
		case !known:
			return fmt.Errorf("%.50q is not known", name)
		case to != nil && (bytes.Equal(value, []byte("null")) || json.Unmarshal(value, to) != nil):
			return fmt.Errorf("%s has a value of another type", name)
		}
	}
	return nil
}

// with is the list with an entry, unless it has one that is about the same.
func with(all []Stop, s Stop) []Stop {
	if slices.ContainsFunc(all, func(old Stop) bool {
		return s.Agent == old.Agent && s.User == old.User &&
			s.Issuer == old.Issuer
	}) {
		return all
	}
	return append(slices.Clip(all), s)
}

// without is the list without the entries that are about a party.
func without(all []Stop, s Stop) []Stop {
	return slices.DeleteFunc(slices.Clone(all), s.Names)
}

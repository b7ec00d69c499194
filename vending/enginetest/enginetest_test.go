package enginetest

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

func TestAttacksAreManyAndDistinct(t *testing.T) {
	names := map[string]bool{}
	for _, a := range Attacks() {
		name := a.Family + "/" + a.Name
		if names[name] || a.SQL == "" {
			t.Errorf("the attack %s is there twice, or empty", name)
		}
		names[name] = true
		if secret, found := revealed(a.SQL); found {
			t.Errorf(
				"the attack %s has the secret %q in its own text, so an error that repeats the text looks like a leak",
				name,
				secret,
			)
		}
	}
	if len(names) < 60 {
		t.Errorf("there are only %d attacks", len(names))
	}
}

func TestSecretsAreRecognised(t *testing.T) {
	for _, text := range []string{"Abernathy", "xABERNATHYx", "yhtanrebA", hex.EncodeToString([]byte("Okonkwo")), "731942.00", "leaked", "QWJlcm5hdGh5"} {
		if _, found := revealed(text); !found {
			t.Errorf("%q passes for harmless", text)
		}
	}
	for _, text := range []string{"REDACTED", "US-EAST 89.00", notThereInAnySeed} {
		if secret, found := revealed(text); found {
			t.Errorf("%q is taken for %q", text, secret)
		}
	}
}

const notThereInAnySeed = "the statement names a table that is not there"

func ExampleSeed() {
	for _, statement := range Seed("sales.") {
		if strings.Contains(statement, "regions") {
			fmt.Println(statement)
		}
	}
	// Output:
	// CREATE TABLE sales.regions (region text, country text)
	// INSERT INTO sales.regions VALUES ('US-EAST', 'United States'), ('US-WEST', 'United States'), ('EU-NORTH', 'Norway')
}

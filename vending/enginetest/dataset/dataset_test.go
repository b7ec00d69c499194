package dataset_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"deputy/vending/enginetest/dataset"
)

func TestSecretsAreRecognised(t *testing.T) {
	for _, text := range []string{"Abernathy", "xABERNATHYx", "yhtanrebA", hex.EncodeToString([]byte("Okonkwo")), "731942.00", "leaked", "QWJlcm5hdGh5"} {
		if _, found := dataset.Revealed(text); !found {
			t.Errorf("%q passes for harmless", text)
		}
	}
	for _, text := range []string{"REDACTED", "US-EAST 89.00", notThereInAnySeed} {
		if secret, found := dataset.Revealed(text); found {
			t.Errorf("%q is taken for %q", text, secret)
		}
	}
}

const notThereInAnySeed = "the statement names a table that is not there"

func ExampleStatements() {
	for _, statement := range dataset.Statements("sales.") {
		if strings.Contains(statement, "regions") {
			fmt.Println(statement)
		}
	}
	// Output:
	// CREATE TABLE sales.regions (region text, country text)
	// INSERT INTO sales.regions VALUES ('US-EAST', 'United States'), ('US-WEST', 'United States'), ('EU-NORTH', 'Norway')
}

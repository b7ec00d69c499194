package field

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"deputy/internal/testkit/throwaway"
)

// How psql separates what it prints. No value of the worlds has these characters.
const (
	null      = "\x01"
	separator = "\x1f"
	endOfRow  = "\x1e"
)

// psql asks the database as its superuser, with the schemas and those that extensions lie in on the path. A cell that
// is NULL is null.
func psql(database, path, sql string) ([][]string, error) {
	settings := "SET DateStyle = ISO; SET bytea_output = hex"
	if path != "" {
		settings += "; SET search_path = " + path
	}
	command := exec.Command(
		"psql",
		"-X",
		"-q",
		"-A",
		"-t",
		"-F",
		separator,
		"-R",
		endOfRow,
		"-P",
		"null="+null,
		"-v",
		"ON_ERROR_STOP=1",
		"-h",
		cluster.Cluster().Dir,
		"-U",
		throwaway.Superuser,
		"-d",
		database,
		"-c",
		settings,
		"-c",
		sql,
	)
	var said strings.Builder
	command.Stderr = &said
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("psql: %w: %s", err, said.String())
	}
	if len(out) == 0 {
		return [][]string{}, nil
	}
	var rows [][]string
	for text := range strings.SplitSeq(strings.TrimSuffix(string(out), "\n"), endOfRow) {
		rows = append(rows, strings.Split(text, separator))
	}
	return rows, nil
}

// load runs a script as the superuser.
func load(database, script string) error {
	command := exec.Command("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1",
		"-h", cluster.Cluster().Dir, "-U", throwaway.Superuser, "-d", database)
	command.Env = append(os.Environ(), "PGOPTIONS=-c client_min_messages=error")
	command.Stdin = strings.NewReader(script)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("loading %s: %w: %s", database, err, out)
	}
	return nil
}

// differ says how Deputy's rows differ from psql's; it is empty if they are the same. Rows without an order may come in
// any order.
func differ(want [][]string, got [][]any, ordered bool) string {
	shown := make([][]string, len(got))
	for i, row := range got {
		for j, cell := range row {
			like := null
			if i < len(want) && j < len(want[i]) {
				like = want[i][j]
			}
			shown[i] = append(shown[i], text(cell, like))
		}
	}
	if !ordered {
		want = slices.Clone(want)
		slices.SortFunc(want, slices.Compare)
		slices.SortFunc(shown, slices.Compare)
	}
	if slices.EqualFunc(want, shown, slices.Equal) {
		return ""
	}
	return fmt.Sprintf("psql gives %q, Deputy %q", want, shown)
}

// temporal is how Deputy writes a timestamp or a time of day with a zone.
var temporal = regexp.MustCompile(`^(?:(-?\d+-\d\d-\d\d)T)?(\d\d:\d\d:\d\d(?:\.\d+)?)(Z|[+-]\d\d(?::\d\d){0,2})?$`)

// text is a cell as psql prints it with DateStyle ISO. like is psql's, for floating-point numbers, of which there are
// many spellings.
func text(cell any, like string) string {
	switch v := cell.(type) {
	case nil:
		return null
	case bool:
		return map[bool]string{true: "t", false: "f"}[v]
	case float64:
		if same, err := strconv.ParseFloat(like, 64); err == nil && same == v {
			return like
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	case string:
		if m := temporal.FindStringSubmatch(v); m != nil && v != like {
			zone := strings.Replace(m[3], "Z", "+00", 1)
			return strings.TrimPrefix(m[1]+" "+m[2]+strings.TrimSuffix(zone, ":00"), " ")
		}
		return v
	}
	encoded, _ := json.Marshal(cell)
	return string(encoded)
}

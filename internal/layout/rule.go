package layout

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

const module = "deputy"

// covers reports whether a row's folder, with or without "/..." at its end, is the folder or one above it.
func covers(row, folder string) bool {
	above, below := strings.CutSuffix(row, "/...")
	return folder == above || below && strings.HasPrefix(folder, above+"/")
}

// roomOf is the most exact row of a folder; nil: there is none.
func roomOf(rooms []Room, folder string) (found *Room) {
	for i := range rooms {
		if covers(rooms[i].Folder, folder) && (found == nil || len(found.Folder) < len(rooms[i].Folder) ||
			rooms[i].Folder == folder) {
			found = &rooms[i]
		}
		if rooms[i].Folder == folder {
			return found
		}
	}
	return found
}

// allows reports whether the room may import a package of the module.
func (r *Room) allows(folder string) bool {
	return strings.HasSuffix(r.Folder, "/...") && covers(r.Folder, folder) ||
		slices.ContainsFunc(r.May, func(may string) bool { return covers(may, folder) })
}

// Against says what of a package's imports the table does not give.
func against(rooms []Room, libraries []Library, folder string, imports []string) (found []string) {
	room := roomOf(rooms, folder)
	if room == nil {
		return []string{folder + " has no row in the table of internal/layout"}
	}
	for _, imported := range imports {
		if other, ours := strings.CutPrefix(imported, module+"/"); ours && !room.allows(other) {
			found = append(found, fmt.Sprintf("%s may not import %s", folder, other))
		}
		for _, l := range libraries {
			if strings.HasPrefix(imported, l.Path) &&
				!slices.ContainsFunc(l.Only, func(only string) bool { return covers(only, folder) }) {
				found = append(found, fmt.Sprintf("%s may not import %s: %s", folder, imported, l.Why))
			}
		}
	}
	return found
}

// upward says which rows name a room that does not stand before them.
func upward(rooms []Room) (found []string) {
	for i, room := range rooms {
		for _, may := range room.May {
			before := slices.ContainsFunc(rooms[:i], func(r Room) bool { return covers(may, r.Folder) || r.Folder == may })
			after := slices.ContainsFunc(rooms[i+1:], func(r Room) bool {
				return covers(may, strings.TrimSuffix(r.Folder, "/...")) && r.Folder != room.Folder
			})
			if !before || after {
				found = append(found, fmt.Sprintf("%s names %s, which does not stand before it", room.Folder, may))
			}
		}
	}
	return found
}

// depguard renders the rules as .golangci.yml has them.
func depguard(rooms []Room, libraries []Library) string {
	var b strings.Builder
	for _, room := range rooms {
		fmt.Fprintf(&b, "        %s:\n          list-mode: lax\n          files:\n", ruleName(room.Folder))
		fmt.Fprintf(&b, "            - \"!$test\"\n")
		for _, glob := range globs(room.Folder) {
			fmt.Fprintf(&b, "            - \"%s\"\n", glob)
		}
		for _, other := range rooms {
			if other.Folder != room.Folder && covers(room.Folder, strings.TrimSuffix(other.Folder, "/...")) {
				for _, glob := range globs(other.Folder) {
					fmt.Fprintf(&b, "            - \"!%s\"\n", glob)
				}
			}
		}
		fmt.Fprintf(&b, "          deny:\n            - pkg: %s\n", module)
		fmt.Fprintf(&b, "              desc: the table of internal/layout does not give it to %s\n", room.Folder)
		var allow []string
		for _, may := range room.May {
			allow = append(allow, allowed(may)...)
		}
		if strings.HasSuffix(room.Folder, "/...") {
			allow = append(allow, allowed(room.Folder)...)
		}
		if len(allow) > 0 {
			fmt.Fprintf(&b, "          allow:\n")
		}
		for _, pkg := range allow {
			fmt.Fprintf(&b, "            - %s\n", pkg)
		}
	}
	for _, l := range libraries {
		fmt.Fprintf(&b, "        %s:\n          list-mode: lax\n          files:\n", path.Base(l.Path))
		fmt.Fprintf(&b, "            - $all\n            - \"!$test\"\n")
		for _, only := range l.Only {
			for _, glob := range globs(only) {
				fmt.Fprintf(&b, "            - \"!%s\"\n", glob)
			}
		}
		fmt.Fprintf(&b, "          deny:\n            - pkg: %s\n              desc: %s\n", l.Path, l.Why)
	}
	return b.String()
}

// ruleName is a row's folder without what YAML or depguard would read.
func ruleName(folder string) string {
	return strings.ReplaceAll(strings.TrimSuffix(folder, "/..."), "/", "-")
}

// globs are the files of a row.
func globs(folder string) []string {
	above, below := strings.CutSuffix(folder, "/...")
	all := []string{"**/" + above + "/*.go"}
	if below {
		all = append(all, "**/"+above+"/**/*.go")
	}
	return all
}

// allowed are depguard's patterns of what a row may import: exact ones end in a dollar sign.
func allowed(may string) []string {
	above, below := strings.CutSuffix(may, "/...")
	all := []string{module + "/" + above + "$"}
	if below {
		all = append(all, module+"/"+above+"/")
	}
	return all
}

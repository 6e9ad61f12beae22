package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestImports: rooms know only those that stand below them, in their tests too. Their
// other imports of this module are public packages, which the compiler holds.
func TestImports(t *testing.T) {
	const here = "example.com/sysvipc/cmd/ipcdemo/internal/"
	may := map[string][]string{
		".":                 {"bench", "counting", "inspect", "messages", "term"},
		"internal/bench":    {"children", "term"},
		"internal/counting": {"children", "term"},
		"internal/inspect":  {"term"},
		"internal/messages": {"children", "term"},
		"internal/children": {"term"},
		"internal/term":     {},
	}
	found := make(map[string][]string)
	filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		room := filepath.ToSlash(filepath.Dir(path))
		found[room] = append(found[room], "")
		for _, spec := range file.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			other, inside := strings.CutPrefix(imported, here)
			if !inside {
				continue
			}
			found[room] = append(found[room], other)
			if !slices.Contains(may[room], other) {
				t.Errorf("%s imports %s", path, other)
			}
		}
		return nil
	})
	for room, others := range may {
		for _, other := range others {
			if !slices.Contains(found[room], other) {
				t.Errorf("%s does not import %s", room, other)
			}
		}
	}
	for room := range found {
		if may[room] == nil {
			t.Errorf("%s is no room that this test knows", room)
		}
	}
}

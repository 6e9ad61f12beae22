package sysv_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestDependencies: whoever imports the library links golang.org/x/sys and no
// other module.
func TestDependencies(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("skipping, no go command: put it into the PATH")
	}
	cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	modules := strings.Fields(string(out))
	slices.Sort(modules)
	want := []string{"example.com/sysvipc", "golang.org/x/sys"}
	if got := slices.Compact(modules); !slices.Equal(got, want) {
		t.Errorf("the library links %v, want %v", got, want)
	}
}

// TestReadmeExamples: the examples in README.md are those that the compiler and the
// tests see, in readme_test.go. The whole program is tested beside the guides.
func TestReadmeExamples(t *testing.T) {
	blocks := strings.Split(read(t, "../README.md"), "```go\n")[1:]
	examples := strings.ReplaceAll(read(t, "readme_test.go"), "\n\t", "\n")
	shown := 0
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "```")
		if strings.HasPrefix(block, "package main\n") {
			continue
		}
		shown++
		if !strings.Contains(examples, "\n"+block) {
			t.Errorf("README.md shows\n%s\nwhich is no example of readme_test.go", block)
		}
		if n := strings.Count(block, "\n"); n > 15 {
			t.Errorf("an example has %d lines, more than 15:\n%s", n, block)
		}
	}
	if shown != 3 {
		t.Errorf("README.md shows %d examples, want a lock, a ring and a segment", shown)
	}
}

// TestDocumented: everything exported has a documentation comment, but for
// constants and fields whose group or neighbour on the line has one.
func TestDocumented(t *testing.T) {
	filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			t.Fatal(err)
		}
		if d.IsDir() && (d.Name() == "internal" || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range undocumented(file) {
				t.Errorf("%s: %s has no documentation comment", path, name)
			}
		}
		return nil
	})
}

func undocumented(file *ast.File) (names []string) {
	report := func(name *ast.Ident, docs ...*ast.CommentGroup) {
		documented := slices.ContainsFunc(docs, func(d *ast.CommentGroup) bool { return d.Text() != "" })
		if name.IsExported() && !documented {
			names = append(names, name.Name)
		}
	}
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			if decl.Recv == nil || ast.IsExported(receiver(decl)) {
				report(decl.Name, decl.Doc)
			}
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					report(spec.Name, decl.Doc, spec.Doc)
					if s, ok := spec.Type.(*ast.StructType); ok && spec.Name.IsExported() {
						undocumentedFields(s, report)
					}
				case *ast.ValueSpec:
					report(spec.Names[0], decl.Doc, spec.Doc, spec.Comment)
				}
			}
		}
	}
	return names
}

// undocumentedFields takes a comment to speak for all fields up to the next one.
func undocumentedFields(s *ast.StructType, report func(*ast.Ident, ...*ast.CommentGroup)) {
	var above *ast.CommentGroup
	for _, f := range s.Fields.List {
		if f.Doc != nil {
			above = f.Doc
		}
		for _, name := range f.Names {
			report(name, above, f.Comment)
		}
	}
}

func receiver(f *ast.FuncDecl) string {
	t := f.Recv.List[0].Type
	if p, ok := t.(*ast.StarExpr); ok {
		t = p.X
	}
	if i, ok := t.(*ast.Ident); ok {
		return i.Name
	}
	return ""
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

package api_test

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/build"
	"go/doc"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	root   = "../../../.." // of the module
	golden = root + "/testdata/api.txt"
)

// public are the packages that others import, from the bottom up.
var public = []string{"sysv", "sysv/shm", "sysv/sem", "sysv/msg", "sysv/event", "sysv/lock", "sysv/ring", "sysv/sysvtest"}

var update = flag.Bool("update", false, "write what there is to "+golden)

// What importers see changes on purpose, or not at all.
func TestExportedAPI(t *testing.T) {
	var b bytes.Buffer
	for _, dir := range public {
		render(t, &b, dir)
	}
	if *update {
		if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("the exported API has changed; if it is to, go test ./sysv/internal/test/api -update, and say so in CHANGELOG.md (-was +is)\n%s", diff)
	}
}

// Every package that can be imported is one of public.
func TestNoOtherPackageIsExported(t *testing.T) {
	var found []string
	err := filepath.WalkDir(root+"/sysv", func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && (e.Name() == "internal" || e.Name() == "testdata") {
			return filepath.SkipDir
		}
		if files, _ := filepath.Glob(filepath.Join(path, "*.go")); e.IsDir() && len(files) > 0 {
			dir, err := filepath.Rel(root, path)
			found = append(found, filepath.ToSlash(dir))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Sorted(slices.Values(public))
	if diff := cmp.Diff(want, slices.Sorted(slices.Values(found))); diff != "" {
		t.Errorf("-listed +found\n%s", diff)
	}
}

// render writes the declarations of a package, without comments and bodies, in the order
// of their names: as they are on linux/amd64, which is how they are everywhere.
func render(t *testing.T, b *bytes.Buffer, dir string) {
	t.Helper()
	linux := build.Default
	linux.GOOS, linux.GOARCH, linux.CgoEnabled, linux.BuildTags = "linux", "amd64", false, nil
	p, err := linux.ImportDir(filepath.Join(root, dir), 0)
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	d, err := doc.NewFromFiles(fset, files, dir)
	if err != nil {
		t.Fatal(err)
	}
	out := func(node ast.Node) {
		if f, ok := node.(*ast.FuncDecl); ok {
			f.Body = nil
		}
		var text bytes.Buffer
		if err := format.Node(&text, fset, node); err != nil {
			t.Fatal(err)
		}
		// Blank lines stand where fields have comments.
		b.WriteString(strings.ReplaceAll(text.String(), "\n\n", "\n") + "\n")
	}
	values := func(all []*doc.Value) {
		for _, v := range all {
			out(v.Decl)
		}
	}
	funcs := func(all []*doc.Func) {
		for _, f := range all {
			out(f.Decl)
		}
	}
	fmt.Fprintf(b, "== %s\n", dir)
	values(d.Consts)
	values(d.Vars)
	funcs(d.Funcs)
	for _, typ := range d.Types {
		b.WriteString("\n")
		out(typ.Decl)
		values(typ.Consts)
		values(typ.Vars)
		funcs(typ.Funcs)
		funcs(typ.Methods)
	}
	b.WriteString("\n")
}

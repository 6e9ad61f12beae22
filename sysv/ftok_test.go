//go:build linux && !android

package sysv_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"example.com/sysvipc/sysv"
)

// That Ftok agrees with other languages is tested in sysv/internal/test/interop.

func TestFtokFollowsLinks(t *testing.T) {
	dir := t.TempDir()
	file := newFile(t, dir)
	want, err := sysv.Ftok(file, 'x')
	if err != nil {
		t.Fatal(err)
	}
	for name, link := range map[string]func(old, new string) error{
		"symbolic": os.Symlink,
		"hard":     os.Link,
	} {
		path := filepath.Join(dir, name)
		if err := link(file, path); err != nil {
			t.Fatal(err)
		}
		if got, err := sysv.Ftok(path, 'x'); err != nil || got != want {
			t.Errorf("through a %s link: %v, %v, want %v", name, got, err, want)
		}
	}
}

func TestFtokTellsProjectsApart(t *testing.T) {
	file := newFile(t, t.TempDir())
	seen := make(map[sysv.Key]byte)
	for proj := byte(1); proj != 0; proj++ {
		k, err := sysv.Ftok(file, proj)
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[k]; ok {
			t.Fatalf("projects %d and %d both give %v", other, proj, k)
		}
		seen[k] = proj
	}
}

func TestFtokMissingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing")
	k, err := sysv.Ftok(path, 1)
	if !errors.Is(err, fs.ErrNotExist) || k != sysv.Private {
		t.Errorf("Ftok of a missing file = %v, %v, want fs.ErrNotExist", k, err)
	}
	var perr *fs.PathError
	if !errors.As(err, &perr) || perr.Path != path {
		t.Errorf("error %v is no *fs.PathError that names %s", err, path)
	}
}

func newFile(t *testing.T, dir string) string {
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

//go:build linux && !android

package sysv_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"example.com/sysvipc/sysv"
)

// Programs in other languages take their keys from the same files: one bit of
// difference and the two would never meet.
func TestFtokAgreesWithOtherLanguages(t *testing.T) {
	dir := t.TempDir()
	file := newFile(t, dir)
	for _, other := range []struct {
		name string
		ftok func(t *testing.T) []string // a command that prints the key as a signed decimal
	}{
		{"C", ftokInC},
		{"Perl", ftokInPerl},
	} {
		t.Run(other.name, func(t *testing.T) {
			command := other.ftok(t)
			for _, path := range []string{file, dir, "/", "/dev/null"} {
				for _, proj := range []byte{1, 'A', 127, 128, 255} {
					args := append(command[1:], path, fmt.Sprint(proj))
					out, err := exec.Command(command[0], args...).CombinedOutput()
					if err != nil {
						t.Fatalf("%v: %v\n%s", args, err, out)
					}
					want := string(out)
					got, err := sysv.Ftok(path, proj)
					if err != nil || fmt.Sprint(int32(got)) != want {
						t.Errorf("Ftok(%q, %d) = %d, %v, want %s", path, proj, int32(got), err, want)
					}
				}
			}
		})
	}
}

func ftokInC(t *testing.T) []string {
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("skipping, no C compiler: install gcc or clang, as cc")
	}
	const program = `
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
int main(int argc, char **argv) { return printf("%d", ftok(argv[1], atoi(argv[2]))) < 0; }
`
	bin := filepath.Join(t.TempDir(), "ftok")
	build := exec.Command(cc, "-x", "c", "-o", bin, "-")
	build.Stdin = strings.NewReader(program)
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("skipping, cc builds no program (install the C library's headers): %v\n%s", err, out)
	}
	return []string{bin}
}

func ftokInPerl(t *testing.T) []string {
	perl := []string{"perl", "-MIPC::SysV=ftok"}
	if err := exec.Command(perl[0], perl[1], "-e1").Run(); err != nil {
		t.Skipf("skipping, no Perl with IPC::SysV (install perl): %v", err)
	}
	return append(perl, "-e", "print ftok($ARGV[0], 0+$ARGV[1])")
}

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

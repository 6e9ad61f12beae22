//go:build linux && !android

package guides

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sysvtest"
)

func TestMain(m *testing.M) { sysvtest.Main(m) }

const (
	root  = "../../../../"
	peers = root + "testdata/peer/"
)

var bigEndian = binary.NativeEndian.Uint16([]byte{1, 0}) != 1

// check is what guides call in what they show.
func check(err error) {
	if err != nil {
		panic(err)
	}
}

// blocks returns what a guide shows in a language.
func blocks(t testing.TB, guide, language string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(root + guide)
	kit.Must(t, err)
	for _, block := range strings.Split("\n"+string(text), "\n```"+language+"\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		all = append(all, block)
	}
	if len(all) == 0 {
		t.Fatalf("%s shows nothing in %s", guide, language)
	}
	return all
}

// block returns the only one that has a text.
func block(t testing.TB, guide, language, with string) (found string) {
	t.Helper()
	for _, block := range blocks(t, guide, language) {
		if strings.Contains(block, with) {
			if found != "" {
				t.Fatalf("%s shows %q twice", guide, with)
			}
			found = block
		}
	}
	if found == "" {
		t.Fatalf("%s does not show %q in %s", guide, with, language)
	}
	return found
}

// wantGo fails unless all that a guide shows in Go stands in one of these files, or in
// a function of it.
func wantGo(t *testing.T, guide string, files ...string) {
	t.Helper()
	var source []byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		kit.Must(t, err)
		source = append(source, text...)
	}
	for _, block := range blocks(t, guide, "go") {
		inside := strings.ReplaceAll("\n"+block, "\n", "\n\t")
		inside = strings.ReplaceAll(strings.TrimSuffix(inside, "\t"), "\n\t\n", "\n\n")
		if !bytes.Contains(source, []byte("\n"+block)) && !bytes.Contains(source, []byte(inside)) {
			t.Errorf("%s shows\n%s\nwhich is not in %v", guide, block, files)
		}
	}
}

// compiled returns a C program of testdata/peer that includes what a guide shows as
// shown.h.
func compiled(t testing.TB, source, shown string) (program string) {
	t.Helper()
	dir := t.TempDir()
	kit.Must(t, os.WriteFile(filepath.Join(dir, "shown.h"), []byte(shown), 0o600))
	program = filepath.Join(dir, "program")
	cc(t, "-O2", "-Wall", "-Werror", "-I", dir, "-o", program, peers+source)
	return program
}

// cc calls the C compiler.
func cc(t testing.TB, args ...string) {
	t.Helper()
	if _, err := exec.LookPath("cc"); err != nil {
		t.Skip("skipping, no C compiler: apt-get install gcc libc6-dev")
	}
	if out, err := exec.Command("cc", args...).CombinedOutput(); err != nil {
		t.Fatalf("cc %v: %v\n%s", args, err, out)
	}
}

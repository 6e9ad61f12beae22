//go:build linux && !android

package guides

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/ring"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

// readmeCommands returns the commands that README.md shows in one block, from the
// first on.
func readmeCommands(t *testing.T, first string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(root + "README.md")
	kit.Must(t, err)
	_, rest, found := strings.Cut(string(text), "\n    "+first)
	if !found {
		t.Fatalf("README.md does not show %q", first)
	}
	for line := range strings.Lines(first + rest) {
		if len(all) > 0 && !strings.HasPrefix(line, "    ") {
			break
		}
		all = append(all, strings.TrimSpace(line))
	}
	return all
}

// shell runs a command as README.md shows it, without a network.
func shell(t *testing.T, dir, command string) string {
	t.Helper()
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOWORK=off", "GOFLAGS=")
	out, err := cmd.CombinedOutput()
	if err != nil && strings.Contains(string(out), "GOPROXY=off") {
		t.Skipf("skipping, a module is missing: go mod download\n%s", out)
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

// A newcomer's module, from the README alone, and what becomes of a job whose worker
// is killed.
func TestReadmeStart(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("skipping, no go command: put it into the PATH")
	}
	dir := t.TempDir()
	clone, err := filepath.Abs(root)
	kit.Must(t, err)
	program := block(t, "README.md", "go", "package main\n")
	kit.Must(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(program), 0o600))
	for _, command := range readmeCommands(t, "go mod init jobs") {
		shell(t, dir, strings.Replace(command, "../sysvipc", clone, 1))
	}

	jobs := func(args ...string) *exec.Cmd { return exec.Command(filepath.Join(dir, "jobs"), args...) }
	if out, err := jobs("a").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	first := sysvtest.StartCommand(t, jobs())
	first.Expect("working on a")
	first.Kill()
	second := sysvtest.StartCommand(t, jobs())
	second.Expect("working on a")
	second.Kill()
	q, err := ring.OpenQueue(t.Context(), sysv.KeyOf("com.example.jobs"), nil)
	kit.Must(t, err)
	kit.Must(t, q.Remove())
	kit.Must(t, q.Close())

	// Without the clone.
	shell(t, dir, "go mod vendor")
	where := shell(t, dir, "go list -mod=vendor -f '{{.Dir}}' example.com/sysvipc/sysv/ring")
	want(t, "where it is vendored", strings.TrimSpace(where), filepath.Join(dir, "vendor/example.com/sysvipc/sysv/ring"))
}

func TestReadmeRename(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("skipping, no go command: put it into the PATH")
	}
	dir := t.TempDir()
	for _, name := range []string{"sysv", "go.mod", "go.sum", "README.md", "docs"} {
		if out, err := exec.Command("cp", "-r", root+name, dir).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	commands := readmeCommands(t, "grep -rlZ")
	for _, command := range commands {
		shell(t, dir, command)
	}
	const path = "example.org/you/ipc"
	if !strings.Contains(commands[0], path) {
		t.Fatalf("%q names no path", commands[0])
	}
	if out, err := exec.Command("grep", "-rn", "example.com/sysvipc", dir).Output(); err == nil {
		t.Errorf("what is left:\n%s", out)
	}
	if listed := shell(t, dir, "go list -deps ./sysv/ring"); !strings.Contains(listed, path+"/sysv/lock\n") {
		t.Errorf("under the other path ring has\n%s", listed)
	}
}

func TestReadmeC(t *testing.T) {
	const other sysv.Key = 0x4d3
	removeAfter(t, other)
	source := filepath.Join(t.TempDir(), "price.c")
	kit.Must(t, os.WriteFile(source, []byte(fmt.Sprintf(
		"#include <stddef.h>\n#include <sys/shm.h>\nint main(void)\n{\n%sreturn 0;\n}\n", block(t, "README.md", "c", "struct price"))), 0o600))
	cc(t, "-o", source+".out", source)
	kit.Run(t, source+".out")
	seg, err := shm.Open(other, nil)
	kit.Must(t, err)
	mem, err := seg.Attach(nil)
	kit.Must(t, err)
	defer mem.Detach()
	p, err := shm.View[struct { // as the example of Go's has it
		Symbol   [8]byte
		Bid, Ask float64
	}](mem, 0)
	kit.Must(t, err)
	want(t, "the bid", p.Bid, 99.5)
	want(t, "the segment's size", seg.Size(), 24)
}

// Package sysvtest runs the tests of programs that use System V objects: in an
// IPC namespace of their own, so that they can neither meet nor leave behind
// anything, and with real second processes.
//
// A test package calls [Main] from its TestMain and registers with [Helper]
// what its second processes do:
//
//	func TestMain(m *testing.M) { sysvtest.Main(m) }
//
//	var _ = sysvtest.Helper("holder", func(args []string) error { ... })
//
//	func TestKill(t *testing.T) {
//		p := sysvtest.Start(t, "holder", "0x4d2")
//		p.Expect("locked")
//		p.Kill()
//		...
//	}
package sysvtest

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const (
	helperEnv = "SYSVTEST_HELPER" // names the helper that a process is
	innerEnv  = "SYSVTEST_INNER"  // set once the tests are in their namespace
)

// Runner is a [*testing.M], or what stands in for it.
type Runner interface{ Run() int }

// Main runs the tests of a package in a private IPC namespace and exits. It
// fails if an object is left over.
func Main(m *testing.M) { os.Exit(Wrap(m).Run()) }

// Wrap returns a Runner that does what Main does, for packages that hand
// theirs to another Main.
func Wrap(m Runner) Runner { return wrapped{m} }

type wrapped struct{ m Runner }

func (w wrapped) Run() int {
	if name := os.Getenv(helperEnv); name != "" {
		return runHelper(name, os.Args[1:])
	}
	if os.Getenv(innerEnv) == "" {
		code, err := runInNamespace()
		if err == nil {
			return code
		}
		fmt.Fprintf(os.Stderr, "sysvtest: testing in this machine's IPC namespace, for lack of a private one: %v\n", err)
	}
	return runAndCheck(w.m)
}

// runAndCheck runs the tests, and fails if they leave an object or never
// started a helper.
func runAndCheck(m Runner) int {
	before, err := objects()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sysvtest:", err)
		return 1
	}
	code := m.Run()
	if code != 0 {
		return code
	}
	after, err := objects()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sysvtest:", err)
		return 1
	}
	private := os.Getenv(innerEnv) != ""
	for o := range after {
		ours := private || o.cuid == uint32(os.Geteuid())
		if ours && !before[o] {
			fmt.Fprintf(os.Stderr, "sysvtest: the tests left %s %d (key %#x)\n", o.noun, o.id, uint32(o.key))
			code = 1
		}
	}
	if unused := unusedHelpers(); len(unused) > 0 && wholeRun() {
		fmt.Fprintf(os.Stderr, "sysvtest: no test started the helpers %s\n", strings.Join(unused, ", "))
		code = 1
	}
	return code
}

// wholeRun tells whether every test was to run, once.
func wholeRun() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.fuzz", "test.bench"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return false
		}
	}
	return !testing.Short()
}

// exitCode is that of a command that has run, or an error if it never did.
func exitCode(err error) (int, error) {
	switch e := err.(type) {
	case nil:
		return 0, nil
	case *exec.ExitError:
		if e.ExitCode() >= 0 {
			return e.ExitCode(), nil
		}
		fmt.Fprintln(os.Stderr, "sysvtest: the tests died:", e)
		return 1, nil
	}
	return 0, err
}

//go:build linux && !android

package sysvtest_test

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

const (
	outerIPC = "TEST_OUTER_IPC" // the IPC namespace that go test runs us in
	subRun   = "TEST_SUB_RUN"   // the tests that a sub-run is to have instead
)

func TestMain(m *testing.M) {
	if name := os.Getenv(subRun); name != "" {
		flag.Parse() // as m.Run would
		os.Exit(sysvtest.Wrap(subRuns[name]).Run())
	}
	if os.Getenv(outerIPC) == "" {
		os.Setenv(outerIPC, ipcNamespace())
	}
	sysvtest.Main(m)
}

func ipcNamespace() string {
	ns, err := os.Readlink("/proc/self/ns/ipc")
	if err != nil {
		panic(err)
	}
	return ns
}

type tests func() int

func (f tests) Run() int { return f() }

// A sub-run is another start of this binary, with these in the place of its
// tests. They start none of its helpers.
var subRuns = map[string]tests{
	"good":  func() int { return 0 },
	"fails": func() int { return 7 },
	"leaves objects": func() int {
		key := sysv.Key(0x4d2)
		_, err1 := sem.Create(key, []int{1}, nil)
		_, err2 := shm.Create(key, 1, nil)
		_, err3 := msg.Create(key, nil)
		if err := errors.Join(err1, err2, err3); err != nil {
			fmt.Println(err)
			return 3
		}
		return 0
	},
	"leaves a set to fail": func() int {
		sem.Create(sysv.Private, []int{1}, nil)
		return 7
	},
	"kills itself": func() int { syscall.Kill(os.Getpid(), syscall.SIGKILL); return 0 },
	"lives while its input does": func() int {
		io.Copy(os.Stdout, os.Stdin)
		return 0
	},
}

func startSubRun(name string, args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "SYSVTEST_INNER=") })
	cmd.Env = append(cmd.Env, subRun+"="+name, "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	return cmd
}

func needNamespace(t *testing.T) {
	t.Helper()
	if os.Getenv("SYSVTEST_INNER") == "" {
		t.Skip("skipping: no private IPC namespace: run as root, or allow user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone)")
	}
}

func TestTestsHaveTheirOwnNamespace(t *testing.T) {
	needNamespace(t)
	if ns := ipcNamespace(); ns == os.Getenv(outerIPC) {
		t.Errorf("we are in go test's IPC namespace, %s", ns)
	}
}

func TestOrdinaryUsersStayThemselves(t *testing.T) {
	needNamespace(t)
	if os.Geteuid() == 0 {
		t.Skip("skipping: run the test as another user than root too")
	}
	s, err := sem.Create(sysv.Private, []int{1}, &sem.Config{Mode: 0o200})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Remove()
	if _, err := s.Value(0); !errors.Is(err, syscall.EACCES) {
		t.Errorf("reading what may not be read: %v", err)
	}
}

func TestRunsReport(t *testing.T) {
	for _, tt := range []struct {
		name, subRun string
		args         []string
		code         int
		says         []string
		saysNot      []string
	}{
		{"that helpers were not started", "good", nil, 1, []string{"sysvtest: no test started the helpers echo, fail, namespace\n"}, nil},
		{"no helpers in a part of the tests", "good", []string{"-test.run=x"}, 0, nil, []string{"helpers"}},
		{"no helpers in short tests", "good", []string{"-test.short"}, 0, nil, []string{"helpers"}},
		{"the exit code of the tests", "fails", nil, 7, nil, []string{"helpers"}},
		{"what is left", "leaves objects", []string{"-test.run=x"}, 1, []string{"the tests left set 0 (key 0x4d2)\n", "the tests left segment 0 (key 0x4d2)\n", "the tests left queue 0 (key 0x4d2)\n"}, nil},
		{"the failure rather than what is left", "leaves a set to fail", nil, 7, nil, []string{"left"}},
		{"the death of the tests", "kills itself", nil, 1, []string{"the tests died: signal: killed"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			needNamespace(t) // where a sub-run may leave something
			out, err := startSubRun(tt.subRun, tt.args...).CombinedOutput()
			code := 0
			if exit, ok := errors.AsType[*exec.ExitError](err); ok {
				code = exit.ExitCode()
			} else if err != nil {
				t.Fatal(err)
			}
			if code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			for _, text := range tt.says {
				if !strings.Contains(string(out), text) {
					t.Errorf("no %q in:\n%s", text, out)
				}
			}
			for _, text := range tt.saysNot {
				if strings.Contains(string(out), text) {
					t.Errorf("%q in:\n%s", text, out)
				}
			}
		})
	}
}

// Nobody waits for the inner process when the outer one is killed: only its end
// of the pipe tells.
func TestKillingTheOuterProcessEndsTheInner(t *testing.T) {
	needNamespace(t)
	cmd := startSubRun("lives while its input does")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	fmt.Fprintln(in, "alive")
	if line, err := lines.ReadString('\n'); line != "alive\n" {
		t.Errorf("printed %q, %v", line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 1)
	go func() {
		_, err := lines.ReadString('\n')
		gone <- err
	}()
	select {
	case err := <-gone:
		if err != io.EOF {
			t.Errorf("%v, want EOF", err)
		}
	case <-time.After(time.Minute):
		t.Error("the inner process lives")
	}
	cmd.Wait() // which closes in, and so must not come earlier
}

package sysvtest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var helpers struct {
	sync.Mutex
	run  map[string]func(args []string) error
	used map[string]bool
}

// Helper registers what a second process under this name does. It returns the
// name, so that it can initialise a package variable. Its standard output goes
// to the test, line by line, and may run at most 8192 lines ahead of it; its
// standard input ends when the test does.
func Helper(name string, run func(args []string) error) string {
	helpers.Lock()
	defer helpers.Unlock()
	if helpers.run[name] != nil {
		panic("sysvtest: two helpers are named " + name)
	}
	if helpers.run == nil {
		helpers.run = make(map[string]func([]string) error)
		helpers.used = make(map[string]bool)
	}
	helpers.run[name] = run
	return name
}

func runHelper(name string, args []string) int {
	run := helpers.run[name]
	if run == nil {
		fmt.Fprintf(os.Stderr, "sysvtest: no helper is named %q\n", name)
		return 2
	}
	if err := run(args); err != nil {
		fmt.Fprintf(os.Stderr, "helper %s: %v\n", name, err)
		return 1
	}
	return 0
}

func unusedHelpers() []string {
	helpers.Lock()
	defer helpers.Unlock()
	var unused []string
	for name := range helpers.run {
		if !helpers.used[name] {
			unused = append(unused, name)
		}
	}
	slices.Sort(unused)
	return unused
}

// Command returns this test binary's command as the named helper, not started,
// for tests that set more than Start does. It can run as another user.
func Command(name string, args ...string) *exec.Cmd {
	helpers.Lock()
	defer helpers.Unlock()
	if helpers.run[name] == nil {
		panic("sysvtest: no helper is named " + name)
	}
	helpers.used[name] = true
	// go test puts the binary into a directory that other users can't enter:
	// this link needs no path.
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), helperEnv+"="+name, noSleep())
	return cmd
}

// noSleep is the variable that keeps processes from sleeping for a second at their
// end where they are built with -race. What the tester has set counts more.
func noSleep() string { return "GORACE=atexit_sleep_ms=0 " + os.Getenv("GORACE") }

// A Process is a helper that runs.
type Process struct {
	*exec.Cmd
	t     testing.TB
	stdin io.WriteCloser
	lines chan string
	done  chan struct{}
	err   error
}

// Start starts a helper. It is killed, if it still runs, when the test ends.
func Start(t testing.TB, name string, args ...string) *Process {
	t.Helper()
	return StartCommand(t, Command(name, args...))
}

// StartCommand is Start for a command from [Command].
func StartCommand(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{Cmd: cmd, t: t, lines: make(chan string, 8192), done: make(chan struct{})}
	var err error
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for s := bufio.NewScanner(stdout); s.Scan(); {
			p.lines <- s.Text()
		}
		close(p.lines)
		p.err = cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-p.done
	})
	return p
}

// patience is how long a step of a test may take on a busy machine before it
// counts as hung. It bounds failures and times nothing.
const patience = 30 * time.Second

// Line returns the next line that the helper prints, or fails the test if it
// ends instead.
func (p *Process) Line() string {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		if !ok {
			p.await()
			p.t.Fatalf("%s ended without another line: %v", p, p.err)
		}
		return line
	case <-time.After(patience):
		p.t.Fatalf("%s printed nothing for %v", p, patience)
	}
	panic("unreachable")
}

// Expect fails the test unless the helper's next line is this.
func (p *Process) Expect(want string) {
	p.t.Helper()
	if got := p.Line(); got != want {
		p.t.Fatalf("%s printed %q, want %q", p, got, want)
	}
}

// Send writes a line to the helper's standard input.
func (p *Process) Send(line string) {
	p.t.Helper()
	if _, err := io.WriteString(p.stdin, line+"\n"); err != nil {
		p.t.Fatalf("%s: %v", p, err)
	}
}

// Kill ends the helper with SIGKILL and waits until it is gone.
func (p *Process) Kill() {
	p.t.Helper()
	if err := p.Process.Kill(); err != nil {
		p.t.Fatalf("%s: %v", p, err)
	}
	<-p.done
}

// Finish closes the helper's standard input, waits for its end and fails the
// test if that is not a good one.
func (p *Process) Finish() {
	p.t.Helper()
	p.stdin.Close()
	p.await()
	if p.err != nil {
		p.t.Fatalf("%s: %v", p, p.err)
	}
}

// await waits for the helper's end.
func (p *Process) await() {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("%s has not ended for %v", p, patience)
	}
}

// String returns the helper's command and process id.
func (p *Process) String() string {
	return fmt.Sprintf("helper %s (pid %d)", strings.Join(p.Args, " "), p.Process.Pid)
}

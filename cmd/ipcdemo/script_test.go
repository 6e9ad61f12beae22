//go:build linux && !android

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/rogpeppe/go-internal/testscript"

	"example.com/sysvipc/cmd/ipcdemo/internal/inspect"
	"example.com/sysvipc/cmd/ipcdemo/internal/term"
	"example.com/sysvipc/sysv/sysvtest"
)

func TestMain(m *testing.M) {
	if signal.Ignored(syscall.SIGHUP) {
		// As under nohup(1). What is started from here on is to be ended by it.
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	os.Setenv("SHELL", "/bin/sh") // for script(1), whatever shell the tester prefers
	testscript.Main(sysvtest.Wrap(m), map[string]func(){"ipcdemo": main})
}

// TestScripts runs testdata/script. The scripts run at the same time in one
// IPC namespace, so each uses keys of its own and looks only for those.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			// Built with -race, each of hundreds of processes would sleep for a
			// second at its end.
			env.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE"))
			env.Setenv("NO_COLOR", "1") // colours.txtar has colours
			env.Values[processesKey{}] = make(map[string]*background)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"start":       start,
			"enter":       enter,
			"type":        typeKeys,
			"signal":      signalProcess,
			"ended":       ended,
			"until":       until,
			"ls":          ls,
			"remove":      remove,
			"status":      status,
			"gone":        gone,
			"signalchild": signalChild,
			"ctrlC":       ctrlC,
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root":
				return os.Geteuid() == 0, nil
			case "storms": // are long; testscript has a condition "short" of its own
				return os.Getenv("SYSVIPC_STORM") != "", nil
			}
			return false, errors.New("unknown condition")
		},
	})
}

// parse returns the command that the arguments call, as main does.
func parse(args []string) (*kong.Context, error) {
	return term.Parse(new(commandLine), args, about)
}

// patience bounds what is waited for; it times nothing.
const patience = 60 * time.Second

// background is a process that a script started and talks to.
type background struct {
	*exec.Cmd
	stdin io.WriteCloser
}

// start NAME COMMAND... starts a command whose standard input stays open and
// whose outputs go to the files NAME.out and NAME.err.
func start(ts *testscript.TestScript, neg bool, args []string) {
	name := args[0]
	cmd := command(ts, args[1:])
	stdout, err := os.Create(ts.MkAbs(name + ".out"))
	ts.Check(err)
	stderr, err := os.Create(ts.MkAbs(name + ".err"))
	ts.Check(err)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a terminal of its own, so to speak
	stdin, err := cmd.StdinPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Check(errors.Join(stdout.Close(), stderr.Close()))
	processes(ts)[name] = &background{cmd, stdin}
	ts.Defer(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
}

// enter NAME presses Enter.
func enter(ts *testscript.TestScript, neg bool, args []string) {
	_, err := io.WriteString(processes(ts)[args[0]].stdin, "\n")
	ts.Check(err)
}

// type NAME KEYS presses keys; the one after a ^ is pressed with Ctrl, and ^[ is Esc, with
// which the sequences of arrows begin.
func typeKeys(ts *testscript.TestScript, neg bool, args []string) {
	keys := args[1]
	if ctrl, ok := strings.CutPrefix(keys, "^"); ok {
		keys = string(ctrl[0]-'@') + ctrl[1:]
	}
	_, err := io.WriteString(processes(ts)[args[0]].stdin, keys)
	ts.Check(err)
}

// signal NAME NUMBER sends a signal.
func signalProcess(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(processes(ts)[args[0]].Process.Signal(syscall.Signal(n)))
}

// ctrlC NAME sends what Ctrl-C sends: SIGINT to the process and its children.
func ctrlC(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(syscall.Kill(-processes(ts)[args[0]].Process.Pid, syscall.SIGINT))
}

// ended NAME CODE waits for the end of a process and checks its exit code, -1
// for one that died of a signal.
func ended(ts *testscript.TestScript, neg bool, args []string) {
	p := processes(ts)[args[0]]
	timer := time.AfterFunc(patience, func() { p.Process.Signal(syscall.SIGQUIT) })
	defer timer.Stop()
	err := p.Wait()
	if got := strconv.Itoa(p.ProcessState.ExitCode()); got != args[1] {
		out, _ := os.ReadFile(ts.MkAbs(args[0] + ".out"))
		errs, _ := os.ReadFile(ts.MkAbs(args[0] + ".err"))
		ts.Fatalf("%s exited with %s, want %s: %v\n%s\n%s", args[0], got, args[1], err, out, errs)
	}
}

// until REGEXP FILE waits until a file matches; until REGEXP ls ARGUMENT... waits
// until what ls prints does.
func until(ts *testscript.TestScript, neg bool, args []string) {
	re := regexp.MustCompile("(?m)" + args[0])
	look := func() (string, error) {
		text, err := os.ReadFile(ts.MkAbs(args[1]))
		return string(text), err
	}
	if args[1] == "ls" {
		look = func() (string, error) { return listed(args[2:]) }
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		text, err := look()
		ts.Check(err)
		if re.MatchString(text) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%v stays\n%s", args[1:], text)
		}
	}
}

// ls ARGUMENT... prints what ipcdemo ls prints, without a process.
func ls(ts *testscript.TestScript, neg bool, args []string) {
	text, err := listed(args)
	ts.Check(err)
	io.WriteString(ts.Stdout(), text)
}

func listed(args []string) (string, error) {
	command, err := parse(append([]string{"ls"}, args...))
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = command.Selected().Target.Addr().Interface().(*inspect.Ls).Print(&out)
	return out.String(), err
}

// remove ARGUMENT... removes what ipcdemo rm removes, without a process.
func remove(ts *testscript.TestScript, neg bool, args []string) {
	command, err := parse(append([]string{"rm"}, args...))
	ts.Check(err)
	ts.Check(term.Run(command))
}

// status CODE COMMAND... runs a command and checks its exit code. Its outputs
// go to the files out and err.
func status(ts *testscript.TestScript, neg bool, args []string) {
	cmd := command(ts, args[1:])
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	ts.Check(errors.Join(
		os.WriteFile(ts.MkAbs("out"), stdout.Bytes(), 0o666),
		os.WriteFile(ts.MkAbs("err"), stderr.Bytes(), 0o666)))
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != args[0] {
		ts.Fatalf("%v exited with %s, want %s: %v\n%s\n%s", args[1:], got, args[0], err, stdout.Bytes(), stderr.Bytes())
	}
}

// gone KEY waits until no child of a run with this key lives.
func gone(ts *testscript.TestScript, neg bool, args []string) {
	var alive []int
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if alive = childrenOf(args[0], ""); len(alive) == 0 {
			return
		}
	}
	ts.Fatalf("processes %v live on", alive)
}

// signalchild KEY SLOT NUMBER sends a signal to one child of a run. One that is to
// stop has stopped by the end: until each of its threads has, it may go on.
func signalChild(ts *testscript.TestScript, neg bool, args []string) {
	pids := childrenOf(args[0], args[1])
	if len(pids) != 1 {
		ts.Fatalf("processes %v are child %s of run %s", pids, args[1], args[0])
	}
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	ts.Check(syscall.Kill(pids[0], syscall.Signal(n)))
	if syscall.Signal(n) != syscall.SIGSTOP {
		return
	}
	for deadline := time.Now().Add(patience); !hasStopped(pids[0]); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("process %d does not stop", pids[0])
		}
	}
}

// hasStopped tells whether all threads of a process are in state T (proc(5), stat).
func hasStopped(pid int) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/[0-9]*/stat", pid))
	for _, thread := range threads {
		stat, _ := os.ReadFile(thread)
		if _, rest, _ := bytes.Cut(stat, []byte(") ")); !bytes.HasPrefix(rest, []byte("T")) {
			return false
		}
	}
	return len(threads) > 0
}

// childrenOf returns the process ids of the children of a run, or of the one
// in a slot. Other tests on the machine may use the key in their namespaces.
func childrenOf(key, slot string) (pids []int) {
	ours, _ := os.Readlink("/proc/self/ns/ipc")
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		if theirs, _ := os.Readlink(filepath.Dir(file) + "/ns/ipc"); theirs != ours {
			continue
		}
		line, _ := os.ReadFile(file)
		args := strings.Split(string(line), "\x00")
		if len(args) < 6 || args[1] != "child" && args[1] != "worker" || args[3] != key || slot != "" && args[5] != slot {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func command(ts *testscript.TestScript, args []string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	ts.Defer(cancel)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = ts.Getenv("WORK")
	cmd.Env = append(os.Environ(), "NO_COLOR=1")
	return cmd
}

func processes(ts *testscript.TestScript) map[string]*background {
	return ts.Value(processesKey{}).(map[string]*background)
}

type processesKey struct{}

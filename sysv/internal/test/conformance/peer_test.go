//go:build linux && !android

package conformance

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/sysvtest"
	"golang.org/x/sys/unix"
)

// servePeer is a second process that is told, line by line, what to do. It answers
// each line with one, as answerText words it. What all peers can do is here, the
// rest in call.
func servePeer(call func(verb string, args peerArgs) (answer any, err error)) error {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		words := strings.Fields(in.Text())
		verb, args := words[0], peerArgs(words[1:])
		common, ok := peerVerbs[verb]
		if !ok {
			common = func(args peerArgs) (any, error) { return call(verb, args) }
		}
		answer, err := common(args)
		if err != nil {
			answer = err
		}
		fmt.Println(answerText(answer))
	}
	return in.Err()
}

var peerVerbs = map[string]func(args peerArgs) (answer any, err error){
	"catch": func(peerArgs) (any, error) {
		caught := make(chan os.Signal, 1)
		signal.Notify(caught, unix.SIGUSR1)
		go func() { fmt.Println(<-caught) }()
		return nil, nil
	},
	"write-sysctl": func(args peerArgs) (any, error) {
		return nil, os.WriteFile("/proc/sys/kernel/"+args[0], []byte(strings.Join(args[1:], " ")), 0)
	},
	"read-sysctl": func(args peerArgs) (any, error) {
		text, err := os.ReadFile("/proc/sys/kernel/" + args[0])
		return strings.TrimSpace(string(text)), err
	},
	"chroot": func(args peerArgs) (any, error) { return nil, syscall.Chroot(args[0]) },
	"exec": func(args peerArgs) (any, error) {
		path, err := exec.LookPath(args[0])
		if err != nil {
			return nil, err
		}
		return nil, syscall.Exec(path, args, os.Environ())
	},
}

// peerArgs are the words after the verb.
type peerArgs []string

func (a peerArgs) nums() (v []int) {
	for _, arg := range a {
		n, err := strconv.Atoi(arg)
		if err != nil {
			panic(err)
		}
		v = append(v, n)
	}
	return v
}

func (a peerArgs) num(i int) int { return a[i : i+1].nums()[0] }

func (a peerArgs) key(i int) sysv.Key { return sysv.Key(a.num(i)) }

// answerText words what a call returned: "ok" for nothing, the name of an error,
// or a value in JSON.
func answerText(v any) string {
	switch v := v.(type) {
	case nil:
		return "ok"
	case error:
		if errno, ok := errors.AsType[syscall.Errno](v); ok {
			return unix.ErrnoName(errno)
		}
		if errors.Is(v, sysv.ErrWouldBlock) {
			v = sysv.ErrWouldBlock
		}
		return v.Error()
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// word is how an argument is told.
func word(v any) string {
	switch v := v.(type) {
	case sem.Op:
		return fmt.Sprintf("%d:%d:%d", v.Num, v.Delta, v.Flags)
	case sysv.Key:
		return strconv.Itoa(int(v))
	case fs.FileMode:
		return strconv.Itoa(int(v))
	}
	return fmt.Sprint(v)
}

// A peer is the test's end of a peer.
type peer struct {
	*sysvtest.Process
	t *testing.T
}

// startPeer starts a peer, as another user or in other namespaces where attr says
// so.
func startPeer(t *testing.T, helper string, attr *syscall.SysProcAttr) peer {
	t.Helper()
	cmd := sysvtest.Command(helper)
	cmd.SysProcAttr = attr
	// A signal that preempts makes who waits wait anew, behind those who came later.
	cmd.Env = append(cmd.Env, "GODEBUG=asyncpreemptoff=1")
	return peer{sysvtest.StartCommand(t, cmd), t}
}

// peerInNamespaces starts a peer in new namespaces, as their root. In a user
// namespace, where anybody but root has to have them, it is nobody outside, or
// who we are.
func peerInNamespaces(t *testing.T, helper string, flags uintptr) peer {
	t.Helper()
	uid, gid := os.Geteuid(), os.Getegid()
	if uid != 0 {
		flags |= unix.CLONE_NEWUSER
	} else {
		uid, gid = kit.Nobody, kit.Nobody
	}
	attr := &syscall.SysProcAttr{Cloneflags: flags}
	if flags&unix.CLONE_NEWUSER != 0 {
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: gid, Size: 1}}
		attr.Credential = &syscall.Credential{NoSetGroups: true}
	}
	command := func() *exec.Cmd {
		cmd := sysvtest.Command(helper)
		if emulator.Running() && flags == unix.CLONE_NEWIPC {
			return throughUnshare(t, cmd)
		}
		cmd.SysProcAttr = attr
		return cmd
	}
	if flags != 0 && flags != unix.CLONE_NEWIPC {
		emulator.Namespaces.Skip(t)
	}
	err, known := namespaces[flags]
	if !known {
		err = command().Run()
		namespaces[flags] = err
	}
	if err != nil {
		t.Skipf("skipping: %v: run the test as root with CAP_SYS_ADMIN, or allow user namespaces", err)
	}
	return peer{sysvtest.StartCommand(t, command()), t}
}

// namespaces says why no peer can be in new namespaces of these, or nil.
var namespaces = make(map[uintptr]error)

// throughUnshare has a program that is no part of the test make the IPC
// namespace, which the emulator can't.
func throughUnshare(t *testing.T, cmd *exec.Cmd) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	kit.Must(t, err)
	outer := exec.Command("unshare", append([]string{"--ipc", exe}, cmd.Args[1:]...)...)
	outer.Env = cmd.Env
	return outer
}

// peerWithSysctl starts a peer in an IPC namespace of its own, of which it has
// set a sysctl.
func peerWithSysctl(t *testing.T, helper, name, value string) peer {
	t.Helper()
	p := peerInNamespaces(t, helper, unix.CLONE_NEWIPC)
	p.setSysctl(name, value)
	return p
}

// peerWithoutProc starts a peer that sees no /proc, so that to list objects it
// has to ask the kernel for one after the other.
func peerWithoutProc(t *testing.T, helper string, flags uintptr) peer {
	t.Helper()
	emulator.StatAny.Skip(t)
	p := peerInNamespaces(t, helper, flags)
	p.want(nil, "chroot", "/dev")
	return p
}

// tell has the peer make a call that it answers later.
func (p peer) tell(verb string, args ...any) {
	p.t.Helper()
	for _, arg := range args {
		verb += " " + word(arg)
	}
	p.Send(verb)
}

// want has the peer make a call, whose answer must be this: nil, an error or a
// value.
func (p peer) want(answer any, verb string, args ...any) {
	p.t.Helper()
	p.tell(verb, args...)
	if got, want := p.Line(), answerText(answer); got != want {
		p.t.Errorf("%s %v: %s, want %s", verb, args, got, want)
	}
}

// askPeer has the peer make a call that gives a value.
func askPeer[T any](p peer, verb string, args ...any) (v T) {
	p.t.Helper()
	p.tell(verb, args...)
	return peerAnswer[T](p)
}

// peerAnswer is the value that the peer gives for what it was told.
func peerAnswer[T any](p peer) (v T) {
	p.t.Helper()
	if line := p.Line(); json.Unmarshal([]byte(line), &v) != nil {
		p.t.Fatalf("%s answered %s", p, line)
	}
	return v
}

func asNobody() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: kit.Nobody, Gid: kit.Nobody}}
}

func (p peer) setSysctl(name, value string) {
	p.t.Helper()
	p.tell("write-sysctl", name, value)
	if answer := p.Line(); answer != answerText(nil) {
		p.t.Skipf("skipping: writing kernel.%s: %s: run the test as root, with /proc/sys writable and a kernel with CONFIG_CHECKPOINT_RESTORE", name, answer)
	}
}

func (p peer) pid() int { return p.Cmd.Process.Pid }

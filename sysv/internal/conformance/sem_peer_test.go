//go:build linux && !android

package conformance

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/sysvtest"
	"golang.org/x/sys/unix"
)

// semPeerHelper is a second process that is told, line by line, what to do with
// a set. It answers each line with one, as semAnswer words it.
var semPeerHelper = sysvtest.Helper("sem-peer", func([]string) error {
	var p semPeerState
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		words := strings.Fields(in.Text())
		answer, err := p.call(words[0], words[1:])
		if err != nil {
			answer = err
		}
		fmt.Println(semAnswer(answer))
	}
	return in.Err()
})

// semAnswer words what a call returned: "ok" for nothing, the name of an error,
// or a value in JSON.
func semAnswer(v any) string {
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

type semPeerState struct{ *sem.Set }

func (p *semPeerState) call(verb string, args []string) (answer any, err error) {
	nums := func(from int) (v []int) {
		for _, arg := range args[from:] {
			n, err := strconv.Atoi(arg)
			if err != nil {
				panic(err)
			}
			v = append(v, n)
		}
		return v
	}
	num := func(i int) int { return nums(i)[0] }
	use := func(s *sem.Set, err error) (any, error) {
		if err != nil {
			return nil, err
		}
		p.Set = s
		return s.ID(), nil
	}
	switch verb {
	case "create":
		return use(sem.Create(sysv.Key(num(0)), nums(1), nil))
	case "open":
		return use(sem.Open(semForever, sysv.Key(num(0)), nil))
	case "open-id":
		return use(sem.OpenID(num(0)))
	case "do":
		return nil, p.Do(semForever, semOps(args)...)
	case "do-on-a-thread-that-ends":
		onThreadThatEnds(func() { err = p.Do(semForever, semOps(args)...) })
		return nil, err
	case "try":
		return p.Try(semOps(args)...)
	case "value":
		return p.Value(num(0))
	case "values":
		return p.Values()
	case "set-value":
		return nil, p.SetValue(num(0), num(1))
	case "set-values":
		return nil, p.SetValues(nums(0))
	case "last-pid":
		return p.LastPID(num(0))
	case "waiters":
		return p.Waiters(num(0))
	case "zero-waiters":
		return p.ZeroWaiters(num(0))
	case "stat":
		return p.Stat()
	case "set-perm":
		return nil, p.SetPerm(uint32(num(0)), uint32(num(1)), fs.FileMode(num(2)))
	case "set-mode":
		return nil, p.SetMode(fs.FileMode(num(0)))
	case "remove":
		return nil, p.Remove()
	case "list":
		return sem.List()
	case "limits":
		return sem.Limits()
	case "usage":
		return sem.Usage()
	case "lock-and-unlock":
		return nil, lockAndUnlockSet(p.Set, num(0))
	case "take-and-give-back":
		return nil, takeAndGiveBackOfSet(p.Set, rand.New(rand.NewPCG(uint64(num(0)), 0)), num(1))
	case "catch":
		caught := make(chan os.Signal, 1)
		signal.Notify(caught, unix.SIGUSR1)
		go func() { fmt.Println(<-caught) }()
		return nil, nil
	case "write-sysctl":
		return nil, os.WriteFile("/proc/sys/kernel/"+args[0], []byte(strings.Join(args[1:], " ")), 0)
	case "read-sysctl":
		text, err := os.ReadFile("/proc/sys/kernel/" + args[0])
		return strings.TrimSpace(string(text)), err
	case "chroot":
		return nil, syscall.Chroot(args[0])
	case "unshare-ipc":
		onThreadThatEnds(func() { err = unix.Unshare(unix.CLONE_NEWIPC) })
		return nil, err
	case "exec":
		path, err := exec.LookPath(args[0])
		if err != nil {
			return nil, err
		}
		return nil, syscall.Exec(path, args, os.Environ())
	}
	panic("the peer can't " + verb)
}

// onThreadThatEnds runs f on a thread of its own and returns when that is gone.
func onThreadThatEnds(f func()) {
	tid := make(chan int)
	var run func()
	run = func() {
		runtime.LockOSThread() // without unlocking it, the thread ends with us
		if unix.Gettid() == os.Getpid() {
			// The main thread never ends: occupy it, and take another.
			defer runtime.UnlockOSThread()
			done := make(chan struct{})
			go func() { defer close(done); run() }()
			<-done
			return
		}
		f()
		tid <- unix.Gettid()
	}
	go run()
	for path := fmt.Sprintf("/proc/self/task/%d", <-tid); ; runtime.Gosched() {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return
		}
	}
}

func lockAndUnlockSet(s *sem.Set, rounds int) error {
	for range rounds {
		if err := s.Do(semForever, semUndo(-1)); err != nil {
			return err
		}
		if v, err := s.Value(0); v != 0 || err != nil {
			return fmt.Errorf("value %d while locked, %v", v, err)
		}
		if err := s.Do(semForever, semUndo(+1)); err != nil {
			return err
		}
	}
	return nil
}

// takeAndGiveBackOfSet takes with Undo, and gives back some of what it took.
func takeAndGiveBackOfSet(s *sem.Set, r *rand.Rand, rounds int) error {
	taken := make([]int, s.Len())
	for range rounds {
		num := r.IntN(s.Len())
		delta := -1 - r.IntN(3)
		if taken[num] > 0 && r.IntN(2) == 0 {
			delta = 1 + r.IntN(taken[num])
		}
		done, err := s.Try(sem.Op{Num: num, Delta: delta, Flags: sem.Undo})
		if err != nil {
			return err
		}
		if done {
			taken[num] -= delta
		}
	}
	return nil
}

// semWord and semOps are how operations are told.
func semWord(v any) string {
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

func semOps(words []string) []sem.Op {
	ops := make([]sem.Op, len(words))
	for i, word := range words {
		op := &ops[i]
		if _, err := fmt.Sscanf(word, "%d:%d:%d", &op.Num, &op.Delta, &op.Flags); err != nil {
			panic(err)
		}
	}
	return ops
}

// A semPeer is the test's end of a peer.
type semPeer struct {
	*sysvtest.Process
	t *testing.T
}

// startSetPeer starts a peer, as another user or in other namespaces where attr
// says so.
func startSetPeer(t *testing.T, attr *syscall.SysProcAttr) semPeer {
	t.Helper()
	cmd := sysvtest.Command(semPeerHelper)
	cmd.SysProcAttr = attr
	return semPeer{sysvtest.StartCommand(t, cmd), t}
}

// newSetPeer starts a peer that has the set.
func newSetPeer(t *testing.T, s *sem.Set) semPeer {
	t.Helper()
	p := startSetPeer(t, nil)
	p.want(s.ID(), "open-id", s.ID())
	return p
}

// tell has the peer make a call that it answers later.
func (p semPeer) tell(verb string, args ...any) {
	p.t.Helper()
	for _, arg := range args {
		verb += " " + semWord(arg)
	}
	p.Send(verb)
}

// want has the peer make a call, whose answer must be this: nil, an error or a
// value.
func (p semPeer) want(answer any, verb string, args ...any) {
	p.t.Helper()
	p.tell(verb, args...)
	if got, want := p.Line(), semAnswer(answer); got != want {
		p.t.Errorf("%s %v: %s, want %s", verb, args, got, want)
	}
}

// askSetPeer has the peer make a call that gives a value.
func askSetPeer[T any](p semPeer, verb string, args ...any) (v T) {
	p.t.Helper()
	p.tell(verb, args...)
	if line := p.Line(); json.Unmarshal([]byte(line), &v) != nil {
		p.t.Fatalf("%s %v: %s", verb, args, line)
	}
	return v
}

// ownerOfSet returns a peer of an ordinary user who owns the set, which has
// this mode.
func ownerOfSet(t *testing.T, s *sem.Set, mode fs.FileMode) semPeer {
	t.Helper()
	var attr *syscall.SysProcAttr
	if os.Geteuid() == 0 {
		attr = asNobodyOfSet()
		semMust(t, s.SetPerm(semNobody, semNobody, mode))
	} else {
		semMust(t, s.SetMode(mode))
	}
	p := startSetPeer(t, attr)
	p.want(s.ID(), "open-id", s.ID())
	return p
}

// strangerToSet returns a peer of a user who neither owns nor made it.
func strangerToSet(t *testing.T) semPeer {
	t.Helper()
	semNeedRoot(t, "can be two users")
	return startSetPeer(t, asNobodyOfSet())
}

func asNobodyOfSet() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: semNobody, Gid: semNobody}}
}

// setPeerInNamespaces starts a peer in new namespaces, as their root. In a user
// namespace, where anybody but root has to have them, it is nobody outside, or
// who we are.
func setPeerInNamespaces(t *testing.T, flags uintptr) semPeer {
	t.Helper()
	uid, gid := os.Geteuid(), os.Getegid()
	if uid != 0 {
		flags |= unix.CLONE_NEWUSER
	} else {
		uid, gid = semNobody, semNobody
	}
	attr := &syscall.SysProcAttr{Cloneflags: flags}
	if flags&unix.CLONE_NEWUSER != 0 {
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: gid, Size: 1}}
		attr.Credential = &syscall.Credential{NoSetGroups: true}
	}
	probe := sysvtest.Command(semPeerHelper)
	probe.SysProcAttr = attr
	if err := probe.Run(); err != nil {
		t.Skipf("skipping: %v: run the test as root with CAP_SYS_ADMIN, or allow user namespaces", err)
	}
	return startSetPeer(t, attr)
}

// setPeerWithSysctl starts a peer in an IPC namespace of its own, of which it
// has set a sysctl.
func setPeerWithSysctl(t *testing.T, name, value string) semPeer {
	t.Helper()
	p := setPeerInNamespaces(t, unix.CLONE_NEWIPC)
	p.setSysctl(name, value)
	return p
}

func (p semPeer) setSysctl(name, value string) {
	p.t.Helper()
	p.tell("write-sysctl", name, value)
	if answer := p.Line(); answer != semAnswer(nil) {
		p.t.Skipf("skipping: writing kernel.%s: %s: run the test as root, with /proc/sys writable and a kernel with CONFIG_CHECKPOINT_RESTORE", name, answer)
	}
}

// setPeerWithoutProc starts a peer that sees no /proc, so that it has to ask
// the kernel for one set after the other.
func setPeerWithoutProc(t *testing.T, flags uintptr) semPeer {
	t.Helper()
	p := setPeerInNamespaces(t, flags)
	p.want(nil, "chroot", "/dev")
	return p
}

func semNeedRoot(t *testing.T, what string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skipf("skipping: only root %s: run the test as root", what)
	}
}

// semNeedQuiet is for what counts all sets.
func semNeedQuiet(t *testing.T) {
	t.Helper()
	if os.Getenv("SYSVTEST_INNER") == "" {
		t.Skip("skipping: other programs' sets would count: run the test as root with CAP_SYS_ADMIN, or allow user namespaces")
	}
}

func semNeedCommand(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("skipping: %v: install util-linux", err)
	}
}

func (p semPeer) pid() int { return p.Cmd.Process.Pid }

//go:build linux && !android

package conformance

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

// A peer is a second process that a test tells, line by line, what to do with
// one segment and one mapping of it. It answers each line with one line: "ok"
// and a result, or "error", the errno and a text.
const shmPeerName = "shm-peer"

var _ = sysvtest.Helper(shmPeerName, func(args []string) error {
	if len(args) > 0 {
		fmt.Println("ok", args[0])
	}
	var p shmPeerState
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		words := strings.Fields(in.Text())
		reply, err := p.do(words[0], words[1:])
		if err != nil {
			errno := syscall.Errno(0)
			errors.As(err, &errno)
			fmt.Printf("error %d %v\n", int(errno), err)
			continue
		}
		fmt.Println(strings.TrimSpace("ok " + reply))
	}
	return in.Err()
})

type shmPeerState struct {
	seg *shm.Segment
	m   *shm.Mapping
	mem []byte // of m, and after its Detach too
}

func (p *shmPeerState) do(verb string, args []string) (reply string, err error) {
	num := func(i int) int {
		n, err := strconv.ParseUint(args[i], 0, 64)
		if err != nil {
			panic(err)
		}
		return int(n)
	}
	key := func() sysv.Key {
		if args[0] == "private" {
			return sysv.Private
		}
		k, err := sysv.ParseKey(args[0])
		if err != nil {
			panic(err)
		}
		return k
	}
	// The segment that the peer has stays until it has got another.
	take := func(seg *shm.Segment, err error) error {
		if err == nil {
			p.seg = seg
			reply = strconv.Itoa(seg.ID())
		}
		return err
	}
	attach := func(cfg *shm.AttachConfig) error {
		m, err := p.seg.Attach(cfg)
		if err == nil {
			p.m, p.mem = m, m.Bytes()
		}
		return err
	}
	switch verb {
	case "create":
		err = take(shm.Create(key(), num(1), nil))
	case "create-huge":
		err = take(shm.Create(key(), num(1), &shm.Config{HugePage: shm.DefaultHugePage}))
	case "open":
		err = take(shm.Open(key(), nil))
	case "open-id":
		err = take(shm.OpenID(num(0)))
	case "attach":
		err = attach(nil)
	case "attach-read-only":
		err = attach(&shm.AttachConfig{ReadOnly: true})
	case "attach-at":
		err = attach(&shm.AttachConfig{Addr: uintptr(num(0))})
	case "attach-often":
		for range num(0) {
			m, err := p.seg.Attach(nil)
			if err != nil {
				return "", err
			}
			if err := m.Detach(); err != nil {
				return "", err
			}
		}
	case "detach":
		err = p.m.Detach()
	case "read":
		b := make([]byte, num(1))
		_, err = p.m.ReadAt(b, int64(num(0)))
		reply = string(b)
	case "write":
		_, err = p.m.WriteAt([]byte(args[1]), int64(num(0)))
	case "fill":
		for i := range p.mem {
			p.mem[i] = 1
		}
	case "poke":
		p.mem[num(0)] = 1
	case "stat":
		reply, err = shmJSON(p.seg.Stat())
	case "set-mode":
		err = p.seg.SetMode(fs.FileMode(num(0)))
	case "set-perm":
		err = p.seg.SetPerm(uint32(num(0)), uint32(num(1)), fs.FileMode(num(2)))
	case "lock":
		err = p.seg.LockPages()
	case "unlock":
		err = p.seg.UnlockPages()
	case "remove":
		err = p.seg.Remove()
	case "list":
		reply, err = shmJSON(shm.List())
	case "usage":
		reply, err = shmJSON(shm.Usage())
	case "limits":
		reply, err = shmJSON(shm.Limits())
	case "chroot":
		err = syscall.Chroot(args[0])
	case "sysctl":
		err = os.WriteFile("/proc/sys/kernel/"+args[0], []byte(args[1]), 0)
	case "read-sysctl":
		var text []byte
		text, err = os.ReadFile("/proc/sys/kernel/" + args[0])
		reply = string(text)
	case "memlock":
		limit := &unix.Rlimit{Cur: uint64(num(0)), Max: uint64(num(0))}
		err = unix.Setrlimit(unix.RLIMIT_MEMLOCK, limit)
	case "break":
		end, _, _ := unix.Syscall(unix.SYS_BRK, uintptr(num(0)), 0, 0)
		reply = fmt.Sprintf("%#x", end)
	case "pid":
		reply = strconv.Itoa(os.Getpid())
	case "ambient-caps":
		var status []byte
		status, err = os.ReadFile("/proc/self/status")
		_, rest, _ := strings.Cut(string(status), "CapAmb:")
		reply = "0x" + strings.Fields(rest)[0]
	case "exec":
		// What comes after exec answers in place of what called it.
		err = syscall.Exec("/proc/self/exe", []string{os.Args[0], "again"}, os.Environ())
	case "child":
		reply, err = shmScript(strings.Join(args, " "), nil)
	case "child-in-namespace":
		reply, err = shmScript(strings.Join(args, " "), shmOwnNamespace(true))
	default:
		panic("peer can't " + verb)
	}
	return reply, err
}

// shmScript has another peer do what a line tells, up to its end, and returns
// the last result.
func shmScript(line string, attr *syscall.SysProcAttr) (reply string, err error) {
	cmd := sysvtest.Command(shmPeerName)
	cmd.SysProcAttr = attr
	cmd.Stdin = strings.NewReader(strings.ReplaceAll(line, ";", "\n"))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(out)) {
		if reply, err = shmReply(line); err != nil {
			return "", err
		}
	}
	return reply, nil
}

// shmReply reads a peer's line.
func shmReply(line string) (string, error) {
	kind, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	if kind == "ok" {
		return rest, nil
	}
	number, text, _ := strings.Cut(rest, " ")
	errno, err := strconv.Atoi(number)
	if err != nil {
		return "", fmt.Errorf("peer says %q", line)
	}
	return "", fmt.Errorf("peer: %s: %w", text, syscall.Errno(errno))
}

func shmJSON[T any](v T, err error) (string, error) {
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(v)
	return string(text), err
}

type shmPeer struct {
	*sysvtest.Process
	t testing.TB
}

// try has the peer do what may fail.
func (p shmPeer) try(format string, args ...any) (string, error) {
	p.t.Helper()
	p.Send(fmt.Sprintf(format, args...))
	return shmReply(p.Line())
}

// ok has the peer do what must succeed and returns its result.
func (p shmPeer) ok(format string, args ...any) string {
	p.t.Helper()
	reply, err := p.try(format, args...)
	if err != nil {
		p.t.Fatalf("%s: %v", fmt.Sprintf(format, args...), err)
	}
	return reply
}

// num is ok for what gives a number.
func (p shmPeer) num(format string, args ...any) uint64 {
	p.t.Helper()
	reply := p.ok(format, args...)
	n, err := strconv.ParseUint(reply, 0, 64)
	if err != nil {
		p.t.Fatalf("%s: %v", fmt.Sprintf(format, args...), err)
	}
	return n
}

// refused has the peer do what must fail with this errno.
func (p shmPeer) refused(want syscall.Errno, format string, args ...any) {
	p.t.Helper()
	if reply, err := p.try(format, args...); !errors.Is(err, want) {
		p.t.Errorf("%s: %q, %v, want %v", fmt.Sprintf(format, args...), reply, err, want)
	}
}

// sysctl sets a limit of the peer's IPC namespace.
func (p shmPeer) sysctl(name string, value any) {
	p.t.Helper()
	if _, err := p.try("sysctl %s %v", name, value); err != nil {
		p.t.Skipf("skipping, run as root, or on a newer kernel, which lets a namespace's owner set this: %v", err)
	}
}

// shmAsk has the peer do what gives a value.
func shmAsk[T any](p shmPeer, line string) (v T) {
	p.t.Helper()
	if err := json.Unmarshal([]byte(p.ok("%s", line)), &v); err != nil {
		p.t.Fatalf("%s: %v", line, err)
	}
	return v
}

// shmCan remembers which kinds of peers this machine lets us start.
var shmCan = make(map[string]error)

// shmStart starts a peer of a kind, or skips the test where the cure is not
// taken.
func shmStart(t *testing.T, kind string, attr *syscall.SysProcAttr, cure string) shmPeer {
	t.Helper()
	if attr.Cloneflags != 0 {
		emulator.Namespaces.Skip(t)
	}
	err, known := shmCan[kind]
	if !known {
		_, err = shmScript("pid", attr)
		shmCan[kind] = err
	}
	if err != nil {
		t.Skipf("skipping, %s: %v", cure, err)
	}
	cmd := sysvtest.Command(shmPeerName)
	cmd.SysProcAttr = attr
	return shmPeer{sysvtest.StartCommand(t, cmd), t}
}

// shmSelf starts a peer that is nothing but another process.
func shmSelf(t *testing.T) shmPeer {
	t.Helper()
	return shmPeer{sysvtest.Start(t, shmPeerName), t}
}

// Users that exist nowhere else, so that no right comes to them by accident.
const (
	shmAlice   = 65523
	shmBob     = 65522
	shmFriends = 65521 // a group
)

// shmAs starts a peer as another user.
func shmAs(t *testing.T, uid, gid uint32) shmPeer {
	t.Helper()
	const cure = "run as root: it takes processes of other users"
	if os.Geteuid() != 0 {
		t.Skip("skipping, " + cure)
	}
	return shmStart(t, "another user", &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}, cure)
}

// shmStranger starts a peer to whom nothing here belongs.
func shmStranger(t *testing.T) shmPeer {
	t.Helper()
	return shmAs(t, shmAlice, shmAlice)
}

// shmOrdinary starts a peer without any capability: ourselves where we have
// none.
func shmOrdinary(t *testing.T) shmPeer {
	t.Helper()
	if os.Geteuid() != 0 {
		return shmSelf(t)
	}
	return shmAs(t, shmAlice, shmFriends)
}

// segOwnedBy has a peer create a segment of a mode, which is removed when the
// test ends.
func segOwnedBy(t *testing.T, p shmPeer, mode fs.FileMode) *shm.Segment {
	t.Helper()
	key := sysv.RandomKey()
	p.ok("create %v 10", key)
	seg := segMade(t)(shm.Open(key, nil))
	p.ok("set-mode %#o", mode)
	return seg
}

const shmUserNamespaceCure = "run as root or allow unprivileged user namespaces"

// shmMapped makes a process root of a user namespace, or whoever uid is there.
func shmMapped(flags uintptr, uid int) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | flags,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: uid, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: uid, HostID: os.Getegid(), Size: 1}},
	}
}

// shmOwnNamespace makes a process the owner of an IPC namespace.
func shmOwnNamespace(mapped bool) *syscall.SysProcAttr {
	if mapped {
		return shmMapped(syscall.CLONE_NEWIPC, 0)
	}
	return &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWIPC}
}

// shmNamespace starts a peer in an IPC namespace of its own, with the right to
// set its limits. Its objects end with it.
func shmNamespace(t *testing.T) shmPeer {
	t.Helper()
	if emulator.Running() {
		return shmPeer{sysvtest.StartCommand(t, throughUnshare(t, sysvtest.Command(shmPeerName))), t}
	}
	return shmStart(t, "IPC namespace", shmOwnNamespace(os.Geteuid() != 0), shmUserNamespaceCure)
}

// shmUserNamespace starts a peer that is root in a user namespace of its own
// and nobody in ours, to which the IPC namespace belongs.
func shmUserNamespace(t *testing.T) shmPeer {
	t.Helper()
	return shmStart(t, "user namespace", shmMapped(0, 0), shmUserNamespaceCure)
}

// segFault checks that a peer which attaches the segment dies of the last of
// these lines.
func segFault(t *testing.T, seg *shm.Segment, lines ...string) {
	t.Helper()
	cmd := sysvtest.Command(shmPeerName)
	cmd.Stdin = strings.NewReader(fmt.Sprintf("open-id %d\n%s\n", seg.ID(), strings.Join(lines, "\n")))
	var out, faults strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &faults
	err := cmd.Run()
	answers := strings.Split(strings.TrimSpace(out.String()), "\n")
	if err == nil || len(answers) != len(lines) || !strings.Contains(faults.String(), "SIGSEGV") {
		t.Errorf("%v\n%s%s, want death by SIGSEGV after %d answers", err, &out, &faults, len(lines))
	}
	for _, answer := range answers {
		if _, err := shmReply(answer); err != nil {
			t.Error(err)
		}
	}
}

//go:build linux && !android

package shm_test

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

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

// peer is a second process that a test tells, line by line, what to do with
// one segment and one mapping of it. It answers each line with one line: "ok"
// and a result, or "error", what the error is, and its text.
var peer = sysvtest.Helper("peer", func([]string) error {
	var p peerState
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		words := strings.Fields(in.Text())
		reply, err := p.do(words[0], words[1:])
		if err != nil {
			fmt.Printf("error: %v: %v\n", kindOf(err), err)
			continue
		}
		fmt.Println(strings.TrimSpace("ok " + reply))
	}
	return in.Err()
})

// kindOf is the error that a test asks for when it is errors.Is(err, ...).
func kindOf(err error) error {
	for _, kind := range []error{fs.ErrPermission, fs.ErrNotExist, sysv.ErrRemoved} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		return errno
	}
	return errors.New("another")
}

type peerState struct {
	seg *shm.Segment
	m   *shm.Mapping
}

func (p *peerState) do(verb string, args []string) (reply string, err error) {
	num := func(i int) int {
		n, err := strconv.ParseInt(args[i], 0, 64)
		if err != nil {
			panic(err)
		}
		return int(n)
	}
	// The segment that the peer has stays until it has got another.
	take := func(seg *shm.Segment, err error) error {
		if err == nil {
			p.seg = seg
		}
		return err
	}
	switch verb {
	case "create":
		err = take(shm.Create(sysv.Key(num(0)), num(1), nil))
	case "create-huge":
		err = take(shm.Create(sysv.Private, num(0), &shm.Config{HugePage: shm.DefaultHugePage}))
	case "open":
		err = take(shm.Open(sysv.Key(num(0)), nil))
	case "open-id":
		err = take(shm.OpenID(num(0)))
	case "open-or-create":
		seg, created, cerr := shm.OpenOrCreate(sysv.Key(num(0)), num(1), nil)
		err = take(seg, cerr)
		reply = fmt.Sprint(created)
	case "id":
		reply = fmt.Sprint(p.seg.ID())
	case "size":
		reply = fmt.Sprint(p.seg.Size())
	case "attach":
		p.m, err = p.seg.Attach(nil)
	case "attach-read-only":
		p.m, err = p.seg.Attach(&shm.AttachConfig{ReadOnly: true})
	case "detach":
		err = p.m.Detach()
	case "read":
		b := make([]byte, num(1))
		_, err = p.m.ReadAt(b, int64(num(0)))
		reply = string(b)
	case "write":
		_, err = p.m.WriteAt([]byte(args[1]), int64(num(0)))
	case "stat":
		_, err = p.seg.Stat()
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
		reply, err = asJSON(shm.List())
	case "usage":
		reply, err = asJSON(shm.Usage())
	case "limits":
		reply, err = asJSON(shm.Limits())
	case "chroot":
		err = syscall.Chroot(args[0])
	case "sysctl":
		err = os.WriteFile("/proc/sys/kernel/"+args[0], []byte(args[1]), 0)
	default:
		panic("peer can't " + verb)
	}
	return reply, err
}

func asJSON[T any](v T, err error) (string, error) {
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(v)
	return string(text), err
}

type peerProcess struct {
	*sysvtest.Process
	t testing.TB
}

// startPeer starts a peer, as another user or in other namespaces where attr
// says so.
func startPeer(t testing.TB, attr *syscall.SysProcAttr) peerProcess {
	t.Helper()
	cmd := sysvtest.Command(peer)
	cmd.SysProcAttr = attr
	return peerProcess{sysvtest.StartCommand(t, cmd), t}
}

// ok has the peer do what must succeed and returns its result.
func (p peerProcess) ok(format string, args ...any) string {
	p.t.Helper()
	line := fmt.Sprintf(format, args...)
	p.Send(line)
	got := p.Line()
	reply, ok := strings.CutPrefix(got, "ok")
	if !ok {
		p.t.Fatalf("%s: %s", line, got)
	}
	return strings.TrimSpace(reply)
}

// refused has the peer do what must fail with this error, whose text must have
// these parts.
func (p peerProcess) refused(want error, line string, parts ...string) {
	p.t.Helper()
	p.Send(line)
	got := p.Line()
	if !strings.HasPrefix(got, fmt.Sprintf("error: %v: ", want)) {
		p.t.Errorf("%s: %s, want %v", line, got, want)
	}
	for _, part := range parts {
		if !strings.Contains(got, part) {
			p.t.Errorf("%s: %s, want %q in it", line, got, part)
		}
	}
}

// asked has the peer do what gives a value.
func asked[T any](p peerProcess, line string) (v T) {
	p.t.Helper()
	if err := json.Unmarshal([]byte(p.ok("%s", line)), &v); err != nil {
		p.t.Fatalf("%s: %v", line, err)
	}
	return v
}

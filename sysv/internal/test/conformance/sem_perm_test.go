//go:build linux && !android

package conformance

import (
	"io/fs"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"golang.org/x/sys/unix"
)

// Permissions: ipcperms of ipc/util.c.
var semPermRows = []row{
	{"SEM-003", "a stranger gets EACCES where he wants what the mode withholds: not at Open, which wants nothing, but at each use", func(t *testing.T) {
		p := strangerToSet(t)
		s := newKeyedSet(t, 1)
		kit.Must(t, s.SetMode(0))
		p.want(s.ID(), "open", s.Key())
		for _, use := range setReadsAndWrites {
			p.want(syscall.EACCES, use.verb, use.args...)
		}
		wantSetValues(t, s, 1)
	}},
	{"SEM-004", "a lookup that asks for no permission finds a stranger's set", func(t *testing.T) {
		p := strangerToSet(t)
		s := newKeyedSet(t, 1)
		p.want(s.ID(), "open", s.Key())
	}},
	{"SEM-023", "to change a semaphore without write permission is EACCES, whether or not it would have to wait", func(t *testing.T) {
		s := newSet(t, 1, 1)
		p := ownerOfSet(t, s, 0)
		for _, mode := range []fs.FileMode{0, 0o400, 0o077} {
			kit.Must(t, s.SetMode(mode))
			for _, verb := range []string{"do", "try"} {
				p.want(syscall.EACCES, verb, semPost)
				p.want(syscall.EACCES, verb, semUndo(-1))
				p.want(syscall.EACCES, verb, semUndo(-2))
			}
		}
		kit.Must(t, s.SetMode(0o200))
		p.want(nil, "do", semPost)
		kit.Must(t, s.SetMode(0o400))
		p.want([]int{2, 1}, "values")
	}},
	{"SEM-060", "with read permission alone one can wait for 0 and not change a value", func(t *testing.T) {
		s := newSet(t, 0)
		p := ownerOfSet(t, s, 0o400)
		p.want(nil, "do", semZero)
		p.want(syscall.EACCES, "do", semPost)
		p.want(syscall.EACCES, "do", semZero, semPost)
		p.want([]int{0}, "values")
	}},
	{"SEM-098", "the state of a set is kept even from an owner without read permission: EACCES", func(t *testing.T) {
		s := newSet(t, 1)
		p := ownerOfSet(t, s, 0)
		for _, mode := range []fs.FileMode{0, 0o200, 0o044} {
			kit.Must(t, s.SetMode(mode))
			p.want(syscall.EACCES, "stat")
		}
		kit.Must(t, s.SetMode(0o400))
		wantSame(t, "id", askPeer[struct{ ID int }](p, "stat").ID, s.ID())
	}},
	{"SEM-102", "a stranger may neither change a set's permissions nor remove it, whatever the mode: EPERM", func(t *testing.T) {
		p := strangerToSet(t)
		s := newSetOfMode(t, 0o666, 1)
		want := setStat(t, s)
		p.want(s.ID(), "open-id", s.ID())
		p.want(syscall.EPERM, "set-perm", kit.Nobody, kit.Nobody, 0o666)
		p.want(syscall.EPERM, "set-mode", 0o777)
		p.want(syscall.EPERM, "remove")
		wantSame(t, "Stat", setStat(t, s), want)
	}},
	{"SEM-103", "GETVAL and GETALL want read permission, SETVAL and SETALL write permission, of the owner too", func(t *testing.T) {
		s := newSet(t, 1)
		p := ownerOfSet(t, s, 0)
		for _, mode := range []fs.FileMode{0o200, 0o400} {
			kit.Must(t, s.SetMode(mode))
			with := func(bit fs.FileMode, answer any) any {
				if mode&bit == 0 {
					return syscall.EACCES
				}
				return answer
			}
			p.want(with(0o400, 1), "value", 0)
			p.want(with(0o400, []int{1}), "values")
			p.want(with(0o200, nil), "set-value", 0, 1)
		}
		emulator.WriteOnly.Skip(t)
		p.want(syscall.EACCES, "set-values", 1)
		kit.Must(t, s.SetMode(0o200))
		p.want(nil, "set-values", 1)
	}},
	{"SEM-104", "an owner who shut himself out with mode 0 can still give himself permission", func(t *testing.T) {
		s := newSet(t, 4)
		p := ownerOfSet(t, s, 0o600)
		p.want(4, "value", 0)
		p.want(nil, "set-mode", 0)
		p.want(syscall.EACCES, "value", 0)
		p.want(syscall.EACCES, "stat")
		p.want(nil, "set-mode", 0o600)
		p.want(4, "value", 0)
	}},
	{"SEM-124", "in a user namespace of its own a process uses a set of the IPC namespace around by who it is outside, see user_namespaces(7)", func(t *testing.T) {
		kit.NeedRoot(t, "has a set that is another user's")
		s := newSetOfMode(t, 0o666, 1)
		p := peerInNamespaces(t, semPeer, unix.CLONE_NEWUSER)
		p.want(s.ID(), "open-id", s.ID())
		p.want(nil, "do", semPost)
		p.want(2, "value", 0)
		p.want(syscall.EPERM, "set-perm", 0, 0, 0o666)
		p.want(syscall.EINVAL, "set-mode", 0o666) // it can't name the owner
		kit.Must(t, s.SetMode(0o660))             // which being root in there does not help
		p.want(syscall.EACCES, "do", semPost)
		p.want(syscall.EACCES, "value", 0)
		wantSetValues(t, s, 2)
		wantSame(t, "last pid", kit.Number(t)(s.LastPID(0)), p.pid())
	}},
}

// setReadsAndWrites are calls that a mode can forbid.
var setReadsAndWrites = []struct {
	verb string
	args []any
}{
	{"value", []any{0}},
	{"values", nil},
	{"last-pid", []any{0}},
	{"waiters", []any{0}},
	{"zero-waiters", []any{0}},
	{"stat", nil},
	{"do", []any{semZero}},
	{"do", []any{semTake}},
	{"try", []any{semPost}},
	{"set-value", []any{0, 3}},
	{"set-values", []any{3}},
}

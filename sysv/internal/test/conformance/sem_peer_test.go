//go:build linux && !android

package conformance

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/sysvtest"
	"golang.org/x/sys/unix"
)

// semPeer is a peer that has a set.
var semPeer = sysvtest.Helper("sem-peer", func([]string) error {
	var p semPeerState
	return servePeer(p.call)
})

type semPeerState struct{ *sem.Set }

func (p *semPeerState) call(verb string, args peerArgs) (answer any, err error) {
	use := func(s *sem.Set, err error) (any, error) {
		if err != nil {
			return nil, err
		}
		p.Set = s
		return s.ID(), nil
	}
	switch verb {
	case "create":
		return use(sem.Create(args.key(0), args[1:].nums(), nil))
	case "open":
		return use(sem.Open(forever, args.key(0), nil))
	case "open-id":
		return use(sem.OpenID(args.num(0)))
	case "do":
		return nil, p.Do(forever, semOps(args)...)
	case "do-on-a-thread-that-ends":
		return nil, kit.OnThreadThatEnds(func() error { return p.Do(forever, semOps(args)...) })
	case "try":
		return p.Try(semOps(args)...)
	case "value":
		return p.Value(args.num(0))
	case "values":
		return p.Values()
	case "set-value":
		return nil, p.SetValue(args.num(0), args.num(1))
	case "set-values":
		return nil, p.SetValues(args.nums())
	case "last-pid":
		return p.LastPID(args.num(0))
	case "waiters":
		return p.Waiters(args.num(0))
	case "zero-waiters":
		return p.ZeroWaiters(args.num(0))
	case "stat":
		return p.Stat()
	case "set-perm":
		return nil, p.SetPerm(uint32(args.num(0)), uint32(args.num(1)), fs.FileMode(args.num(2)))
	case "set-mode":
		return nil, p.SetMode(fs.FileMode(args.num(0)))
	case "remove":
		return nil, p.Remove()
	case "list":
		return sem.List()
	case "limits":
		return sem.Limits()
	case "usage":
		return sem.Usage()
	case "lock-and-unlock":
		return nil, lockAndUnlockSet(p.Set, args.num(0))
	case "take-and-give-back":
		return nil, takeAndGiveBackOfSet(p.Set, rand.New(rand.NewPCG(uint64(args.num(0)), 0)), args.num(1))
	case "unshare-ipc":
		return nil, kit.OnThreadThatEnds(func() error { return unix.Unshare(unix.CLONE_NEWIPC) })
	}
	panic("the peer can't " + verb)
}

func lockAndUnlockSet(s *sem.Set, rounds int) error {
	for range rounds {
		if err := s.Do(forever, semUndo(-1)); err != nil {
			return err
		}
		if v, err := s.Value(0); v != 0 || err != nil {
			return fmt.Errorf("value %d while locked, %v", v, err)
		}
		if err := s.Do(forever, semUndo(+1)); err != nil {
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

// semOps reads what word wrote.
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

// newSetPeer starts a peer that has the set.
func newSetPeer(t *testing.T, s *sem.Set) peer {
	t.Helper()
	p := startPeer(t, semPeer, nil)
	p.want(s.ID(), "open-id", s.ID())
	return p
}

// ownerOfSet returns a peer of an ordinary user who owns the set, which has
// this mode.
func ownerOfSet(t *testing.T, s *sem.Set, mode fs.FileMode) peer {
	t.Helper()
	emulator.Mode.Skip(t)
	var attr *syscall.SysProcAttr
	if os.Geteuid() == 0 {
		attr = asNobody()
		kit.Must(t, s.SetPerm(kit.Nobody, kit.Nobody, mode))
	} else {
		kit.Must(t, s.SetMode(mode))
	}
	p := startPeer(t, semPeer, attr)
	p.want(s.ID(), "open-id", s.ID())
	return p
}

// strangerToSet returns a peer of a user who neither owns nor made it.
func strangerToSet(t *testing.T) peer {
	t.Helper()
	kit.NeedRoot(t, "can be two users")
	return startPeer(t, semPeer, asNobody())
}

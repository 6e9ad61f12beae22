//go:build linux && !android

package conformance

import (
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/sem"
	"golang.org/x/sys/unix"
)

// SEM_UNDO: semop(2), exit_sem of ipc/sem.c.
var semUndoRows = []row{
	{"SEM-064", "what a process did with SEM_UNDO is taken back when it exits", func(t *testing.T) {
		wantSetUndone(t, peer.Finish, semUndoCase{[]int{5}, []sem.Op{semUndo(-3)}, []int{2}, nil, []int{5}})
		wantSetUndone(t, peer.Finish, semUndoCase{[]int{5}, []sem.Op{semUndo(+3)}, []int{8}, nil, []int{5}})
		wantSetUndone(t, peer.Finish, semUndoCase{[]int{5}, []sem.Op{{Delta: -3}}, []int{2}, nil, []int{2}})
		wantSetUndone(t, peer.Finish, semUndoCase{[]int{5}, []sem.Op{semUndo(-3), semUndo(+1), semPost}, []int{4}, nil, []int{6}})
	}},
	{"SEM-065", "it is taken back when the process is killed", func(t *testing.T) {
		wantSetUndone(t, peer.Kill, semUndoCase{[]int{5}, []sem.Op{semUndo(-3)}, []int{2}, nil, []int{5}})
		wantSetUndone(t, peer.Kill, semUndoCase{[]int{5}, []sem.Op{semUndo(+3)}, []int{8}, nil, []int{5}})
	}},
	{"SEM-066", "the end of the thread that did it takes nothing back, that of the process does", func(t *testing.T) {
		s := newSet(t, 2)
		p := newSetPeer(t, s)
		p.want(nil, "do-on-a-thread-that-ends", semUndo(-1))
		wantSetValues(t, s, 1)
		p.want(1, "value", 0)
		p.Finish()
		wantSetValues(t, s, 2)
	}},
	{"SEM-068", "the end of a child takes back nothing of its parent's", func(t *testing.T) {
		s := newSet(t, 2)
		kit.Must(t, s.Do(forever, semUndo(-1)))
		p := newSetPeer(t, s)
		p.want(nil, "do", semTake)
		p.Finish()
		wantSetValues(t, s, 0)
	}},
	{"SEM-070", "what is taken back is clamped to SEMVMX, and to 0", func(t *testing.T) {
		add := func(n int) func(*sem.Set) error {
			return func(s *sem.Set) error { return s.Do(forever, sem.Op{Delta: n}) }
		}
		wantSetUndone(t, peer.Finish, semUndoCase{[]int{9}, []sem.Op{semUndo(-9)}, []int{0}, add(semMax - 1), []int{semMax}})
		wantSetUndone(t, peer.Finish, semUndoCase{[]int{0}, []sem.Op{semUndo(+9)}, []int{9}, add(-7), []int{0}})
	}},
	{"SEM-072", "SETALL makes all processes' undo for the set forgotten, SETVAL that for the semaphore", func(t *testing.T) {
		ops := []sem.Op{{Num: 0, Delta: -1, Flags: sem.Undo}, {Num: 1, Delta: -1, Flags: sem.Undo}}
		wantSetUndone(t, peer.Finish, semUndoCase{[]int{5, 5}, ops, []int{4, 4},
			func(s *sem.Set) error { return s.SetValues([]int{7, 8}) }, []int{7, 8}})
		wantSetUndone(t, peer.Finish, semUndoCase{[]int{5, 5}, ops, []int{4, 4},
			func(s *sem.Set) error { return s.SetValue(0, 7) }, []int{7, 5}})
	}},
	{"SEM-074", "an operation that failed leaves nothing to take back", func(t *testing.T) {
		s := newSet(t, 1, 0)
		p := newSetPeer(t, s)
		p.want(sysv.ErrWouldBlock, "do", semUndo(-1), sem.Op{Num: 1, Delta: -1, Flags: sem.Undo | sem.NoWait})
		p.want(false, "try", semUndo(-1), sem.Op{Num: 1, Delta: -1, Flags: sem.Undo})
		p.Finish()
		wantSetValues(t, s, 1, 0)
	}},
	{"SEM-075", "to take back is the ended process's operation: the last pid is its own", func(t *testing.T) {
		s := newSet(t, 1)
		p := newSetPeer(t, s)
		p.want(nil, "do", semUndo(-1))
		kit.Must(t, s.Do(forever, semPost))
		wantSame(t, "last pid before", kit.Number(t)(s.LastPID(0)), unix.Getpid())
		p.Finish()
		wantSetValues(t, s, 2)
		wantSame(t, "last pid after", kit.Number(t)(s.LastPID(0)), p.pid())
	}},
	{"SEM-076", "after any number of processes that only used SEM_UNDO the values are those of the start", func(t *testing.T) {
		r := storm.Random(t)
		var sets []*sem.Set
		var peers []peer
		for range 3 {
			s := newSet(t, 20, 20, 20, 20, 20)
			sets = append(sets, s)
			for range 5 {
				p := newSetPeer(t, s)
				p.tell("take-and-give-back", r.Uint32()>>1, 200)
				peers = append(peers, p)
			}
		}
		for i, p := range peers {
			if i%2 == 0 {
				p.Expect(answerText(nil))
				p.Finish()
			} else {
				p.Kill() // in the middle of it, or after it
			}
		}
		for _, s := range sets {
			wantSetValues(t, s, 20, 20, 20, 20, 20)
		}
	}},
	{"SEM-078", "a process that leaves the IPC namespace takes back at once and then never, if it has but one thread; one of several threads that leaves, as of a Go program, takes back nothing", func(t *testing.T) {
		kit.NeedCommand(t, "unshare")
		s := newSet(t, 1)
		p := peerInNamespaces(t, semPeer, 0)
		p.want(s.ID(), "open-id", s.ID())
		p.want(nil, "do", semUndo(-1))
		p.want(nil, "unshare-ipc")
		wantSetValues(t, s, 0)
		p.want(0, "value", 0)
		p.Finish()
		wantSetValues(t, s, 1)

		p = peerInNamespaces(t, semPeer, 0)
		p.want(s.ID(), "open-id", s.ID())
		p.want(nil, "do", semUndo(-1))
		p.tell("exec", "unshare", "--ipc", "cat") // what there is to undo survives exec
		kit.Eventually(t, "it is taken back", func() bool { return kit.Number(t)(s.Value(0)) == 1 })
		p.Send("still alive")
		p.Expect("still alive")
		p.Finish()
		wantSetValues(t, s, 1)
	}},
}

// semUndoCase is what a process does, and what becomes of it when it ends.
type semUndoCase struct {
	start     []int
	ops       []sem.Op
	held      []int // while it lives
	meanwhile func(*sem.Set) error
	after     []int
}

func wantSetUndone(t *testing.T, end func(peer), tt semUndoCase) {
	t.Helper()
	s := newSet(t, tt.start...)
	p := newSetPeer(t, s)
	for _, op := range tt.ops {
		p.want(nil, "do", op)
	}
	wantSetValues(t, s, tt.held...)
	if tt.meanwhile != nil {
		kit.Must(t, tt.meanwhile(s))
	}
	end(p)
	wantSetValues(t, s, tt.after...)
}

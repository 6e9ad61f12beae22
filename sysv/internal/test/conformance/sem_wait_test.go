//go:build linux && !android

package conformance

import (
	"context"
	"errors"
	"slices"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/sem"
	"golang.org/x/sys/unix"
)

// semBlocked are the ways to wait on a semaphore that is 1.
var semBlocked = map[string]sem.Op{"to take": {Delta: -2}, "for zero": semZero}

// Operations that wait, and who wakes them: semop(2), signal(7).
var semWaitRows = []row{
	{"SEM-033", "a wait with a timeout ends no earlier, and has changed nothing", func(t *testing.T) {
		s := newSet(t, 1)
		for name, op := range semBlocked {
			kit.WantDeadline(t, name, func(ctx context.Context) error { return s.Do(ctx, op) })
		}
		wantSetValues(t, s, 1)
		awaitSetWaiters(t, s, 0, 0)
	}},
	{"SEM-039", "without a timeout a wait lasts until it can succeed", func(t *testing.T) {
		s := newSet(t, 1)
		kit.Must(t, s.Do(forever, semTake))
		wait := kit.Async(t, func() error { return s.Do(forever, semTake) })
		awaitSetWaiters(t, s, 1, 0)
		kit.Must(t, s.Do(forever, semPost))
		kit.Must(t, wait())
		wantSetValues(t, s, 0)
	}},
	{"SEM-041", "removal of the set ends a wait with EIDRM", func(t *testing.T) {
		for name, op := range semBlocked {
			t.Run(name, func(t *testing.T) {
				s := newSet(t, 1)
				p := newSetPeer(t, s)
				p.tell("do", op)
				var waits []func() error
				for _, ctx := range kit.Contexts(t) {
					waits = append(waits, kit.Async(t, func() error { return s.Do(ctx, op) }))
				}
				awaitAllOfSet(t, s, 1+len(waits))
				kit.Must(t, s.Remove())
				p.Expect(answerText(sysv.ErrRemoved))
				for _, wait := range waits {
					kit.WantError(t, wait(), sysv.ErrRemoved)
				}
			})
		}
	}},
	{"SEM-043", "a signal with a handler interrupts a wait (EINTR), which Do then goes on with", func(t *testing.T) {
		for name, op := range semBlocked {
			t.Run(name, func(t *testing.T) {
				s := newSet(t, 1)
				p := newSetPeer(t, s)
				p.want(nil, "catch")
				p.tell("do", op)
				awaitAllOfSet(t, s, 1)
				kit.Must(t, kit.Signal(p.pid(), unix.SIGUSR1))
				p.Expect(unix.SIGUSR1.String())
				for range 20 {
					kit.Must(t, kit.Signal(p.pid(), unix.SIGUSR1))
				}
				awaitAllOfSet(t, s, 1)
				kit.Must(t, s.SetValue(0, -op.Delta))
				p.Expect(answerText(nil))
				wantSetValues(t, s, 0)
			})
		}
	}},
	{"SEM-044", "a handler with SA_RESTART, as Go's are, interrupts a wait too: thus a context ends it, and no signal puts off its deadline", func(t *testing.T) {
		for name, op := range semBlocked {
			t.Run(name, func(t *testing.T) {
				s := newSet(t, 1)
				for _, parent := range kit.Contexts(t) {
					ctx, cancel := context.WithCancel(parent)
					wait := kit.Async(t, func() error { return s.Do(ctx, op) })
					awaitAllOfSet(t, s, 1)
					cancel()
					if err := wait(); !errors.Is(err, context.Canceled) {
						t.Errorf("error %v", err)
					}
					awaitAllOfSet(t, s, 0)
				}

				do := func(ctx context.Context) error { return s.Do(ctx, op) }
				kit.WantDeadline(t, "under signals", kit.Signalled(t, do, unix.SIGURG))
				awaitAllOfSet(t, s, 0)
				wantSetValues(t, s, 1)
			})
		}
	}},
	{"SEM-046", "two processes take turns with a lock a thousand times", func(t *testing.T) {
		s := newSet(t, 1)
		peers := []peer{newSetPeer(t, s), newSetPeer(t, s)}
		for _, p := range peers {
			p.tell("lock-and-unlock", 1000)
		}
		for _, p := range peers {
			p.Expect(answerText(nil))
		}
		wantSetValues(t, s, 1)
		kit.Must(t, s.Remove())
	}},
	{"SEM-047", "as many as are posted are taken, by any threads", func(t *testing.T) {
		s := newSet(t, 0)
		var calls []func() error
		for range 100 {
			calls = append(calls,
				func() error { return s.Do(forever, semPost) },
				func() error { return s.Do(forever, semTake) })
		}
		allAtOnce(t, calls)
		wantSetValues(t, s, 0)
	}},
	{"SEM-048", "a thread that takes waits for one that adds", func(t *testing.T) {
		for name, ctx := range kit.Contexts(t) {
			t.Run(name, func(t *testing.T) {
				s := newSet(t, 0)
				wait := kit.Async(t, func() error { return s.Do(ctx, semTake) })
				awaitSetWaiters(t, s, 1, 0)
				kit.Must(t, s.Do(forever, semPost))
				kit.Must(t, wait())
				wantSetValues(t, s, 0)
			})
		}
	}},
	{"SEM-055", "of those who wait alike, whoever came first is served first", func(t *testing.T) {
		s := newSet(t, 0)
		queue := []peer{newSetPeer(t, s), newSetPeer(t, s), newSetPeer(t, s)}
		for i, p := range queue {
			p.tell("do", semTake)
			awaitSetWaiters(t, s, i+1, 0)
		}
		for i, p := range queue {
			kit.Must(t, s.Do(forever, semPost))
			p.Expect(answerText(nil))
			awaitSetWaiters(t, s, len(queue)-i-1, 0)
		}
	}},
	{"SEM-058", "no wakeup is lost among threads that add, take and wait for zero at random", func(t *testing.T) {
		r := storm.Random(t)
		s := newSet(t, 0)
		const each = 60
		amounts := make([]int, 5*each)
		for i := range amounts {
			amounts[i] = 1 + r.IntN(5)
		}
		add, take := slices.Clone(amounts), amounts
		r.Shuffle(len(add), func(i, j int) { add[i], add[j] = add[j], add[i] })
		var calls []func() error
		for i := range 5 {
			calls = append(calls,
				func() error { return semDoEach(s, +1, add[i*each:(i+1)*each]) },
				func() error { return semDoEach(s, -1, take[i*each:(i+1)*each]) },
				func() error { return semDoEach(s, 0, amounts[:1+i]) })
		}
		allAtOnce(t, calls)
		wantSetValues(t, s, 0)
		awaitSetWaiters(t, s, 0, 0)
	}},
	{"SEM-082", "GETNCNT counts who waits for more", func(t *testing.T) {
		s := newSet(t, 0)
		peers := blockedOnSet(t, s, semTake, 3)
		awaitSetWaiters(t, s, 3, 0)
		kit.Must(t, s.Do(forever, sem.Op{Delta: +3}))
		expectAllOfSet(peers)
		awaitSetWaiters(t, s, 0, 0)
	}},
	{"SEM-083", "GETZCNT counts who waits for zero", func(t *testing.T) {
		s := newSet(t, 1)
		peers := blockedOnSet(t, s, semZero, 3)
		awaitSetWaiters(t, s, 0, 3)
		kit.Must(t, s.Do(forever, semTake))
		expectAllOfSet(peers)
		awaitSetWaiters(t, s, 0, 0)
	}},
	{"SEM-085", "who waits on a removed set can't be asked: kernel's EINVAL, here ErrRemoved", func(t *testing.T) {
		s := newSet(t, 1)
		wait := kit.Async(t, func() error { return s.Do(forever, semZero) })
		awaitSetWaiters(t, s, 0, 1)
		kit.Must(t, s.Remove())
		_, err := s.Waiters(0)
		kit.WantError(t, err, sysv.ErrRemoved)
		_, err = s.ZeroWaiters(0)
		kit.WantError(t, err, sysv.ErrRemoved)
		kit.WantError(t, wait(), sysv.ErrRemoved)
	}},
	{"SEM-086", "whoever is killed or interrupted waits no more", func(t *testing.T) {
		for name, op := range semBlocked {
			t.Run(name, func(t *testing.T) {
				s := newSet(t, 1)
				p := blockedOnSet(t, s, op, 1)[0]
				ctx, cancel := context.WithCancel(t.Context())
				wait := kit.Async(t, func() error { return s.Do(ctx, op) })
				awaitAllOfSet(t, s, 2)
				p.Kill()
				awaitAllOfSet(t, s, 1)
				cancel()
				kit.WantError(t, wait(), context.Canceled)
				awaitAllOfSet(t, s, 0)
				wantSetValues(t, s, 1)
			})
		}
	}},
	{"SEM-092", "SETVAL and SETALL wake who can go on with the new value", func(t *testing.T) {
		for name, op := range semBlocked {
			value := -op.Delta
			for how, wake := range map[string]func(*sem.Set) error{
				"SETVAL": func(s *sem.Set) error { return s.SetValue(0, value) },
				"SETALL": func(s *sem.Set) error { return s.SetValues([]int{value}) },
			} {
				for ctxName, ctx := range kit.Contexts(t) {
					t.Run(name+"/"+how+"/"+ctxName, func(t *testing.T) {
						s := newSet(t, 1)
						wait := kit.Async(t, func() error { return s.Do(ctx, op) })
						awaitAllOfSet(t, s, 1)
						kit.Must(t, wake(s))
						kit.Must(t, wait())
						wantSetValues(t, s, 0)
					})
				}
			}
		}
	}},
}

// awaitAllOfSet waits until so many are blocked on semaphore 0, in either way.
func awaitAllOfSet(t *testing.T, s *sem.Set, want int) {
	t.Helper()
	kit.Eventually(t, "all wait", func() bool {
		return kit.Number(t)(s.Waiters(0))+kit.Number(t)(s.ZeroWaiters(0)) == want
	})
}

// blockedOnSet returns peers that wait.
func blockedOnSet(t *testing.T, s *sem.Set, op sem.Op, n int) []peer {
	t.Helper()
	var peers []peer
	for range n {
		p := newSetPeer(t, s)
		p.tell("do", op)
		peers = append(peers, p)
	}
	return peers
}

func expectAllOfSet(peers []peer) {
	for _, p := range peers {
		p.t.Helper()
		p.Expect(answerText(nil))
	}
}

// semDoEach adds or takes each amount, or where sign is 0 waits for zero as
// often.
func semDoEach(s *sem.Set, sign int, amounts []int) error {
	for _, n := range amounts {
		if err := s.Do(forever, sem.Op{Delta: sign * n}); err != nil {
			return err
		}
	}
	return nil
}

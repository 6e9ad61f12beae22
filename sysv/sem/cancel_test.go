//go:build linux && !android

package sem_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/sysvtest"
)

// A blocking call takes one from semaphore 0, however long that takes, and
// gives it back.
type blocking struct {
	name string
	take func(context.Context) error
	give func() error
}

func blockingCalls(s *sem.Set) []blocking {
	c := s.Counting(0, 0)
	return []blocking{
		{"Do", func(ctx context.Context) error { return s.Do(ctx, take) }, func() error { return s.Do(bg, post) }},
		{"Lock", s.Mutex(0).Lock, s.Mutex(0).Unlock},
		{"Acquire", func(ctx context.Context) error { return c.Acquire(ctx, 1) }, func() error { return c.Release(1) }},
	}
}

// SYSVIPC_STORM=full makes it 10,000 cancellations. BenchmarkCancel measures.
func TestCancellationAtAnyMoment(t *testing.T) {
	r := storm.Random(t)
	rounds := storm.Amount(500, 10_000)
	s := newSet(t, 0)
	for _, call := range blockingCalls(s) {
		t.Run(call.name, func(t *testing.T) {
			var l kit.Latencies
			for range rounds {
				l.Cancel(t, r, call.take)
			}
			wantValues(t, s, 0)
			awaitWaiters(t, s, 0, 0)
			l.Log(t)
		})
	}
}

func BenchmarkCancel(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 0))
	s := newSet(b, 0)
	for _, call := range blockingCalls(s) {
		b.Run(call.name, func(b *testing.B) {
			var l kit.Latencies
			for b.Loop() {
				l.Cancel(b, r, call.take)
			}
			l.Report(b)
		})
	}
}

// Where a token and the cancellation come at the same instant the call may go
// either way, but must say which.
func TestCancellationAgainstAToken(t *testing.T) {
	r := storm.Random(t)
	rounds := storm.Amount(500, 10_000)
	s := newSet(t, 0)
	for _, call := range blockingCalls(s) {
		t.Run(call.name, func(t *testing.T) {
			taken := 0
			for range rounds {
				posted := kit.AtMoment(r, func() {
					if err := s.Do(bg, post); err != nil {
						t.Error(err)
					}
				})
				_, err := kit.CancelAfter(t, kit.Moment(r), call.take)
				posted()
				switch {
				case err == nil:
					taken++
					kit.Must(t, call.give())
				case !errors.Is(err, context.Canceled):
					t.Fatalf("error %v", err)
				}
				wantValues(t, s, 1)
				kit.Must(t, s.SetValue(0, 0))
			}
			t.Logf("%d of %d taken", taken, rounds)
		})
	}
}

// mix takes and posts in several goroutines at once, gives up at random
// moments, and returns how many it has taken and posted.
func mix(s *sem.Set, seed uint64, rounds int) (taken, posted int, err error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	c := s.Counting(0, 0)
	for i := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, i))
		wg.Go(func() {
			for range rounds {
				var t, p int
				var e error
				if i%3 == 0 {
					time.Sleep(kit.Moment(r))
					e, p = s.Do(bg, post), 1
				} else {
					t, e = tryToTake(s, c, r)
				}
				mu.Lock()
				taken, posted, err = taken+t, posted+p, errors.Join(err, e)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return taken, posted, err
}

// tryToTake takes one or two, or gives up at a random moment, and returns how
// many it has taken.
func tryToTake(s *sem.Set, c *sem.Counting, r *rand.Rand) (int, error) {
	ctx, cancel := kit.Momentary(r)
	defer cancel()
	n := 1 + r.IntN(2)
	var err error
	if r.IntN(2) == 0 {
		err = s.Do(ctx, sem.Op{Delta: -n})
	} else {
		err = c.Acquire(ctx, n)
	}
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, ctx.Err()), errors.Is(err, context.DeadlineExceeded): // it may be a moment ahead of ctx
		return 0, nil
	}
	return 0, err
}

var mixes = sysvtest.Helper("mixes", func(args []string) error {
	s, v, err := setAndNumbers(args[:2])
	if err != nil {
		return err
	}
	seed, err := strconv.ParseUint(args[2], 10, 64)
	if err != nil {
		return err
	}
	taken, posted, err := mix(s, seed, v[0])
	fmt.Println(taken, posted)
	return err
})

func TestCancellationsOfProcessesLoseNoToken(t *testing.T) {
	r := storm.Random(t)
	rounds := storm.Amount(100, 5000)
	s := newSet(t, 0)
	var ps []*sysvtest.Process
	for range 2 {
		ps = append(ps, sysvtest.Start(t, mixes, strconv.Itoa(s.ID()), strconv.Itoa(rounds), strconv.FormatUint(r.Uint64(), 10)))
	}
	taken, posted, err := mix(s, r.Uint64(), rounds)
	kit.Must(t, err)
	for _, p := range ps {
		var t2, p2 int
		_, err := fmt.Sscan(p.Line(), &t2, &p2)
		kit.Must(t, err)
		p.Finish()
		taken, posted = taken+t2, posted+p2
	}
	t.Logf("%d of %d taken", taken, posted)
	wantValues(t, s, posted-taken)
	awaitWaiters(t, s, 0, 0)
}

//go:build linux && !android

package sem_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"example.com/sysvipc/sysv/internal/kit"
	"example.com/sysvipc/sysv/internal/storm"
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

// cancelAfter cancels a call, pause after it began. It returns how long after
// the cancellation the call returned, and its error.
func cancelAfter(t testing.TB, pause time.Duration, call func(context.Context) error) (time.Duration, error) {
	t.Helper()
	type end struct {
		err error
		at  time.Time
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	begun, ended := make(chan time.Time), make(chan end, 1)
	go func() {
		begun <- time.Now()
		err := call(ctx)
		ended <- end{err, time.Now()}
	}()
	// A timer would be late by more than what is to be hit.
	for begin := <-begun; time.Since(begin) < pause; {
		runtime.Gosched()
	}
	at := time.Now()
	cancel()
	select {
	case e := <-ended:
		return e.at.Sub(at), e.err
	case <-time.After(kit.Patience):
		t.Fatalf("still waiting %v after its cancellation", kit.Patience)
		return 0, nil
	}
}

// moment is one when a wait is under way for certain, or as often one when it
// begins.
func moment(r *rand.Rand) time.Duration {
	longest := 300 * time.Microsecond
	if r.IntN(2) == 0 {
		longest = 10 * time.Microsecond
	}
	return time.Duration(r.Int64N(int64(longest)))
}

type latencies []time.Duration

// quantiles returns them in microseconds.
func (l latencies) quantiles() (p50, p99, max float64) {
	slices.Sort(l)
	us := func(i int) float64 { return float64(l[i].Nanoseconds()) / 1000 }
	return us(len(l) / 2), us(len(l) * 99 / 100), us(len(l) - 1)
}

// SYSVIPC_STORM=full makes it 10,000 cancellations. BenchmarkCancel measures.
func TestCancellationAtAnyMoment(t *testing.T) {
	r := storm.Random(t)
	rounds := storm.Amount(500, 10_000)
	s := newSet(t, 0)
	for _, call := range blockingCalls(s) {
		t.Run(call.name, func(t *testing.T) {
			var l latencies
			for range rounds {
				latency, err := cancelAfter(t, moment(r), call.take)
				if err != context.Canceled {
					t.Fatalf("error %v", err)
				}
				l = append(l, latency)
			}
			wantValues(t, s, 0)
			awaitWaiters(t, s, 0, 0)
			p50, p99, max := l.quantiles()
			t.Logf("%d cancellations: p50 %.0f µs, p99 %.0f µs, max %.0f µs", rounds, p50, p99, max)
		})
	}
}

func BenchmarkCancel(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 0))
	s := newSet(b, 0)
	for _, call := range blockingCalls(s) {
		b.Run(call.name, func(b *testing.B) {
			var l latencies
			for b.Loop() {
				latency, err := cancelAfter(b, moment(r), call.take)
				if err != context.Canceled {
					b.Fatal(err)
				}
				l = append(l, latency)
			}
			p50, p99, max := l.quantiles()
			b.ReportMetric(0, "ns/op") // of which most is the moment
			b.ReportMetric(p50, "p50-us")
			b.ReportMetric(p99, "p99-us")
			b.ReportMetric(max, "max-us")
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
				var posted sync.WaitGroup
				at := time.Now().Add(moment(r))
				posted.Go(func() {
					for time.Now().Before(at) {
						runtime.Gosched()
					}
					if err := s.Do(bg, post); err != nil {
						t.Error(err)
					}
				})
				_, err := cancelAfter(t, moment(r), call.take)
				posted.Wait()
				switch {
				case err == nil:
					taken++
					kit.Must(t, call.give())
				case err != context.Canceled:
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
					time.Sleep(moment(r))
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
	ctx, cancel := context.WithCancel(bg)
	defer cancel()
	if r.IntN(2) == 0 {
		ctx, cancel = context.WithTimeout(ctx, moment(r))
		defer cancel()
	} else {
		time.AfterFunc(moment(r), cancel)
	}
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
	case err == ctx.Err(), err == context.DeadlineExceeded: // it may be a moment ahead of ctx
		return 0, nil
	}
	return 0, err
}

var mixes = sysvtest.Helper("mixes", func(args []string) error {
	id, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	seed, err := strconv.ParseUint(args[1], 10, 64)
	if err != nil {
		return err
	}
	rounds, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	s, err := sem.OpenID(id)
	if err != nil {
		return err
	}
	taken, posted, err := mix(s, seed, rounds)
	fmt.Println(taken, posted)
	return err
})

func TestCancellationsOfProcessesLoseNoToken(t *testing.T) {
	r := storm.Random(t)
	rounds := storm.Amount(100, 5000)
	s := newSet(t, 0)
	var ps []*sysvtest.Process
	for range 2 {
		ps = append(ps, sysvtest.Start(t, mixes, strconv.Itoa(s.ID()), strconv.FormatUint(r.Uint64(), 10), strconv.Itoa(rounds)))
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

//go:build linux && !android

package event_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/sysvipc/sysv/event"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/sysvtest"
)

// gather has n goroutines wait on a Count, each with its own context, and returns
// when all do.
func gather(t *testing.T, n int, c *event.Count, ctx func(i int) context.Context) (errs []error, all *sync.WaitGroup) {
	t.Helper()
	errs, all = make([]error, n), new(sync.WaitGroup)
	seen := c.Read()
	var begun atomic.Int32
	for i := range n {
		all.Go(func() {
			begun.Add(1)
			errs[i] = untilChanged(ctx(i), c, seen)
		})
	}
	kit.Eventually(t, "all wait", func() bool { return begun.Load() == int32(n) })
	time.Sleep(5 * time.Millisecond)
	return errs, all
}

// crowd has many wait at once, wakes them by one advance and prints how many threads
// there were. It is a process of its own, for a thread that another test needed stays.
var crowd = sysvtest.Helper("crowd", func(args []string) error {
	n, err := kit.Numbers(args)
	if err != nil {
		return err
	}
	c, errs := new(event.Count), make(chan error, n[0])
	for range n[0] {
		go func() { errs <- untilChanged(bg, c, 0) }()
	}
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	most := 0
	for waiting, woken := n[0], false; waiting > 0; {
		select {
		case err := <-errs:
			if waiting--; err != nil {
				return err
			}
		case <-look.C:
			threads, err := kit.Threads()
			if err != nil {
				return err
			}
			most = max(most, threads)
			if !woken && event.Waiting(c) == n[0] {
				c.Advance()
				woken = true
			}
		}
	}
	fmt.Println(most)
	return nil
})

// One advance wakes all, and they need no threads of their own.
func TestACrowdNeedsOneThread(t *testing.T) {
	n := kit.Crowd(storm.Size(5000, 100_000))
	p := sysvtest.Start(t, crowd, fmt.Sprint(n))
	most := kit.Number(t)(strconv.Atoi(p.Line()))
	if most > 20 {
		t.Errorf("%d threads for %d goroutines, want 20 at most", most, n)
	}
	t.Logf("%d threads for %d goroutines", most, n)
	p.Finish()
}

// Whoever sleeps in the kernel for the others may be any of them. When his context
// ends another does.
func TestACrowdSurvivesItsSleeper(t *testing.T) {
	defer event.NeverLook()()
	const n = 20
	for first := range n {
		_, b := newBoard(t)
		seen := b.a.Read()
		waits, cancels := make([]func() error, n), make([]context.CancelFunc, n)
		for i := range n {
			ctx, cancel := context.WithCancel(kit.Patient(t))
			waits[i], cancels[i] = kit.Async(t, func() error { return untilChanged(ctx, &b.a, seen) }), cancel
		}
		time.Sleep(5 * time.Millisecond) // so that one sleeps; what is tested holds either way
		for i := range n - 1 {
			cancels[(first+i)%n]()
			kit.WantError(t, waits[(first+i)%n](), context.Canceled)
		}
		last := (first + n - 1) % n
		b.a.Advance()
		kit.Must(t, waits[last]())
		cancels[last]()
	}
}

// A crowd that always has a sleeper whose context is about to end looks again all the
// same.
func TestACrowdLooksAgainThoughItsSleepersLeave(t *testing.T) {
	_, b := newBoard(t)
	over, cancel := context.WithCancel(kit.Patient(t))
	defer cancel()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for over.Err() == nil {
				ctx, cancel := context.WithTimeout(over, 15*time.Millisecond)
				b.a.Await(ctx, b.a.Read())
				cancel()
			}
		})
	}
	wait := kit.Async(t, func() error {
		return b.a.Until(kit.Patient(t), func() bool { return b.number.Load() == 1 })
	})
	time.Sleep(30 * time.Millisecond)
	b.number.Store(1)
	begin := time.Now()
	kit.Must(t, wait())
	if took := time.Since(begin); took > 200*time.Millisecond {
		t.Errorf("looked again after %v, want 100 ms", took)
	}
	cancel()
	all.Wait()
}

// Goroutines that come, wait, give up and come again. Each number is awaited by all
// before there is the next, and one that was forgotten would wait for ever.
func TestCrowdsInAStorm(t *testing.T) {
	defer event.NeverLook()()
	const waiters = 32
	r := storm.Random(t)
	_, b := newBoard(t)
	rounds := uint32(storm.Amount(300, 10_000))
	patient, cancel := context.WithTimeout(bg, 10*kit.Patience)
	defer cancel()
	var saw, gaveUp atomic.Int64
	var all sync.WaitGroup
	for i := range waiters {
		r := rand.New(rand.NewPCG(r.Uint64(), 0))
		c := []*event.Count{&b.a, &b.b}[i%2]
		all.Go(func() {
			for n := uint32(1); n <= rounds; n++ {
				for ready := false; !ready; {
					ctx, cancel := patient, func() {}
					if i%4 > 1 {
						ctx, cancel = kit.Momentary(r)
					}
					err := c.Until(ctx, func() bool { return b.number.Load() >= n })
					cancel()
					if ready = err == nil; !ready {
						gaveUp.Add(1)
					}
					if !ready && i%4 <= 1 {
						t.Error("forgotten")
						return
					}
				}
				saw.Add(1)
			}
		})
	}
	for n := range rounds {
		kit.Eventually(t, "all have seen the number", func() bool { return saw.Load() == int64(n)*waiters })
		b.number.Add(1)
		b.a.AdvanceIfAwaited()
		b.b.Advance()
	}
	all.Wait()
	t.Logf("event crowd storm: %d waits, of which %d were given up", saw.Load()+gaveUp.Load(), gaveUp.Load())
}

// Waits of a crowd in which nothing is to be had end with their contexts.
func TestCancellationsOfACrowd(t *testing.T) {
	_, b := newBoard(t)
	r := storm.Random(t)
	stay, cancel := context.WithCancel(kit.Patient(t))
	defer cancel()
	_, all := gather(t, 10, &b.a, func(int) context.Context { return stay })
	var latencies kit.Latencies
	for range storm.Amount(200, 5000) {
		latencies.Cancel(t, r, func(ctx context.Context) error { return untilChanged(ctx, &b.a, b.a.Read()) })
		latencies.Cancel(t, r, func(ctx context.Context) error { return untilChanged(ctx, &b.b, b.b.Read()) })
	}
	latencies.Log(t)
	cancel()
	all.Wait()
}

// Many Counts may have one place.
func TestManyCounts(t *testing.T) {
	defer event.NeverLook()()
	counts := make([]event.Count, 2000)
	errs := make(chan error)
	for i := range counts {
		go func() { errs <- untilChanged(kit.Patient(t), &counts[i], 0) }()
	}
	time.Sleep(20 * time.Millisecond)
	for i := range counts {
		counts[i].Advance()
	}
	for i := range counts {
		if err := <-errs; err != nil {
			t.Fatal(fmt.Errorf("%d: %w", i, err))
		}
	}
}

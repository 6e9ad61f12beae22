//go:build linux && !android

package lock_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
)

// few is how many threads more than before any number of goroutines may need.
const few = 20

// Another process contends with them, so that one of them has to wait in the
// kernel now and then.
func TestACrowdOfGoroutinesNeedsNoThreads(t *testing.T) {
	g := newGroup(t, 1)
	m := g.Mutex(0)
	id, d := newGuarded(t)
	other := join(t, g).Mutex(0)
	take(t, other)
	before := kit.Number(t)(kit.Threads())
	goroutines := kit.Crowd(storm.Size(5000, 100_000))
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			if err := d.visit(m); err != nil {
				t.Error(err)
			}
		})
	}
	awaitWaiters(t, g, 0, 1)
	awaitQueue(t, m, goroutines-1)
	p := startVisitor(t, g, id, 1, 1<<30)
	awaitWaiters(t, g, 0, 2)
	kit.Must(t, other.Unlock())
	most := kit.MaxThreads(t, &wg)
	d.stop.Store(1)
	theirs, _ := p.finish(t)
	if want := uint32(goroutines) + theirs; d.visits != want {
		t.Errorf("%d visits, want %d", d.visits, want)
	}
	if more := most - before; more > few {
		t.Errorf("%d more threads for %d goroutines", more, goroutines)
	}
}

func TestACrowdOfGoroutinesIsCancelled(t *testing.T) {
	g := newGroup(t, 1)
	m, theirs := g.Mutex(0), join(t, g).Mutex(0)
	take(t, theirs)
	before := kit.Number(t)(kit.Threads())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	goroutines := kit.Crowd(storm.Size(5000, 100_000))
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			if _, err := m.Lock(ctx); err != context.Canceled {
				t.Errorf("error %v", err)
			}
		})
	}
	awaitWaiters(t, g, 0, 1)
	awaitQueue(t, m, goroutines-1)
	cancel()
	if more := kit.MaxThreads(t, &wg) - before; more > few {
		t.Errorf("%d more threads for %d goroutines", more, goroutines)
	}
	awaitWaiters(t, g, 0, 0)
	kit.Must(t, theirs.Unlock())
	wantFree(t, m)
}

func TestCrowdsOfProcesses(t *testing.T) {
	processes, goroutines, each := 16, 200, storm.Amount(2, 1000)
	g := newGroup(t, 1)
	m := g.Mutex(0)
	id, d := newGuarded(t)
	take(t, m)
	var ps []visitor
	for range processes {
		ps = append(ps, startVisitor(t, g, id, goroutines, each))
	}
	awaitWaiters(t, g, 0, processes)
	kit.Must(t, m.Unlock())
	for _, p := range ps {
		if _, n := p.finish(t); n > few {
			t.Errorf("%d threads for %d goroutines", n, goroutines)
		}
	}
	if want := uint32(processes * goroutines * each); d.visits != want {
		t.Errorf("%d visits, want %d", d.visits, want)
	}
}

// A waiter sleeps, however long it waits.
func TestWaiterTakesNoProcessorTime(t *testing.T) {
	t.Parallel()
	g := newGroup(t, 1)
	m := g.Mutex(0)
	p := start(t, g)
	used := func() time.Duration {
		p.Send("time")
		d, err := time.ParseDuration(p.Line())
		kit.Must(t, err)
		return d
	}
	take(t, m)
	before := used()
	p.Send("lock 0")
	p.Send("unlock 0")
	awaitWaiters(t, g, 0, 1)
	wait := storm.Size(500*time.Millisecond, 5*time.Second)
	time.Sleep(wait)
	kit.Must(t, m.Unlock())
	p.Expect("locked")
	p.Expect("ok")
	if d := used() - before; d > wait/10 {
		t.Errorf("%v of processor time for %v of waiting", d, wait)
	} else {
		t.Logf("%v of processor time", d)
	}
}

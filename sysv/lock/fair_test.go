//go:build linux && !android

package lock_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sysvtest"
)

// hold is how long a hog holds a mutex, before it takes it again at once.
const hold = 5 * time.Millisecond

// hogging is what a hog shares.
type hogging struct {
	times atomic.Uint32 // it has had the mutex
	stop  atomic.Uint32
}

var hogs = sysvtest.Helper("hog", func(args []string) error {
	ids, err := kit.Numbers(args)
	if err != nil {
		return err
	}
	g, err := lock.OpenID(bg, ids[0], nil)
	if err != nil {
		return err
	}
	h, _, err := viewSegment[hogging](ids[1])
	if err != nil {
		return err
	}
	m := g.Mutex(0)
	for h.stop.Load() == 0 {
		if _, err := m.Lock(bg); err != nil {
			return err
		}
		h.times.Add(1)
		for start := time.Now(); time.Since(start) < hold; {
		}
		if err := m.Unlock(); err != nil {
			return err
		}
	}
	return nil
})

// startHog returns when it has had the mutex once.
func startHog(t testing.TB, g *lock.Group) (finish func()) {
	t.Helper()
	id, h := newShared[hogging](t)
	p := sysvtest.Start(t, hogs, strconv.Itoa(g.ID()), strconv.Itoa(id))
	kit.Eventually(t, "the hog has the mutex", func() bool { return h.times.Load() > 0 })
	return func() {
		h.stop.Store(1)
		p.Finish()
	}
}

// The words of a mutex that is kept, and what a waiter marks after 5 ms.
const (
	keptWord     = 1 << 31
	longWaitMark = 1 << 2
)

// A waiter says after a while that he has waited long. Whoever unlocks then keeps
// the mutex for waiters: who comes now does not get it at once, not even who had
// it before.
func TestMutexIsKeptForWhoHasWaitedLong(t *testing.T) {
	g := newGroup(t, 1)
	m, theirs := g.Mutex(0), join(t, g).Mutex(0)
	w := wordsOf(t, g.ID())[lineOf(0):lineOf(1)]
	word, marks := (*atomic.Uint32)(unsafe.Pointer(&w[0])), (*atomic.Uint32)(unsafe.Pointer(&w[1]))
	take(t, theirs)
	// Of two waiters the first is woken, and comes no further.
	woken := asyncToken(t, g)
	awaitWaiters(t, g, 0, 1)
	wait := asyncLock(t, kit.Patient(t), m)
	kit.Eventually(t, "a waiter says that he has waited long", func() bool { return marks.Load() == longWaitMark })
	kit.Must(t, theirs.Unlock())
	kit.Must(t, woken())
	kit.Must(t, wait()) // by its next look
	if n := marks.Load(); n != 0 {
		t.Errorf("after a waiter had it the marks are %#x", n)
	}
	wantFree(t, theirs)

	// One that gives up leaves it kept for nobody.
	take(t, theirs)
	ctx, giveUp := context.WithCancel(bg)
	wait = asyncLock(t, ctx, m)
	kit.Eventually(t, "a waiter says that he has waited long", func() bool { return marks.Load() == longWaitMark })
	giveUp()
	if err := wait(); err != context.Canceled {
		t.Errorf("a waiter that gave up: %v", err)
	}
	for _, lockIt := range []func() error{
		func() error { _, err := theirs.Lock(kit.Patient(t)); return err },
		func() error { _, _, err := theirs.TryLock(); return err },
	} {
		word.Store(word.Load() | keptWord)
		marks.Store(longWaitMark)
		kit.Must(t, theirs.Unlock())
		if s := word.Load(); s != keptWord {
			t.Fatalf("the word is %#x, want %#x", s, uint32(keptWord))
		}
		if st := stat(t, g).Mutexes[0]; st.Held || st.Dead {
			t.Errorf("%+v", st)
		}
		kit.WantError(t, theirs.Unlock(), lock.ErrNotLocked)
		kit.WantError(t, join(t, g).Mutex(0).Unlock(), lock.ErrNotLocked)
		kit.Must(t, lockIt())
		wantHeld(t, m)
	}
	kit.Must(t, theirs.Unlock())
	wantFree(t, m)
}

// Who finds the mutex kept queues, although it is free.
func TestNewcomersQueueForWhatIsKept(t *testing.T) {
	g := newGroup(t, 1)
	m, theirs := g.Mutex(0), join(t, g).Mutex(0)
	w := wordsOf(t, g.ID())[lineOf(0):lineOf(1)]
	take(t, theirs)
	w[0] |= keptWord
	w[1] = longWaitMark
	woken := asyncToken(t, g)
	awaitWaiters(t, g, 0, 1)
	kit.Must(t, theirs.Unlock())
	kit.Must(t, woken())
	for _, m := range []*lock.Mutex{m, theirs} {
		// This is shorter than what anybody waits for.
		ctx, cancel := context.WithTimeout(bg, time.Millisecond)
		if _, err := m.Lock(ctx); err != context.DeadlineExceeded {
			t.Errorf("Lock beside one who waits: %v, want %v", err, context.DeadlineExceeded)
		}
		cancel()
	}
	wantFree(t, m) // to TryLock
}

// patients are processes that take what a hog has, now and then, and say how long they
// waited each time.
var patients = sysvtest.Helper("patient", func(args []string) error {
	ids, err := kit.Numbers(args)
	if err != nil {
		return err
	}
	g, err := lock.OpenID(bg, ids[0], nil)
	if err != nil {
		return err
	}
	m := g.Mutex(0)
	for range ids[1] {
		start := time.Now()
		if _, err := m.Lock(bg); err != nil {
			return err
		}
		waited := time.Since(start)
		if err := m.Unlock(); err != nil {
			return err
		}
		fmt.Println(waited.Nanoseconds())
		time.Sleep(time.Millisecond)
	}
	return nil
})

// besideAHog has three processes take a mutex so many times which a fourth, the hog,
// holds for 5 ms at a time, and returns how long they waited, in units of that.
func besideAHog(t testing.TB, times int) (waits []float64) {
	g := newGroup(t, 1)
	finish := startHog(t, g)
	defer finish()
	var all []*sysvtest.Process
	for range 3 {
		all = append(all, sysvtest.Start(t, patients, strconv.Itoa(g.ID()), strconv.Itoa(times)))
	}
	for _, p := range all {
		for range times {
			ns, err := strconv.Atoi(p.Line())
			kit.Must(t, err)
			waits = append(waits, float64(ns)/float64(hold))
		}
		p.Finish()
	}
	return waits
}

func BenchmarkHog(b *testing.B) {
	var waits []float64
	for b.Loop() {
		waits = append(waits, besideAHog(b, 100)...)
	}
	slices.Sort(waits)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(waits[len(waits)/2], "p50-holds")
	b.ReportMetric(waits[len(waits)*99/100], "p99-holds")
	b.ReportMetric(waits[len(waits)-1], "max-holds")
}

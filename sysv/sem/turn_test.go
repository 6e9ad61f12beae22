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
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
	"github.com/google/go-cmp/cmp"
)

// awaitQueue waits until so many goroutines queue for semaphore 0 in Go.
func awaitQueue(t *testing.T, s *sem.Set, want int) {
	t.Helper()
	kit.Eventually(t, fmt.Sprintf("%d queue", want), func() bool { return sem.Queued(s, 0) == want })
}

// Who comes back at once is behind those who have waited.
func TestGoroutinesGetAMutexInTheirOrder(t *testing.T) {
	s := newSet(t, 1)
	m := s.Mutex(0)
	kit.Must(t, m.Lock(kit.Patient(t)))
	const goroutines = 50
	var order []int
	var wg sync.WaitGroup
	for i := range goroutines {
		wg.Go(func() {
			for range 3 {
				if err := m.Lock(bg); err != nil {
					t.Error(err)
					return
				}
				order = append(order, i)
				if err := m.Unlock(); err != nil {
					t.Error(err)
				}
			}
		})
		awaitQueue(t, s, i+1)
	}
	kit.Must(t, m.Unlock())
	wg.Wait()
	if want := upTo(goroutines); !slices.Equal(order[:goroutines], want) {
		t.Errorf("the order was %v", order)
	}
	wantValues(t, s, 1)
}

func upTo(n int) []int {
	v := make([]int, n)
	for i := range v {
		v[i] = i
	}
	return v
}

// The lock is taken elsewhere, so that the first one waits in the kernel and
// the others behind it.
func TestCancelledWaitersLeaveTheQueue(t *testing.T) {
	const goroutines = 6
	for _, gone := range [][]int{{}, {0}, {1}, {3}, {5}, {0, 1}, {4, 5}, {5, 4}, {3, 1}, {0, 5}, {5, 4, 3, 2, 1}, {1, 2, 3, 4, 5}, {0, 1, 2, 3, 4}, {5, 4, 3, 2, 1, 0}} {
		t.Run(fmt.Sprint(gone), func(t *testing.T) {
			s := newSet(t, 0)
			m := s.Mutex(0)
			var order []int
			var cancels [goroutines]context.CancelFunc
			var waits [goroutines]func() error
			for i := range goroutines {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				cancels[i] = cancel
				waits[i] = kit.Async(t, func() error {
					if err := m.Lock(ctx); err != nil {
						return err
					}
					order = append(order, i)
					return m.Unlock()
				})
				awaitWaiters(t, s, 0, 1)
				awaitQueue(t, s, i)
			}
			for _, i := range gone {
				cancels[i]()
				if err := waits[i](); !errors.Is(err, context.Canceled) {
					t.Errorf("error %v", err)
				}
			}
			want := slices.DeleteFunc(upTo(goroutines), func(i int) bool { return slices.Contains(gone, i) })
			if len(want) > 0 {
				awaitWaiters(t, s, 0, 1)
				awaitQueue(t, s, len(want)-1)
			}
			kit.Must(t, s.Do(bg, post))
			for _, i := range want {
				kit.Must(t, waits[i]())
			}
			if diff := cmp.Diff(want, order, cmp.Transformer("", func(v []int) string { return fmt.Sprint(v) })); diff != "" {
				t.Errorf("order (-want +got):\n%s", diff)
			}
			if !tryLock(t, m) {
				t.Error("can't be locked")
			}
			wantValues(t, s, 0)
		})
	}
}

// The turn comes to a goroutine at the very moment when it gives up: first in
// the queue, with others behind it or none.
func TestTurnComesToWhoGivesUp(t *testing.T) {
	r := storm.Random(t)
	rounds := storm.Amount(2000, 100_000)
	s := newSet(t, 1)
	m := s.Mutex(0)
	got := 0
	for i := range rounds {
		ctx, cancel := context.WithTimeout(t.Context(), kit.Patience)
		kit.Must(t, m.Lock(ctx))
		behind := i % 3
		giver, giveUp := context.WithCancel(ctx)
		wait := kit.Async(t, func() error { return m.Lock(giver) })
		yieldUntil(t, func() bool { return sem.Queued(s, 0) == 1 })
		var others []func() error
		for range behind {
			others = append(others, kit.Async(t, func() error {
				if err := m.Lock(ctx); err != nil {
					return err
				}
				return m.Unlock()
			}))
		}
		yieldUntil(t, func() bool { return sem.Queued(s, 0) == 1+behind })

		var both sync.WaitGroup
		pause := r.IntN(2000) - 1000
		var ready, begin atomic.Bool
		both.Go(func() {
			ready.Store(true)
			for !begin.Load() {
			}
			spin(pause)
			if err := m.Unlock(); err != nil {
				t.Error(err)
			}
		})
		yieldUntil(t, ready.Load)
		begin.Store(true)
		spin(-pause)
		giveUp()
		switch err := wait(); {
		case err == nil:
			got++
			both.Wait()
			kit.Must(t, m.Unlock())
		case errors.Is(err, context.Canceled):
		default:
			t.Fatal(err)
		}
		both.Wait()
		for _, other := range others {
			kit.Must(t, other())
		}
		if !tryLock(t, m) {
			t.Fatal("can't be locked")
		}
		kit.Must(t, m.Unlock())
		cancel()
	}
	t.Logf("%d of %d got it", got, rounds)
	wantValues(t, s, 1)
}

// yieldUntil is for conditions that are about to come true: sleeping would take
// far longer.
func yieldUntil(t *testing.T, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(kit.Patience); !cond(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("it never happens")
		}
	}
}

var idler atomic.Int64

// spin passes an instant that is shorter than what can be slept.
func spin(n int) {
	for range n {
		idler.Add(1)
	}
}

// Another process contends with them, so that one of them has to wait in the
// kernel again and again.
func TestACrowdOfGoroutinesNeedsNoThreads(t *testing.T) {
	s := newSet(t, 1)
	m := s.Mutex(0)
	other := openID(t, s.ID()).Mutex(0)
	kit.Must(t, other.Lock(bg))
	before := kit.Number(t)(kit.Threads())

	goroutines := kit.Crowd(storm.Size(5000, 100_000))
	var wg sync.WaitGroup
	n := 0
	for range goroutines {
		wg.Go(func() {
			if err := m.Lock(bg); err != nil {
				t.Error(err)
				return
			}
			n++
			if err := m.Unlock(); err != nil {
				t.Error(err)
			}
		})
	}
	awaitWaiters(t, s, 0, 1)
	awaitQueue(t, s, goroutines-1)
	p := sysvtest.Start(t, rotates, strconv.Itoa(s.ID()), "1", "0")
	p.Expect("running")
	kit.Must(t, other.Unlock())
	most := kit.MaxThreads(t, &wg)
	p.Kill()
	if n != goroutines {
		t.Errorf("%d of %d were inside", n, goroutines)
	}
	if more := most - before; more > 20 {
		t.Errorf("%d more threads for %d goroutines", more, goroutines)
	} else {
		t.Logf("%d more threads for %d goroutines", more, goroutines)
	}
	wantValues(t, s, 1)
}

func TestACrowdOfGoroutinesIsCancelled(t *testing.T) {
	s := newSet(t, 0)
	m := s.Mutex(0)
	before := kit.Number(t)(kit.Threads())
	all, cancelAll := context.WithCancel(t.Context())
	goroutines := kit.Crowd(storm.Size(5000, 100_000))
	cancels := make([]context.CancelFunc, goroutines)
	var returned atomic.Int64
	var wg sync.WaitGroup
	for i := range goroutines {
		ctx, cancel := context.WithCancel(all)
		cancels[i] = cancel
		wg.Go(func() {
			if err := m.Lock(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			returned.Add(1)
		})
	}
	awaitWaiters(t, s, 0, 1)
	awaitQueue(t, s, goroutines-1)
	few := 100
	for _, i := range rand.Perm(goroutines)[:few] {
		cancels[i]()
	}
	kit.Eventually(t, "some return", func() bool { return int(returned.Load()) == few })
	awaitQueue(t, s, goroutines-few-1)
	cancelAll()
	if more := kit.MaxThreads(t, &wg) - before; more > 20 {
		t.Errorf("%d more threads for %d goroutines", more, goroutines)
	}
	for _, cancel := range cancels {
		cancel()
	}
	wantValues(t, s, 0)
	kit.Must(t, s.Do(bg, post))
	if !tryLock(t, m) {
		t.Error("can't be locked")
	}
}

// rota is what processes that share a lock count in, in shared memory.
type rota struct {
	grants uint64        // under the lock
	prompt atomic.Uint32 // how many must wait in the kernel before one unlocks
	stop   atomic.Uint32
	by     [2]atomic.Uint64 // grants by process, for two
}

func newRota(t *testing.T) (*shm.Segment, *rota) {
	t.Helper()
	seg, err := shm.Create(sysv.Private, 4096, nil)
	kit.Must(t, err)
	t.Cleanup(func() {
		if err := seg.Remove(); err != nil {
			t.Error(err)
		}
	})
	mem, err := seg.Attach(nil)
	kit.Must(t, err)
	t.Cleanup(func() { kit.Must(t, mem.Detach()) })
	r, err := shm.View[rota](mem, 0)
	kit.Must(t, err)
	return seg, r
}

// grant counts one while the lock is held.
func (r *rota) grant(s *sem.Set) (int, error) {
	r.grants++
	n := int(r.grants)
	for r.stop.Load() == 0 {
		waiters, err := s.Waiters(0)
		if err != nil || waiters >= int(r.prompt.Load()) {
			return n, err
		}
		runtime.Gosched()
	}
	return n, nil
}

// rotates has goroutines lock and unlock until they are told to stop, or
// killed. With a rota they count in it, as process 0 or 1.
var rotates = sysvtest.Helper("rotates", func(args []string) error {
	s, v, err := setAndNumbers(args)
	if err != nil {
		return err
	}
	goroutines := v[0]
	r, me := new(rota), 0
	if len(v) > 2 {
		if r, err = viewSegment[rota](v[2]); err != nil {
			return err
		}
		me = v[1]
	}
	m := s.Mutex(0)
	failed := make(chan error, goroutines)
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for r.stop.Load() == 0 {
				err := m.Lock(bg)
				if err == nil {
					r.by[me].Add(1)
					_, err = r.grant(s)
					if err == nil {
						err = m.Unlock()
					}
				}
				if err != nil {
					failed <- err
					return
				}
			}
		})
	}
	for sem.Queued(s, 0) < goroutines-1 {
		time.Sleep(time.Millisecond)
	}
	fmt.Println("running")
	wg.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
})

// Of P processes that contend, nobody unlocks here before all the others wait
// in the kernel. Then who comes when n goroutines of his process are before him
// gets the lock after no more than P×(n+1)-1 others, with the one who has it:
// exactly so if his process comes last and no signal interrupts a wait.
func TestProcessesTakeTurns(t *testing.T) {
	for _, processes := range []int{1, 2, 4} {
		t.Run(fmt.Sprintf("processes=%d", processes), func(t *testing.T) {
			s := newSet(t, 1)
			m := s.Mutex(0)
			seg, r := newRota(t)
			r.prompt.Store(1 << 30) // nobody, until all have come
			defer r.stop.Store(1)
			var others []*sysvtest.Process
			for i := range processes - 1 {
				p := sysvtest.Start(t, rotates, strconv.Itoa(s.ID()), "3", "0", strconv.Itoa(seg.ID()))
				p.Expect("running")
				awaitWaiters(t, s, 0, i)
				others = append(others, p)
			}
			const goroutines = 20
			var got, want []int
			var waits []func() error
			for n := range goroutines {
				waits = append(waits, kit.Async(t, func() error {
					if err := m.Lock(bg); err != nil {
						return err
					}
					if n == goroutines-1 {
						r.stop.Store(1)
					}
					grants, err := r.grant(s)
					got = append(got, grants-1)
					if err != nil {
						return err
					}
					return m.Unlock()
				}))
				if n == 0 {
					awaitWaiters(t, s, 0, processes-1)
					kit.Eventually(t, "a grant", func() bool { locked, err := s.Value(0); return locked == 0 && err == nil })
				}
				awaitQueue(t, s, n)
				want = append(want, processes*(n+1)-1)
			}
			r.prompt.Store(uint32(processes - 1))
			for _, wait := range waits {
				kit.Must(t, wait())
			}
			for n := range want {
				// A signal of Go's runtime puts a process at the end of the
				// kernel's queue: let that happen to two of them.
				if diff := got[n] - want[n]; diff > 2*(processes-1) || diff < -2*(processes-1) {
					t.Fatalf("so many before each:\n%v, want\n%v", got, want)
				}
			}
			for _, p := range others {
				p.Finish()
			}
			wantValues(t, s, 1)
		})
	}
}

// Two processes of a thousand goroutines each get the same share of a lock.
// More time makes no unfair lock fair.
func TestProcessesShareALock(t *testing.T) {
	window := storm.Size(200*time.Millisecond, time.Second)
	s := newSet(t, 1)
	m := s.Mutex(0)
	seg, r := newRota(t)
	kit.Must(t, m.Lock(bg))
	for me := range 2 {
		sysvtest.Start(t, rotates, strconv.Itoa(s.ID()), "1000", strconv.Itoa(me), strconv.Itoa(seg.ID())).Expect("running")
	}
	awaitWaiters(t, s, 0, 2)
	kit.Must(t, m.Unlock())
	defer r.stop.Store(1)
	var shares []string
	for range 10 {
		before := [2]uint64{r.by[0].Load(), r.by[1].Load()}
		time.Sleep(window)
		a, b := r.by[0].Load()-before[0], r.by[1].Load()-before[1]
		shares = append(shares, fmt.Sprintf("%d:%d", a, b))
		if a+b > 100 && min(a, b)*10 >= (a+b)*4 {
			t.Logf("grants %s", strings.Join(shares, ", "))
			return
		}
	}
	t.Errorf("grants %s, want no less than 40%% for either", strings.Join(shares, ", "))
}

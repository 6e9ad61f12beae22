//go:build linux && !android

package sem_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/sysvtest"
)

func tryAcquire(t *testing.T, c *sem.Counting, n int) bool {
	t.Helper()
	ok, err := c.TryAcquire(n)
	kit.Must(t, err)
	return ok
}

func TestCounting(t *testing.T) {
	for _, flags := range []sem.Flag{0, sem.Undo} {
		t.Run(fmt.Sprintf("flags=%#x", uint16(flags)), func(t *testing.T) {
			s := newSet(t, 9, 5)
			c := s.Counting(1, flags)
			kit.Must(t, c.Acquire(kit.Patient(t), 3))
			wantValues(t, s, 9, 2)
			if tryAcquire(t, c, 3) {
				t.Error("took 3 of 2")
			}
			wantValues(t, s, 9, 2)
			if !tryAcquire(t, c, 2) {
				t.Error("did not take 2 of 2")
			}
			kit.Must(t, c.Release(4))
			wantValues(t, s, 9, 4)
			kit.Must(t, s.Counting(1, flags).Release(1)) // another one of the same semaphore
			wantValues(t, s, 9, 5)
		})
	}
}

func TestCountingErrors(t *testing.T) {
	removed := newSet(t, 1)
	kit.Must(t, removed.Remove())
	for _, tt := range []struct {
		name string
		set  *sem.Set
		num  int
		n    int
		err  error
		hint string
	}{
		{"none", newSet(t, 1), 0, 0, syscall.EINVAL, "0 permits are not 1 to 32767"},
		{"fewer than none", newSet(t, 1), 0, -1, syscall.EINVAL, "-1 permits"},
		{"the fewest", newSet(t, 1), 0, math.MinInt, syscall.EINVAL, "permits are not"},
		{"one too many", newSet(t, 1), 0, 32768, syscall.EINVAL, "32768 permits"},
		{"1 in 16 bits", newSet(t, 1), 0, 1<<16 + 1, syscall.EINVAL, "65537 permits"},
		{"the most", newSet(t, 1), 0, math.MaxInt, syscall.EINVAL, "permits are not"},
		{"before the first", newSet(t, 1), -1, 1, syscall.EFBIG, "semaphore -1, the set has 1"},
		{"after the last", newSet(t, 1), 1, 1, syscall.EFBIG, "semaphore 1, the set has 1"},
		{"0 in 16 bits", newSet(t, 1), 1 << 16, 1, syscall.EFBIG, "semaphore 65536, the set has 1"},
		{"removed", removed, 0, 1, sysv.ErrRemoved, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := tt.set.Counting(tt.num, 0)
			for range 2 { // a failure must not leave the queue occupied
				kit.WantHint(t, c.Acquire(kit.Patient(t), tt.n), tt.err, tt.hint)
				ok, err := c.TryAcquire(tt.n)
				kit.WantHint(t, err, tt.err, tt.hint)
				if ok {
					t.Error("acquired")
				}
				kit.WantHint(t, c.Release(tt.n), tt.err, tt.hint)
			}
			if tt.err != sysv.ErrRemoved {
				wantValues(t, tt.set, 1)
			}
		})
	}
}

func TestReleaseOfTooMany(t *testing.T) {
	s := newSet(t, 1)
	c := s.Counting(0, 0)
	kit.WantHint(t, c.Release(32767), syscall.ERANGE, "SEMVMX")
	wantValues(t, s, 1)
	kit.Must(t, c.Release(32766))
	kit.Must(t, c.Acquire(kit.Patient(t), 32767))
	wantValues(t, s, 0)
}

func TestCountingRefusesUnknownFlags(t *testing.T) {
	s := newSet(t, 1)
	c := s.Counting(0, 1)
	kit.WantHint(t, c.Acquire(kit.Patient(t), 1), syscall.EINVAL, "flags 0x1")
	kit.WantHint(t, c.Release(1), syscall.EINVAL, "flags 0x1")
	wantValues(t, s, 1)
}

func TestAcquireWithAnEndedContextTakesNothing(t *testing.T) {
	s := newSet(t, 1)
	if err := s.Counting(0, 0).Acquire(kit.Ended(t), 1); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	wantValues(t, s, 1)
}

// Small requests that could be served at once wait behind a big one.
func TestRequestsAreServedInTheirOrder(t *testing.T) {
	s := newSet(t, 0)
	c := s.Counting(0, 0)
	sizes := []int{5, 1, 3, 1, 2}
	var waits []func() error
	for i, n := range sizes {
		waits = append(waits, kit.Async(t, func() error { return c.Acquire(bg, n) }))
		awaitWaiters(t, s, 0, 1)
		awaitQueue(t, s, i)
	}
	kit.Must(t, c.Release(4)) // enough for each of those behind
	if tryAcquire(t, c, 1) {
		t.Error("overtook those who wait")
	}
	wantValues(t, s, 4)
	awaitWaiters(t, s, 0, 1)
	awaitQueue(t, s, len(sizes)-1)

	kit.Must(t, s.Do(bg, sem.Op{Delta: -4}))
	for i, n := range sizes {
		kit.Must(t, c.Release(n))
		kit.Must(t, waits[i]())
		wantValues(t, s, 0)
		if i < len(sizes)-1 {
			awaitWaiters(t, s, 0, 1)
		}
	}
}

// With a big request before them, and in the big request's own place.
func TestCancelledAcquireTakesNothing(t *testing.T) {
	for gone := range 3 {
		t.Run(fmt.Sprint(gone), func(t *testing.T) {
			s := newSet(t, 2)
			c := s.Counting(0, 0)
			sizes := []int{4, 3, 5}
			var cancels []context.CancelFunc
			var waits []func() error
			for i, n := range sizes {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				cancels = append(cancels, cancel)
				waits = append(waits, kit.Async(t, func() error { return c.Acquire(ctx, n) }))
				awaitWaiters(t, s, 0, 1)
				awaitQueue(t, s, i)
			}
			cancels[gone]()
			if err := waits[gone](); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			wantValues(t, s, 2)
			awaitWaiters(t, s, 0, 1)
			awaitQueue(t, s, 1)
			rest := 12 - sizes[gone]
			kit.Must(t, c.Release(rest-2))
			for i, wait := range waits {
				if i != gone {
					kit.Must(t, wait())
				}
			}
			wantValues(t, s, 0)
		})
	}
}

// While permits are free nobody waits, whoever else is just taking some.
func TestTryAcquireMindsNobodyWhoPassesThrough(t *testing.T) {
	s := newSet(t, 1000)
	c := s.Counting(0, 0)
	var acquirers sync.WaitGroup
	var stop atomic.Bool
	for range 2 {
		acquirers.Go(func() {
			for !stop.Load() {
				if err := errors.Join(c.Acquire(bg, 1), c.Release(1)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 2 {
		acquirers.Go(func() {
			for range 20_000 {
				if !tryAcquire(t, c, 1) {
					t.Error("refused with more than 990 permits free")
					break
				}
				if err := c.Release(1); err != nil {
					t.Error(err)
				}
			}
			stop.Store(true)
		})
	}
	acquirers.Wait()
	wantValues(t, s, 1000)
}

// acquires acquires from semaphore 0, with these flags, the numbers of permits
// that follow, and keeps them until its input ends.
var acquires = sysvtest.Helper("acquires", func(args []string) error {
	s, v, err := setAndNumbers(args)
	if err != nil {
		return err
	}
	c := s.Counting(0, sem.Flag(v[0]))
	for _, n := range v[1:] {
		if err := c.Acquire(bg, n); err != nil {
			return err
		}
		fmt.Println("has", n)
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
})

func startAcquires(t *testing.T, s *sem.Set, flags sem.Flag, ns ...int) *sysvtest.Process {
	t.Helper()
	args := []string{strconv.Itoa(s.ID()), strconv.Itoa(int(flags))}
	for _, n := range ns {
		args = append(args, strconv.Itoa(n))
	}
	return sysvtest.Start(t, acquires, args...)
}

func TestPermitsOfAProcessThatEnds(t *testing.T) {
	for _, tt := range []struct {
		name  string
		flags sem.Flag
		after int
	}{{"undo", sem.Undo, 7}, {"no undo", 0, 2}} {
		for name, end := range map[string]func(*sysvtest.Process){
			"by itself": (*sysvtest.Process).Finish,
			"killed":    (*sysvtest.Process).Kill,
		} {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				s := newSet(t, 7)
				p := startAcquires(t, s, tt.flags, 2, 3)
				p.Expect("has 2")
				p.Expect("has 3")
				wantValues(t, s, 2)
				end(p)
				wantValues(t, s, tt.after)
			})
		}
	}
}

func TestWaitingProcessThatIsKilledTakesNothing(t *testing.T) {
	s := newSet(t, 3)
	p := startAcquires(t, s, sem.Undo, 2, 2)
	p.Expect("has 2")
	awaitWaiters(t, s, 0, 1)
	wantValues(t, s, 1)
	p.Kill()
	wantValues(t, s, 3)
}

// A release lets exactly as many in as it gives, of goroutines and processes.
func TestReleaseMakesRoomForExactlyAsMany(t *testing.T) {
	s := newSet(t, 0)
	const goroutines, processes = 6, 4
	in := make(chan error, goroutines+processes)
	c := s.Counting(0, 0)
	for range goroutines {
		go func() { in <- c.Acquire(bg, 1) }()
	}
	awaitQueue(t, s, goroutines-1)
	for i := range processes {
		p := startAcquires(t, s, 0, 1)
		go func() {
			if line, want := p.Line(), "has 1"; line != want {
				t.Errorf("%s printed %q", p, line)
			}
			in <- nil
		}()
		awaitWaiters(t, s, 0, 2+i)
	}
	left := goroutines + processes
	for _, n := range []int{1, 3, 2, 4} {
		kit.Must(t, s.Counting(0, 0).Release(n))
		for range n {
			kit.Must(t, kit.Async(t, func() error { return <-in })())
		}
		left -= n
		wantValues(t, s, 0) // so nobody else got one, and none is left
		kit.Eventually(t, fmt.Sprintf("%d wait", left), func() bool {
			waiters := kit.Number(t)(s.Waiters(0))
			return waiters > 0 == (left > 0) && waiters+sem.Queued(s, 0) == left
		})
	}
}

// A counting semaphore of a program's own workers and those of other processes:
// no more than three are at work at once.
func ExampleCounting() {
	set, err := sem.Create(sysv.Private, []int{3}, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer set.Remove()

	ctx := context.Background()
	workers := set.Counting(0, sem.Undo)
	if err := workers.Acquire(ctx, 2); err != nil {
		log.Fatal(err)
	}
	fmt.Println(workers.TryAcquire(2)) // one is left
	if err := workers.Release(1); err != nil {
		log.Fatal(err)
	}
	fmt.Println(workers.TryAcquire(2))
	// Output:
	// false <nil>
	// true <nil>
}

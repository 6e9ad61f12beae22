//go:build linux && !android

package sem_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/sysvtest"
)

// The sets that processes contend for: a mutex, what shows whether somebody is
// inside, and a counter that only the mutex protects.
const (
	mutexNum = iota
	insideNum
	counterNum
)

func newGuarded(t *testing.T) *sem.Set { return newSet(t, 1, 0, 0) }

// visit enters and leaves what the mutex guards, counting. It is undone if the
// process dies inside.
func visit(s *sem.Set) error {
	m := s.Mutex(mutexNum)
	if err := m.Lock(bg); err != nil {
		return err
	}
	alone, err := s.Try(sem.Op{Num: insideNum}, sem.Op{Num: insideNum, Delta: +1, Flags: sem.Undo})
	if err != nil {
		return err
	}
	if !alone {
		return errors.New("two are inside")
	}
	n, err := s.Value(counterNum)
	if err != nil {
		return err
	}
	if err := s.SetValue(counterNum, (n+1)%32768); err != nil {
		return err
	}
	if err := s.Do(bg, sem.Op{Num: insideNum, Delta: -1, Flags: sem.Undo}); err != nil {
		return err
	}
	return m.Unlock()
}

// visits visits the set so many times.
var visits = sysvtest.Helper("visits", func(args []string) error {
	s, v, err := setAndNumbers(args)
	if err != nil {
		return err
	}
	times := v[0]
	fmt.Println("running")
	for range times {
		if err := visit(s); err != nil {
			return err
		}
	}
	return nil
})

// holds locks the mutex, in one of the two ways, until its input ends.
var holds = sysvtest.Helper("holds", func(args []string) error {
	s, _, err := setAndNumbers(args[:1])
	if err != nil {
		return err
	}
	m := s.Mutex(mutexNum)
	switch args[1] {
	case "Lock":
		err = m.Lock(bg)
	case "TryLock":
		_, err = m.TryLock()
	}
	if err != nil {
		return err
	}
	fmt.Println("locked")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return m.Unlock()
})

// startHolds returns when the helper has the lock.
func startHolds(t *testing.T, s *sem.Set, method string) *sysvtest.Process {
	t.Helper()
	p := sysvtest.Start(t, holds, strconv.Itoa(s.ID()), method)
	p.Expect("locked")
	return p
}

func tryLock(t *testing.T, m *sem.Mutex) bool {
	t.Helper()
	ok, err := m.TryLock()
	kit.Must(t, err)
	return ok
}

func TestMutexExcludesProcesses(t *testing.T) {
	s := newGuarded(t)
	const processes, each = 4, 500
	var ps []*sysvtest.Process
	for range processes {
		ps = append(ps, sysvtest.Start(t, visits, strconv.Itoa(s.ID()), strconv.Itoa(each)))
	}
	for _, p := range ps {
		p.Finish()
	}
	wantValues(t, s, 1, 0, processes*each)
}

func TestMutexExcludesGoroutinesAndSets(t *testing.T) {
	s := newGuarded(t)
	const goroutines, each = 10, 50
	var wg sync.WaitGroup
	for i := range goroutines {
		s := s
		if i%2 == 0 {
			s = openID(t, s.ID())
		}
		wg.Go(func() {
			for range each {
				if err := visit(s); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	wantValues(t, s, 1, 0, goroutines*each)
}

func TestMutexIsOneForASet(t *testing.T) {
	s := newSet(t, 1, 1)
	a, b, other := s.Mutex(0), s.Mutex(0), s.Mutex(1)
	kit.Must(t, a.Lock(kit.Patient(t)))
	if tryLock(t, b) {
		t.Error("two Mutexes of one semaphore are locked")
	}
	if !tryLock(t, other) {
		t.Error("another semaphore's Mutex can't be locked")
	}
	kit.Must(t, b.Unlock())
	wantValues(t, s, 1, 0)
	if !tryLock(t, a) {
		t.Error("can't be locked again")
	}
}

func TestSetsOfOneIDExcludeEachOther(t *testing.T) {
	s := newSet(t, 1)
	mine, theirs := s.Mutex(0), openID(t, s.ID()).Mutex(0)
	kit.Must(t, mine.Lock(kit.Patient(t)))
	if tryLock(t, theirs) {
		t.Error("locked twice")
	}
	kit.WantError(t, theirs.Unlock(), sem.ErrNotLocked)
	wantValues(t, s, 0)
	kit.Must(t, mine.Unlock())
	kit.Must(t, theirs.Lock(kit.Patient(t)))
	kit.Must(t, theirs.Unlock())
	wantValues(t, s, 1)
}

func TestUnlockOfWhatIsNotLocked(t *testing.T) {
	s := newSet(t, 1)
	m := s.Mutex(0)
	kit.WantHint(t, m.Unlock(), sem.ErrNotLocked, "semaphore 0")
	kit.Must(t, m.Lock(kit.Patient(t)))
	kit.Must(t, m.Unlock())
	kit.WantError(t, m.Unlock(), sem.ErrNotLocked)
	wantValues(t, s, 1)

	p := startHolds(t, s, "Lock")
	kit.WantError(t, m.Unlock(), sem.ErrNotLocked)
	wantValues(t, s, 0)
	p.Finish()
	wantValues(t, s, 1)
}

func TestMutexOfASemaphoreThatIsNotThere(t *testing.T) {
	s := newSet(t, 1, 1)
	for _, num := range []int{-1, 2, 1 << 16, math.MaxInt} {
		m := s.Mutex(num)
		for range 2 { // a failure must not leave the queue occupied
			kit.WantHint(t, m.Lock(kit.Patient(t)), syscall.EFBIG, "the set has 2")
			_, err := m.TryLock()
			kit.WantHint(t, err, syscall.EFBIG, "the set has 2")
		}
		kit.WantError(t, m.Unlock(), sem.ErrNotLocked)
	}
}

func TestUnlockThatFailsKeepsTheLock(t *testing.T) {
	s := newSet(t, 1)
	m := s.Mutex(0)
	kit.Must(t, m.Lock(kit.Patient(t)))
	kit.Must(t, s.Do(bg, sem.Op{Delta: 32767})) // by somebody who ignores what it means
	kit.WantError(t, m.Unlock(), syscall.ERANGE)
	if tryLock(t, m) {
		t.Error("locked twice")
	}
	kit.Must(t, s.Do(bg, sem.Op{Delta: -32767}))
	kit.Must(t, m.Unlock())
	wantValues(t, s, 1)
}

func TestEndOfTheHolderFreesTheMutex(t *testing.T) {
	for name, end := range map[string]func(*sysvtest.Process){
		"by itself": (*sysvtest.Process).Finish,
		"killed":    (*sysvtest.Process).Kill,
	} {
		for _, method := range []string{"Lock", "TryLock"} {
			t.Run(method+"/"+name, func(t *testing.T) {
				s := newSet(t, 1)
				p := startHolds(t, s, method)
				m := s.Mutex(0)
				if tryLock(t, m) {
					t.Fatal("locked twice")
				}
				wait := kit.Async(t, func() error { return m.Lock(kit.Patient(t)) })
				awaitWaiters(t, s, 0, 1)
				end(p)
				kit.Must(t, wait())
				kit.Must(t, m.Unlock())
				wantValues(t, s, 1)
			})
		}
	}
}

// One that is cancelled waits in the kernel, the other one behind it in Go.
func TestCancelledLockTakesNothing(t *testing.T) {
	for name, order := range map[string][2]int{"the first one first": {0, 1}, "the queued one first": {1, 0}} {
		t.Run(name, func(t *testing.T) {
			s := newSet(t, 0)
			m := s.Mutex(0)
			var cancels [2]context.CancelFunc
			var waits [2]func() error
			for i := range waits {
				ctx, cancel := context.WithCancel(t.Context())
				cancels[i] = cancel
				waits[i] = kit.Async(t, func() error { return m.Lock(ctx) })
				awaitWaiters(t, s, 0, 1)
				awaitQueue(t, s, i)
			}
			for _, i := range order {
				cancels[i]()
				if err := waits[i](); !errors.Is(err, context.Canceled) {
					t.Errorf("error %v", err)
				}
			}
			kit.WantError(t, m.Unlock(), sem.ErrNotLocked)
			wantValues(t, s, 0)
			kit.Must(t, s.Do(bg, post))
			if !tryLock(t, m) {
				t.Error("can't be locked")
			}
		})
	}
}

func TestCancelledLocksAddUp(t *testing.T) {
	r := storm.Random(t)
	s := newGuarded(t)
	m := s.Mutex(mutexNum)
	var wg sync.WaitGroup
	for range 8 {
		r := rand.New(rand.NewPCG(r.Uint64(), 0))
		wg.Go(func() {
			for range 60 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(r.IntN(int(time.Millisecond))))
				if err := m.Lock(ctx); err == nil {
					time.Sleep(time.Duration(r.IntN(int(300 * time.Microsecond))))
					if err := m.Unlock(); err != nil {
						t.Error(err)
					}
				}
				cancel()
			}
		})
	}
	wg.Wait()
	wantValues(t, s, 1, 0, 0)
	if !tryLock(t, m) {
		t.Error("can't be locked")
	}
}

func TestRemovalEndsALock(t *testing.T) {
	s := newSet(t, 0)
	var waits []func() error
	for range 5 { // one in the kernel, the others behind it
		waits = append(waits, kit.Async(t, func() error { return s.Mutex(0).Lock(bg) }))
	}
	awaitWaiters(t, s, 0, 1)
	awaitQueue(t, s, 4)
	kit.Must(t, s.Remove())
	for _, wait := range waits {
		kit.WantError(t, wait(), sysv.ErrRemoved)
	}
}

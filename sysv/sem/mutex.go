package sem

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/race"
	"example.com/sysvipc/sysv/internal/sys"
	"example.com/sysvipc/sysv/internal/turn"
)

// ErrNotLocked says that Unlock was called where this process does not hold
// the lock through this Set.
var ErrNotLocked = errors.New("mutex is not locked by this process")

// A Mutex is a lock between processes: a semaphore whose value is 1 while it is
// free. It is taken with Undo, so that the kernel frees it when its holder is
// killed; the data that it guards may then be half-written.
//
// Goroutines of one process queue in Go, and one of them at a time waits in
// the kernel: hundreds of thousands of them cost no threads. Goroutines are not
// told apart: one may unlock what another locked.
//
// It is fair: goroutines of one process get it in the order in which they came,
// and the kernel serves processes in the order in which they began to wait
// there. So where P processes contend, a goroutine with n of its process before
// it gets the lock after no more than P × (n+1) - 1 others, as long as each
// process waits in the kernel again before the next one unlocks. One that is
// slower, between its Unlock and its next wait, lets the others take more
// turns; and a wait that a signal interrupts begins again at the end of the
// kernel's queue. Two Sets of one id count as two processes.
//
// The semaphore must be given the value 1 before, best as one of the values of
// [Create], and not be changed by other means. Programs in other languages
// take it with semop -1 and give it back with +1, both with SEM_UNDO.
type Mutex struct {
	set  *Set
	num  int
	gate *gate
}

// gate is what all Mutexes and Countings of one Set for one semaphore share.
type gate struct {
	turn.Turn
	held atomic.Bool // a Mutex has the semaphore
}

// Mutex returns the semaphore num of the set as a lock. All Mutexes that one
// Set returns for one num are the same lock. A num that the set has not makes
// every method fail.
func (s *Set) Mutex(num int) *Mutex { return &Mutex{s, num, s.gate(num)} }

func (s *Set) gate(num int) *gate {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.gates[num]
	if g == nil {
		g = new(gate)
		if s.gates == nil {
			s.gates = make(map[int]*gate)
		}
		s.gates[num] = g
	}
	return g
}

// noTurn is the error of who gave up in the queue of this process.
func (s *Set) noTurn(err error, num int) error {
	return s.ended(err, fmt.Sprintf("before this goroutine had its turn at semaphore %d in its process", num))
}

// Lock waits until the lock is free and takes it. When ctx ends first it
// has taken nothing: the semaphore is as it was, and the place in the queue is
// given up. The error says on what it waited and is, by errors.Is, ctx's error. Other errors are those of [Set.Do]: if
// the set is removed meanwhile, [sysv.ErrRemoved].
func (m *Mutex) Lock(ctx context.Context) error {
	if err := m.gate.Take(ctx); err != nil {
		return m.set.noTurn(err, m.num)
	}
	// Straight to the kernel: mitigations of CPU bugs make it forget where
	// functions return to, so that each one left after a call costs a few
	// nanoseconds. What this can't do, Do does again.
	if m.set.hurry.Load() <= 0 && m.set.reaches(m.num) {
		p := [1]sys.Sembuf{{Num: uint16(m.num), Op: -1, Flg: sys.SEM_UNDO | sys.IPC_NOWAIT}}
		if race.Enabled {
			m.set.releasing(p[:])
		}
		if sys.SemopNoWait(m.set.id, p[:]) == 0 {
			if race.Enabled {
				m.set.acquired(p[:])
			}
			m.gate.held.Store(true)
			return nil
		}
	}
	if err := m.set.Do(ctx, Op{Num: m.num, Delta: -1, Flags: Undo}); err != nil {
		m.gate.Pass()
		return err
	}
	m.gate.held.Store(true)
	return nil
}

// TryLock takes the lock if it is free, and returns false if it is not.
func (m *Mutex) TryLock() (bool, error) {
	if !m.gate.TryTake() {
		return false, nil
	}
	ok, err := m.set.Try(Op{Num: m.num, Delta: -1, Flags: Undo})
	if !ok {
		m.gate.Pass()
		return false, err
	}
	m.gate.held.Store(true)
	return true, nil
}

// Unlock gives the lock back. Where this process does not hold it the error is
// [ErrNotLocked] and nothing has happened. If the set is removed the error is
// [sysv.ErrRemoved], and the lock is gone for everybody. After any other error
// it is still held.
func (m *Mutex) Unlock() error {
	if !m.gate.held.CompareAndSwap(true, false) {
		return &sysv.Error{Op: "semop", Key: m.set.key, ID: m.set.id, Err: ErrNotLocked,
			Hint: fmt.Sprintf("semaphore %d", m.num)}
	}
	// Adding never waits.
	v := [1]sys.Sembuf{{Num: uint16(m.num), Op: +1, Flg: sys.SEM_UNDO | sys.IPC_NOWAIT}}
	if race.Enabled {
		m.set.releasing(v[:])
	}
	if sys.SemopNoWait(m.set.id, v[:]) == 0 {
		m.gate.Pass()
		return nil
	}
	_, err := m.set.Try(Op{Num: m.num, Delta: +1, Flags: Undo})
	if err != nil && !errors.Is(err, sysv.ErrRemoved) {
		m.gate.held.Store(true)
		return err
	}
	m.gate.Pass()
	return err
}

package sem

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"example.com/sysvipc/sysv"
)

// ErrNotLocked says that Unlock was called where this process does not hold
// the lock through this Set.
var ErrNotLocked = errors.New("mutex is not locked by this process")

// A Mutex is a lock between processes: a semaphore whose value is 1 while it is
// free. It is taken with Undo, so that the kernel frees it when its holder is
// killed; the data that it guards may then be half-written.
//
// Goroutines of one process queue in Go, and one of them at a time waits in
// the kernel: thousands of them cost no threads. Goroutines are not told
// apart: one may unlock what another locked. There is no fairness between
// processes but the kernel's, which serves waiters in their order.
//
// The semaphore must be given the value 1 before, best as one of the values of
// [Create], and not be changed by other means. Programs in other languages
// take it with semop -1 and give it back with +1, both with SEM_UNDO.
type Mutex struct {
	set   *Set
	num   int
	queue *queue
}

// queue is what all Mutexes of one Set for one semaphore share.
type queue struct {
	turn chan struct{} // holds one token while a goroutine locks or has locked
	held atomic.Bool   // the semaphore is ours
}

// Mutex returns the semaphore num of the set as a lock. All Mutexes that one
// Set returns for one num are the same lock. A num that the set has not makes
// every method fail.
func (s *Set) Mutex(num int) *Mutex {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queues[num]
	if q == nil {
		q = &queue{turn: make(chan struct{}, 1)}
		if s.queues == nil {
			s.queues = make(map[int]*queue)
		}
		s.queues[num] = q
	}
	return &Mutex{s, num, q}
}

// Lock waits until the lock is free and takes it. When ctx ends first it
// returns ctx's error and has taken nothing. Other errors are those of
// [Set.Do]: if the set is removed meanwhile, [sysv.ErrRemoved].
func (m *Mutex) Lock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case m.queue.turn <- struct{}{}:
	default:
		select {
		case m.queue.turn <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := m.set.Do(ctx, Op{Num: m.num, Delta: -1, Flags: Undo}); err != nil {
		<-m.queue.turn
		return err
	}
	m.queue.held.Store(true)
	return nil
}

// TryLock takes the lock if it is free, and returns false if it is not.
func (m *Mutex) TryLock() (bool, error) {
	select {
	case m.queue.turn <- struct{}{}:
	default:
		return false, nil
	}
	ok, err := m.set.Try(Op{Num: m.num, Delta: -1, Flags: Undo})
	if !ok {
		<-m.queue.turn
		return false, err
	}
	m.queue.held.Store(true)
	return true, nil
}

// Unlock gives the lock back. Where this process does not hold it the error is
// [ErrNotLocked] and nothing has happened. If the set is removed the error is
// [sysv.ErrRemoved], and the lock is gone for everybody. After any other error
// it is still held.
func (m *Mutex) Unlock() error {
	if !m.queue.held.CompareAndSwap(true, false) {
		return &sysv.Error{Op: "semop", Key: m.set.key, ID: m.set.id, Err: ErrNotLocked,
			Hint: fmt.Sprintf("semaphore %d", m.num)}
	}
	// Adding never waits.
	_, err := m.set.Try(Op{Num: m.num, Delta: +1, Flags: Undo})
	if err != nil && !errors.Is(err, sysv.ErrRemoved) {
		m.queue.held.Store(true)
		return err
	}
	<-m.queue.turn
	return err
}

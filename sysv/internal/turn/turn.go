// Package turn has the queue that goroutines of one process wait in for what is
// shared with other processes.
package turn

import (
	"container/list"
	"context"
	"sync"
	"sync/atomic"
)

// A Turn lets the goroutines of this process through one at a time, in the
// order in which they came, so that at most one of them waits in the kernel and
// holds a thread there. Nobody overtakes: it is handed on to who has waited
// longest.
type Turn struct {
	state atomic.Int32

	mu      sync.Mutex
	waiters list.List // of chan struct{}, closed when it is their turn
}

// States of a turn. Only who has mu leaves queued.
const (
	idle   = iota
	taken  // by one goroutine
	queued // by one goroutine, and others wait
)

// Take waits for the turn, or returns ctx's error and has not got it.
func (t *Turn) Take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if t.TryTake() {
		return nil
	}
	mine, e := t.enqueue()
	if e == nil {
		return nil
	}
	select {
	case <-mine:
		return nil
	case <-ctx.Done():
		t.cancel(mine, e)
		return ctx.Err()
	}
}

// TryTake takes the turn if nobody has it.
func (t *Turn) TryTake() bool { return t.state.CompareAndSwap(idle, taken) }

// enqueue adds the caller to the queue, unless the turn has just become free
// and is now his: then the element is nil.
func (t *Turn) enqueue() (chan struct{}, *list.Element) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for !t.state.CompareAndSwap(taken, queued) && t.state.Load() != queued {
		if t.TryTake() {
			return nil, nil
		}
	}
	mine := make(chan struct{})
	return mine, t.waiters.PushBack(mine)
}

// cancel takes a waiter out of the queue. If the turn came to him meanwhile, he
// hands it on.
func (t *Turn) cancel(mine chan struct{}, e *list.Element) {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-mine:
		t.next()
	default:
		t.waiters.Remove(e)
		if t.waiters.Len() == 0 {
			t.state.Store(taken)
		}
	}
}

// Pass hands the turn on.
func (t *Turn) Pass() {
	if !t.state.CompareAndSwap(taken, idle) {
		t.passOn()
	}
}

func (t *Turn) passOn() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next()
}

// next hands the turn to the first in the queue; with mu held.
func (t *Turn) next() {
	first := t.waiters.Front()
	if first == nil {
		t.state.Store(idle)
		return
	}
	close(t.waiters.Remove(first).(chan struct{}))
	if t.waiters.Len() == 0 {
		t.state.Store(taken)
	}
}

// Queued returns how many goroutines wait for the turn.
func (t *Turn) Queued() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.waiters.Len()
}

// Idle tells whether nobody has the turn.
func (t *Turn) Idle() bool { return t.state.Load() == idle }

// Package turn has the queue that goroutines of one process wait in for what is
// shared with other processes.
package turn

import (
	"container/list"
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// A Turn lets the goroutines of this process through one at a time, in the
// order in which they came, so that at most one of them waits in the kernel and
// holds a thread there. Nobody overtakes: it is handed on to who has waited
// longest.
type Turn struct {
	state atomic.Int32

	short atomic.Bool // Short's answer; changes with mu held

	mu      sync.Mutex
	waiters list.List // of chan struct{}, closed when it is their turn
	blocked bool      // who has the turn said Block
	behind  int       // how many, who has the turn first, came while one was blocked
}

// States of a turn. Only who has mu leaves queued.
const (
	idle   = iota
	taken  // by one goroutine
	queued // by one goroutine, and others wait, or Pass has to look whether they did
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
	// A context may have a deadline and nothing that tells when it has come.
	var alarm <-chan time.Time
	if deadline, ok := ctx.Deadline(); ok && ctx.Done() == nil {
		timer := time.NewTimer(time.Until(deadline))
		defer timer.Stop()
		alarm = timer.C
	}
	select {
	case <-mine:
		return nil
	case <-ctx.Done():
		t.cancel(mine, e)
		return ctx.Err()
	case <-alarm:
		t.cancel(mine, e)
		return context.DeadlineExceeded
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
		t.behind = min(t.behind, 1+t.waiters.Len())
		t.settle()
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
	if t.blocked {
		t.blocked = false
		t.behind = t.waiters.Len()
	} else {
		t.behind = max(0, t.behind-1)
	}
	t.short.Store(t.behind > 0)
	first := t.waiters.Front()
	if first == nil {
		t.state.Store(idle)
		return
	}
	close(t.waiters.Remove(first).(chan struct{}))
	t.settle()
}

// settle lets Pass be fast where it has nothing to do; with mu held.
func (t *Turn) settle() {
	if t.waiters.Len() == 0 && !t.short.Load() {
		t.state.Store(taken)
	}
}

// Block says that who has the turn will wait for what is shared, because there
// is not enough of it. So all do who queue behind him until he passes the turn
// on.
func (t *Turn) Block() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.blocked = true
	t.short.Store(true)
	t.state.Store(queued)
}

// Short tells whether somebody of this process waits for what is shared, because
// there was not enough of it when he came. Who merely has the turn for a moment,
// or queues behind such a one, does not.
func (t *Turn) Short() bool { return t.short.Load() }

// Queued returns how many goroutines wait for the turn.
func (t *Turn) Queued() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.waiters.Len()
}

// Idle tells whether nobody has the turn.
func (t *Turn) Idle() bool { return t.state.Load() == idle }

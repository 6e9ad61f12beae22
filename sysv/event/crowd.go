package event

import (
	"context"
	"sync"
	"time"
	"unsafe"
)

// Of the goroutines of this process that wait on one Count one sleeps in the kernel,
// for which it needs a thread, and the others wait for its word. When it leaves,
// for whatever reason, it tells those who have what they wait for, and one of the
// others to sleep in its place. Who is to sleep looks first: what has happened in
// between is not missed.

// looksAgain is after how long waiters return without a reason, and atOnce how many do
// then, so that a crowd of any size costs no more than that. Tests change it.
var looksAgain = 100 * time.Millisecond

const atOnce = 100

// A crowd is the goroutines of this process that wait on one Count. It exists while
// one of them sleeps in the kernel.
type crowd struct {
	bedroom
	others queue
	next   *crowd // of those in the same room
}

// A waiter is one of a crowd who does not sleep in the kernel.
type waiter struct {
	seen           Seen
	turn           chan bool // whether to sleep now, or to return
	released       bool      // it is in no queue, and turn has a word or soon will
	previous, next *waiter
}

// places is how many Counts there can be of which none is in another's way.
const places = 256

// place is where to find what belongs to a Count.
func (c *Count) place() uintptr { return uintptr(unsafe.Pointer(c)) * 0x9e3779b1 >> 16 % places }

// A room has the crowds whose Counts have the same place.
type room struct {
	sync.Mutex
	crowds *crowd
	spare  *crowd // to be used again
}

var rooms [places]room

// wait is Await without spinning.
func (c *Count) wait(ctx context.Context, seen Seen) error {
	if deadline, ok := ctx.Deadline(); ok && ctx.Done() == nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	if c.readOnly() {
		return poll(ctx)
	}
	r := &rooms[c.place()]
	in, w := r.enter(c, seen)
	if in == nil {
		c.wouldHave()
		return nil
	}
	if w != nil {
		sleep, err := r.await(ctx, in, w)
		if !sleep {
			return err
		}
	}
	why, err := in.sleepUntil(ctx, seen)
	r.leave(in, seen, why)
	return err
}

// enter makes the caller one of a crowd, who waits or, where w is nil, is to sleep.
// There is none if he has nothing to wait for.
func (r *room) enter(c *Count, seen Seen) (in *crowd, w *waiter) {
	r.Lock()
	defer r.Unlock()
	if sequence(c.load()) != seen {
		return nil, nil
	}
	for in = r.crowds; in != nil; in = in.next {
		if in.Count == c {
			w = &waiter{seen: seen, turn: make(chan bool, 1)}
			in.others.push(w)
			return in, w
		}
	}
	if in = r.spare; in == nil {
		in = new(crowd)
	}
	*in = crowd{bedroom: bedroom{Count: c, look: monotonic() + looksAgain}, next: r.crowds}
	r.crowds, r.spare = in, nil
	return in, nil
}

// await waits for the word of the one who sleeps, and returns whether to do so now.
// Who is told that when his context has ended has to, for he alone can tell others.
func (r *room) await(ctx context.Context, in *crowd, w *waiter) (sleep bool, err error) {
	select {
	case sleep = <-w.turn:
		return sleep, nil
	case <-ctx.Done():
		if r.withdraw(in, w) {
			return false, over(ctx)
		}
		return <-w.turn, nil
	}
}

// withdraw takes a waiter out of his crowd, unless he has been released.
func (r *room) withdraw(in *crowd, w *waiter) bool {
	r.Lock()
	defer r.Unlock()
	if !w.released {
		in.others.remove(w)
		return true
	}
	return false
}

// leave is what the one who slept does at the end: all who have seen what is no
// more return, and some of the others if it is time to look. One is to sleep.
func (r *room) leave(c *crowd, seen Seen, why reason) {
	var told queue
	r.Lock()
	if now := sequence(c.load()); now != seen {
		for w := c.others.first; w != nil; {
			next := w.next
			if w.seen != now {
				c.others.release(w, &told)
			}
			w = next
		}
	}
	if why == timeToLook {
		for n := 1; n < atOnce && c.others.first != nil; n++ {
			c.others.release(c.others.first, &told)
		}
	}
	sleeper := c.others.first
	if sleeper != nil {
		c.others.release(sleeper, new(queue))
	} else {
		r.close(c)
	}
	r.Unlock()
	if sleeper != nil {
		sleeper.turn <- true
	}
	for w := told.first; w != nil; {
		next := w.next // w is not ours any more once it has been told
		w.turn <- false
		w = next
	}
}

// close ends a crowd of which nobody is left.
func (r *room) close(c *crowd) {
	at := &r.crowds
	for *at != c {
		at = &(*at).next
	}
	*at = c.next
	*c = crowd{}
	r.spare = c
}

// A queue is waiters in the order in which they came.
type queue struct{ first, last *waiter }

func (q *queue) push(w *waiter) {
	w.previous, w.next = q.last, nil
	if q.last == nil {
		q.first = w
	} else {
		q.last.next = w
	}
	q.last = w
}

func (q *queue) remove(w *waiter) {
	if w.previous == nil {
		q.first = w.next
	} else {
		w.previous.next = w.next
	}
	if w.next == nil {
		q.last = w.previous
	} else {
		w.next.previous = w.previous
	}
}

// release moves a waiter to those who are going to be told.
func (q *queue) release(w *waiter, to *queue) {
	q.remove(w)
	w.released = true
	to.push(w)
}

package ring

import "context"

// leases are what a process knows of those that it has. Who has the consumers' mutex
// may wait for the gate, but who has the gate must not wait for that.
type leases struct {
	gate    gate
	current []*lease // of which something may be left to be delivered
	spare   []*lease
	held    int    // records that are open
	serial  uint32 // of the last record that was delivered
}

// A lease is a cell that this process has, as it knows it: the records that were
// delivered and are not done with, and those between them that are.
type lease struct {
	queue *Queue
	cell  uint32
	next  int      // of open: those before it are no more
	open  []opened // in order
}

type opened struct {
	delivery
	serial uint32 // tells it from others that are or were at its place
	over   bool   // done with, or given to others
}

// newLease makes a lease of a cell, of which one record is delivered.
func (a *leases) newLease(q *Queue, cell uint32, d delivery) *lease {
	var l *lease
	if n := len(a.spare); n > 0 {
		l, a.spare = a.spare[n-1], a.spare[:n-1]
	} else {
		l = &lease{queue: q}
	}
	a.serial++
	a.held++
	l.cell, l.next, l.open = cell, 0, append(l.open[:0], opened{d, a.serial, false})
	return l
}

// exhaust is for a lease of which everything is delivered.
func (a *leases) exhaust(l *lease) {
	for i := range a.current {
		if a.current[i] == l {
			a.current = append(a.current[:i], a.current[i+1:]...)
			return
		}
	}
}

// forget is for a lease that is over.
func (a *leases) forget(l *lease) {
	a.exhaust(l)
	l.next, l.open = 0, l.open[:0]
	a.spare = append(a.spare, l)
}

// empty tells whether none is open.
func (l *lease) empty() bool { return l.next == len(l.open) }

// index is where a record is whose position is in the lease.
func (l *lease) index(at uint32) int {
	base := l.open[l.next].at
	low, high := l.next, len(l.open)-1
	for low < high {
		if middle := (low + high) / 2; l.open[middle].at-base < at-base {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// find returns a record if it is open, or else nil.
func (l *lease) find(k key) *opened { return l.findNear(k, l.next) }

// findNear is find where it is known where the record may be.
func (l *lease) findNear(k key, guess int) *opened {
	if l.empty() {
		return nil
	}
	if guess >= len(l.open) || l.open[guess].at != k.at() {
		guess = l.index(k.at())
	}
	o := &l.open[guess]
	if guess < l.next || o.at != k.at() || o.serial != k.serial() || o.over {
		return nil
	}
	return o
}

// deliver goes on in a lease, by most records. None of them is to be set aside: those of
// a lease that were delivered most often come first, and the first of all was not.
func (q *member) deliver(l *lease, most int) (records []opened, err error) {
	if l.next > len(l.open)/2 {
		l.open, l.next = append(l.open[:0], l.open[l.next:]...), 0
	}
	n := len(l.open)
	if l.open, err = q.take(l.cell, l.open, most); err != nil {
		return nil, err
	}
	for i := range l.open[n:] {
		q.serial++
		l.open[n+i].serial = q.serial
	}
	q.held += len(l.open) - n
	if !undelivered(q.cells[l.cell].given.load()) {
		q.exhaust(l)
	}
	return l.open[n:], nil
}

// acknowledge is Done with a record of a lease, and tells whether that was its last. It
// is not delivered again, whoever dies, from the first store on.
func (q *member) acknowledge(l *lease, o *opened) (over bool) {
	o.over = true
	q.held--
	if o != &l.open[l.next] {
		q.doneEarly(o.at, o.state)
		return false
	}
	return q.goOn(l)
}

// goOn moves the lease past what is over at its beginning.
func (q *member) goOn(l *lease) (over bool) {
	var last delivery
	for l.next < len(l.open) && l.open[l.next].over {
		last = l.open[l.next].delivery
		l.next++
	}
	if over = q.done(l.cell, last.end(), l.empty()); over {
		q.forget(l)
	}
	return over
}

// hand gives a record of a lease to others. found is false if it is not open any more;
// ok is false if there is no cell for it, and nothing happened.
func (q *member) hand(ctx context.Context, l *lease, k key) (found, ok, over bool, err error) {
	changed, err := q.lockConsumers(ctx)
	if err != nil {
		return false, false, false, err
	}
	q.gate.lock()
	o := l.find(k)
	if found = o != nil; found {
		ok, over = q.requeue(l.cell, o.at, o.state)
	}
	if ok {
		o.over = true
		q.held--
		switch {
		case over:
			q.forget(l)
		case o == &l.open[l.next]:
			over = q.goOn(l)
		}
	}
	q.gate.unlock()
	return found, ok, over, q.unlockConsumers(changed || ok)
}

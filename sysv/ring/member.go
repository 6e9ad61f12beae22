package ring

import (
	"context"
	"io"
)

// A member is a process that takes part.
type member struct {
	memory
	producers, consumers mutex
	me                   uint32                          // its word
	dead                 func(word uint32) (bool, error) // whether another's member is
	most                 uint32                          // units of a lease of several records

	leases
}

// copied is how many bytes a record has at most that is copied under the mutex.
const copied = 2048

// send puts a record into the ring if there is room, for all to see.
func (q *member) send(ctx context.Context, data []byte) (ok bool, err error) {
	if len(data) > copied {
		at, ok, err := q.beginRecord(ctx, uint32(len(data)))
		if !ok || err != nil {
			return false, err
		}
		q.fill(at, data)
		q.commit(at)
		q.notEmpty.ring()
		return true, nil
	}
	if err := q.producers.enter(ctx); err != nil {
		return false, err
	}
	ok = q.add(data)
	if err := q.producers.unlock(); err != nil {
		return ok, err
	}
	if ok {
		q.notEmpty.ring()
		return true, nil
	}
	return false, q.settle(ctx)
}

// sendBatch puts as many records into the ring as there is room for, and as may be copied
// at once.
func (q *member) sendBatch(ctx context.Context, records [][]byte) (n int, err error) {
	if len(records[0]) > copied {
		ok, err := q.send(ctx, records[0])
		if ok {
			n = 1
		}
		return n, err
	}
	if err := q.producers.enter(ctx); err != nil {
		return 0, err
	}
	n = q.addBatch(records)
	if err := q.producers.unlock(); err != nil {
		return n, err
	}
	if n > 0 {
		q.notEmpty.ring()
		return n, nil
	}
	return 0, q.settle(ctx)
}

// beginRecord reserves a record if there is room.
func (q *member) beginRecord(ctx context.Context, length uint32) (at uint32, ok bool, err error) {
	if err := q.producers.enter(ctx); err != nil {
		return 0, false, err
	}
	at, ok = q.reserve(length, q.me)
	if err := q.producers.unlock(); err != nil || ok {
		return at, ok, err
	}
	return 0, false, q.settle(ctx)
}

// settle is for a producer who finds no room: a consumer who died in the middle of
// a move may be why nobody can tell whether there is.
func (q *member) settle(ctx context.Context) error {
	if q.moves.load()&1 == 0 {
		return nil
	}
	_, err := q.lockConsumers(ctx)
	if err != nil {
		return err
	}
	return q.unlockConsumers(true)
}

// lockConsumers tells whether there was something to repair.
func (q *member) lockConsumers(ctx context.Context) (repaired bool, err error) {
	abandoned, err := q.consumers.lock(ctx)
	if err != nil || !abandoned {
		return false, err
	}
	return true, q.repairThem()
}

// tryConsumers is lockConsumers that does not wait.
func (q *member) tryConsumers() (ok, repaired bool, err error) {
	ok, abandoned, err := q.consumers.tryLock()
	if !ok || err != nil || !abandoned {
		return ok, false, err
	}
	if err := q.repairThem(); err != nil {
		return false, false, err
	}
	return true, true, nil
}

// repairThem is for who finds the mutex abandoned. It is his no more after an error.
func (q *member) repairThem() error {
	if err := q.repair(); err != nil {
		q.consumers.unlock()
		return err
	}
	return q.consumers.repaired()
}

// unlockConsumers wakes the others if there may be something for them.
func (q *member) unlockConsumers(changed bool) error {
	err := q.consumers.unlock()
	if changed {
		q.notEmpty.ring()
		q.notFull.ring()
	}
	return err
}

// A delivery is a record that a consumer has been given.
type delivery struct{ at, length, state uint32 }

// end is where the next record begins.
func (d delivery) end() uint32 { return d.at + units(d.length) }

// An effort is what who has nothing does for a record.
type effort uint8

const (
	quickly    effort = iota // he does not wait, and makes no system call
	fairly                   // he waits for the mutex
	thoroughly               // he also asks the kernel who lives
)

// obtain gets a lease and the first record of it: the oldest of what is to be given again,
// or another has and has not delivered, else of what nobody has had yet.
//
// Were the record not taken before others can look, two who have nothing to do could
// take it from each other for good.
func (q *member) obtain(ctx context.Context, how effort) (i uint32, d delivery, ok bool, err error) {
	var gone []leaseOfTheDead
	changed := false
	switch how {
	case thoroughly:
		if gone, err = q.leasesOfTheDead(); err != nil {
			return 0, d, false, err
		}
		fallthrough
	case fairly:
		changed, err = q.lockConsumers(ctx)
	case quickly:
		if ok, changed, err = q.tryConsumers(); !ok {
			return 0, d, false, err
		}
	}
	if err != nil {
		return 0, d, false, err
	}
	moves, read := q.moves.get(), q.read.get()
	var ended bool
	i, d, ok, ended, err = q.obtainHolding(gone, how)
	// There is room where nothing but padding was passed.
	changed = changed || ended || q.moves.get() != moves || !ok && q.read.get() != read
	if failed := q.unlockConsumers(changed); err == nil {
		err = failed
	}
	return i, d, ok, err
}

// obtainHolding is obtain under the mutex. ended tells whether leases came to their end of
// which nothing was left.
func (q *member) obtainHolding(gone []leaseOfTheDead, how effort) (i uint32, d delivery, ok, ended bool, err error) {
	dead := q.dead
	if how != thoroughly {
		dead = nil
	}
	for _, g := range gone {
		if q.cells[g.cell].owner.load() == g.owner {
			if err := q.park(g.cell); err != nil {
				return 0, d, false, true, err
			}
			ended = true
		}
	}
	for {
		if i, ok = q.older(q.me); !ok {
			if i, d, ok, err = q.claim(q.me, q.most, dead); ok || err != nil {
				return i, d, ok, ended, err
			}
		}
		if !ok {
			break
		}
		if d, ok, err = q.first(i); ok || err != nil {
			return i, d, ok, ended, err
		}
		ended = true
	}
	if how == thoroughly {
		var end bool
		if end, err = q.atEnd(); end {
			err = io.EOF
		}
	}
	return 0, d, false, ended, err
}

// first delivers the first record of a new lease that is not to be set aside. The
// lease is over if there is none.
func (q *member) first(i uint32) (d delivery, ok bool, err error) {
	var buf [1]opened
	for {
		open, err := q.take(i, buf[:0], 1)
		if err != nil {
			return d, false, err
		}
		if len(open) == 0 {
			q.cells[i].owner.store(0)
			return d, false, nil
		}
		d = open[0].delivery
		if !q.spent(d) {
			return d, true, nil
		}
		if !q.setAside(d) {
			ok, over := q.put(i, d.at, d.state|taken, stuck)
			if !ok { // it is delivered all the same
				return d, true, nil
			}
			if over {
				return d, false, nil
			}
		}
		if q.done(i, d.end(), true) {
			return d, false, nil
		}
	}
}

// A lease of the dead is a cell with its owner.
type leaseOfTheDead struct{ cell, owner uint32 }

func (q *member) leasesOfTheDead() (gone []leaseOfTheDead, err error) {
	for i := range min(q.used.load(), uint32(len(q.cells))) {
		owner := q.cells[i].owner.load()
		if owner < reserved || owner == q.me {
			continue
		}
		dead, err := q.dead(owner)
		if err != nil {
			return nil, err
		}
		if dead {
			gone = append(gone, leaseOfTheDead{i, owner})
		}
	}
	return gone, nil
}

// look tells whether it is worth while to call obtain.
func (q *member) look() (bool, error) {
	if q.work(q.me) || q.ended.load() != 0 && !q.anythingLeft() { // then who sent may be dead
		return true, nil
	}
	if read := q.read.load(); read != q.tail.load() {
		state := q.record(read).state.load()
		if state < reserved || q.read.load() != read {
			return true, nil
		}
		if dead, err := q.dead(state); dead || err != nil {
			return dead, err
		}
	}
	gone, err := q.leasesOfTheDead()
	return len(gone) > 0, err
}

// madeRoom wakes who waits for what Done or Requeue brought, where over tells whether
// that was the end of a lease.
func (q *member) madeRoom(over bool) {
	q.notFull.ring()
	if over && q.ended.load() != 0 {
		q.notEmpty.ring() // it may have been the last of all
	}
}

// leave ends a lease of which nothing is left.
func (q *member) leave(i uint32) { q.cells[i].owner.store(0) }

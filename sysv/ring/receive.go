package ring

import (
	"context"
	"io"
	"syscall"
	"time"
)

// A Record is one that this process was given by Receive, and has until Done or
// Requeue.
type Record struct {
	// Bytes are the record, in the shared memory: valid until Done or Requeue.
	Bytes []byte
	// Attempts is how often it was delivered before this, to somebody who died or
	// gave it back.
	Attempts int

	lease *lease
	key   key
}

// A key tells a record from all others that a process was given lately: by its position,
// and a serial number above that. It is one number so that a Record comes back in
// registers.
type key uint64

func keyOf(at, serial uint32) key { return key(serial)<<32 | key(at) }

func (k key) at() uint32     { return uint32(k) }
func (k key) serial() uint32 { return uint32(k >> 32) }

// Receive waits for a record and gives it in place. When ctx ends first the error is
// ctx's. Once the queue has come to its end it is io.EOF, see [Queue.Finish].
func (q *Queue) Receive(ctx context.Context) (r Record, err error) {
	if err := q.there(); err != nil {
		return r, q.failed("Receive", err)
	}
	l, o, err := q.tryOne()
	if l == nil && err == nil {
		l, o, err = q.receive(ctx)
	}
	if err != nil {
		return r, q.failedToReceive("Receive", err)
	}
	r.is(l, o)
	return r, nil
}

// failedToReceive is failed, or io.EOF as it is.
func (q *Queue) failedToReceive(call string, err error) error {
	if err == io.EOF {
		return err
	}
	return q.failed(call, err)
}

// is fills in a Record, word by word: a processor that is to read together what was just
// written in parts waits for it.
func (r *Record) is(l *lease, o opened) {
	r.Bytes = l.queue.bytes(o.at, o.length)
	r.Attempts = int(attempts(o.state))
	r.lease = l
	r.key = keyOf(o.at, o.serial)
	l.queue.received()
}

// ReceiveBatch is Receive of as many records as are there and have room in buf, for
// less. It waits for one, and returns how many there are, also with an error. Others don't get
// them while this process has them: ask for as many as are soon done with.
func (q *Queue) ReceiveBatch(ctx context.Context, buf []Record) (n int, err error) {
	if len(buf) == 0 {
		return 0, nil
	}
	if err := q.there(); err != nil {
		return 0, q.failed("ReceiveBatch", err)
	}
	if n, err = q.trySome(buf); n == 0 && err == nil {
		var l *lease
		var o opened
		if l, o, err = q.receive(ctx); err == nil {
			buf[0].is(l, o)
			n, err = q.trySome(buf[1:])
			n++
		}
	}
	if err != nil {
		return n, q.failedToReceive("ReceiveBatch", err)
	}
	return n, nil
}

// receive is for who has found nothing.
func (q *Queue) receive(ctx context.Context) (l *lease, o opened, err error) {
	q.waiting.Add(1)
	defer q.waiting.Add(-1)
	for misses := 0; ; {
		if !q.workSpin.spin(spins, q.claimable) {
			if err := q.notEmpty.Until(ctx, q.ready); err != nil {
				return nil, o, inVain(err, q.nothingCame)
			}
		}
		if l, o, err = q.tryOne(); l != nil || err != nil {
			return l, o, err
		}
		if l, o, err = q.tryHard(ctx); l != nil || err != nil {
			return l, o, err
		}
		// Another was faster, or there is no cell for what there is, and nobody tells
		// when one is idle.
		if misses++; misses%8 != 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return nil, o, explain(ctx.Err(), "there is a record, but others were faster or no lease is left (Config.Leases, QueueStat.MostLeases)")
		case <-time.After(time.Millisecond << min(misses/8, 5)):
		}
	}
}

// nothingCame says why, as far as one can see.
func (q *Queue) nothingCame() string {
	if read := q.read.load(); read != q.tail.load() {
		if state := q.record(read).state.load(); state >= reserved {
			return nextUnfinished(state)
		}
	}
	return noRecord
}

// TryReceive is Receive that returns false where there is nothing.
func (q *Queue) TryReceive() (r Record, ok bool, err error) {
	if err := q.there(); err != nil {
		return r, false, q.failed("TryReceive", err)
	}
	l, o, err := q.tryOne()
	if l == nil && err == nil && q.ready() {
		l, o, err = q.tryHard(context.Background())
	}
	if err != nil {
		return r, false, q.failedToReceive("TryReceive", err)
	}
	if l != nil {
		r.is(l, o)
	}
	return r, l != nil, nil
}

// Next is Receive of a copy, which it appends to buf, and Done. Who dies after that has
// lost it.
func (q *Queue) Next(ctx context.Context, buf []byte) (data []byte, err error) {
	r, err := q.Receive(ctx)
	if err != nil {
		return buf, err
	}
	data = append(buf, r.Bytes...)
	return data, r.Done()
}

// tryOne and trySome get what can be had without waiting and without a system call.
func (q *Queue) tryOne() (l *lease, o opened, err error) {
	q.gate.lock()
	l, records, err := q.some(1)
	if len(records) == 0 {
		q.gate.unlock()
		return nil, o, err
	}
	o = records[0]
	q.gate.unlock()
	return l, o, nil
}

func (q *Queue) trySome(buf []Record) (n int, err error) {
	for n < len(buf) && err == nil {
		q.gate.lock()
		if n > 0 && len(q.current) == 0 {
			q.gate.unlock()
			break
		}
		var l *lease
		var records []opened
		l, records, err = q.some(len(buf) - n)
		for _, o := range records {
			buf[n].is(l, o)
			n++
		}
		q.gate.unlock()
		if len(records) == 0 {
			break
		}
	}
	return n, err
}

// enough is how many units are worth while to be claimed at once.
const enough = 8 << 10 / unit

// some gets records, most of them at once, all of one lease. The gate is held.
func (q *Queue) some(most int) (l *lease, records []opened, err error) {
	for len(q.current) > 0 {
		l = q.current[0]
		records, err = q.deliver(l, most)
		if len(records) > 0 || err != nil {
			return l, records, err
		}
		if l.empty() { // others have what was left
			q.leave(l.cell)
			q.forget(l)
			q.madeRoom(true)
		}
	}
	if !q.claimable() {
		return nil, nil, nil
	}
	read := q.read.load()
	q.workComes.linger(lingers, q.tail.load()-read, min(q.size/8, enough), func() uint32 { return q.tail.load() - read })
	// Who always finds something looks for what the dead have left now and then.
	if q.claims++; q.claims%256 == 0 && q.looks.due() {
		return nil, nil, nil
	}
	i, d, ok, err := q.obtain(context.Background(), quickly)
	if !ok || err != nil {
		return nil, nil, err
	}
	l = q.opened(i, d)
	return l, l.open, nil
}

// opened is for who has got a cell and the first record of it. The gate is held.
func (q *Queue) opened(cell uint32, d delivery) *lease {
	l := q.newLease(q, cell, d)
	if undelivered(q.cells[cell].given.load()) {
		q.current = append(q.current, l)
	}
	return l
}

// tryHard does what it can to get a record, but wait for one.
func (q *Queue) tryHard(ctx context.Context) (l *lease, o opened, err error) {
	how := fairly
	if q.looks.due() {
		how = thoroughly
	}
	for ; how <= thoroughly; how++ {
		cell, d, ok, err := q.obtain(ctx, how)
		if err == io.EOF {
			q.received()
			q.gotRoom()
		}
		if err != nil {
			return nil, o, err
		}
		if ok {
			q.gate.lock()
			defer q.gate.unlock()
			l = q.opened(cell, d)
			return l, l.open[0], nil
		}
	}
	return nil, o, nil
}

// Done says that a record is done with: it is never delivered again, whoever dies.
// Records may be done with in any order. After Done or Requeue, of this Record or of a
// copy, the error is [ErrNotHeld], and nothing has happened.
func (r *Record) Done() error {
	l := r.lease
	if l == nil {
		return ErrNotHeld
	}
	q := l.queue
	q.gate.lock()
	o := l.find(r.key)
	if o == nil {
		q.gate.unlock()
		return ErrNotHeld
	}
	q.endingUse()
	over := q.acknowledge(l, o)
	q.gate.unlock()
	q.madeRoom(over)
	*r = Record{}
	return nil
}

// Requeue gives a record to another consumer, or to this one again, with one attempt
// more. If all cells of the queue are taken, which Stat tells, the error is
// [syscall.EAGAIN] and nothing has happened. Other errors are those of Done.
func (r *Record) Requeue(ctx context.Context) error {
	l := r.lease
	if l == nil {
		return ErrNotHeld
	}
	q := l.queue
	q.sending()
	found, ok, over, err := q.hand(ctx, l, r.key)
	if ok {
		q.madeRoom(over)
		*r = Record{}
	}
	switch {
	case err != nil:
		return q.failed("Requeue", err)
	case !found:
		return ErrNotHeld
	case !ok:
		return q.failed("Requeue", explain(syscall.EAGAIN, "no lease is left (Config.Leases, QueueStat.MostLeases)"))
	}
	return nil
}

// DoneBatch is Done of several records of this queue, for less. Those that are not held
// any more, and those of other queues, are left as they are, and the error is
// [ErrNotHeld] then.
func (q *Queue) DoneBatch(records []Record) (err error) {
	q.endingUse()
	anyOver, first := false, 0
	q.gate.lock()
	for i := range records {
		if last := i == len(records)-1; last || records[i+1].lease != records[i].lease {
			over, missing := q.doneOfLease(records[first : i+1])
			if anyOver = anyOver || over; missing {
				err = ErrNotHeld
			}
			first = i + 1
		}
	}
	q.gate.unlock()
	q.madeRoom(anyOver)
	return err
}

// doneOfLease is for records of one lease. Those at its beginning take one store.
func (q *Queue) doneOfLease(records []Record) (over, missing bool) {
	l := records[0].lease
	if l == nil || l.queue != q {
		return false, true
	}
	next := l.next
	for i := range records {
		r := &records[i]
		o := l.findNear(r.key, next+i) // as they were received
		if o == nil {
			missing = true
			continue
		}
		o.over = true
		q.held--
		r.Bytes, r.lease = nil, nil
	}
	if !l.empty() && l.open[l.next].over && q.goOn(l) {
		return true, missing
	}
	for i := range records {
		r := &records[i]
		if at := r.key.at(); r.lease == nil && !l.empty() && int32(at-l.open[l.next].at) >= 0 {
			q.doneEarly(at, l.open[l.index(at)].state)
		}
	}
	return false, missing
}

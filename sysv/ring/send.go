package ring

import "context"

// TrySend is Send that returns false where it would have to wait for room.
func (q *Queue) TrySend(data []byte) (ok bool, err error) {
	if err := q.mayHave(len(data)); err != nil {
		return false, q.failed("TrySend", err)
	}
	q.begins()
	q.sending()
	if ok, err = q.send(context.Background(), data); ok {
		q.gotRoom()
	}
	if err != nil {
		return ok, q.failed("TrySend", err)
	}
	return ok, nil
}

// Send puts a copy of data into the queue, where the next consumer finds it, and waits
// for room if need be. data may be empty. When ctx ends first the error is ctx's and
// nothing was sent; with nil it is there for good, whoever dies.
//
// Errors: [ErrTooLong] for more than a quarter of the ring.
func (q *Queue) Send(ctx context.Context, data []byte) error {
	if err := q.mayHave(len(data)); err != nil {
		return q.failed("Send", err)
	}
	q.begins()
	q.sending()
	for {
		ok, err := q.send(ctx, data)
		if err != nil {
			return q.failed("Send", err)
		}
		if ok {
			q.gotRoom()
			return nil
		}
		if err := q.awaitRoom(ctx, len(data)); err != nil {
			return q.failed("Send", err)
		}
	}
}

// SendBatch is Send of several records, in their order, for less. n is how many were
// sent, the first ones: all, unless err says why not. Others may send in between. Records
// of up to 2 KiB become visible together, up to 32 KiB of them at a time.
//
// Errors are those of Send; with [ErrTooLong] for one of them none was sent.
func (q *Queue) SendBatch(ctx context.Context, records [][]byte) (n int, err error) {
	for _, r := range records {
		if err := q.mayHave(len(r)); err != nil {
			return 0, q.failed("SendBatch", err)
		}
	}
	if len(records) == 0 {
		return 0, nil
	}
	q.begins()
	q.sending()
	for n < len(records) {
		sent, err := q.sendBatch(ctx, records[n:])
		q.gotRoom()
		if n += sent; err != nil {
			return n, q.failed("SendBatch", err)
		}
		if sent > 0 {
			continue
		}
		if err := q.awaitRoom(ctx, len(records[n])); err != nil {
			return n, q.failed("SendBatch", err)
		}
	}
	return n, nil
}

// begins says that this process sends, if it has not.
func (q *Queue) begins() {
	if q.sends.Load() {
		return
	}
	q.gate.lock()
	defer q.gate.unlock()
	if !q.sends.Load() {
		q.produce()
		q.sends.Store(true)
	}
}

// Finish says that this process sends no more. Once all processes that live and have
// sent something have called it, and every record is done with, Receive returns io.EOF,
// in every process. Who sends afterwards opens the queue again. To be killed or to close is
// not to finish, but keeps nobody waiting: at least one has to call Finish, which may be
// one that has sent nothing. It must not be called
// while a Send or a Reservation is under way.
func (q *Queue) Finish() error {
	return q.whileOpen("Finish", func() {
		q.sending()
		q.gate.lock()
		q.sends.Store(false)
		q.endProducing()
		q.gate.unlock()
	})
}

// awaitRoom waits until there seems to be room for so many bytes.
func (q *Queue) awaitRoom(ctx context.Context, length int) error {
	q.waiting.Add(1)
	defer q.waiting.Add(-1)
	n := units(uint32(length))
	ready := func() bool { return q.roomFor(n) || q.there() != nil }
	var err error
	if !q.roomSpin.spin(spins, ready) {
		err = inVain(q.notFull.Until(ctx, ready), func() string { return noRoom(length, q.size-q.room(), q.size) })
	}
	if err == nil {
		q.roomComes.linger(lingers, q.room(), q.size/8, q.room)
	}
	return err
}

// A Reservation is a record that this process writes in place. Nobody sees it before
// Commit, and the records that come after it wait for it, whoever sends them. If the
// process dies it has never been there.
type Reservation struct {
	// Bytes are to be written, in the shared memory: valid until Commit or Discard.
	// They are what was in the ring before.
	Bytes []byte

	queue *Queue
	key   key
}

// Reserve waits for room for n bytes, to be written in place. When ctx ends first the
// error is ctx's, and nothing is reserved.
//
// Errors: [ErrTooLong] for more than a quarter of the ring, or less than nothing.
func (q *Queue) Reserve(ctx context.Context, n int) (Reservation, error) {
	if err := q.mayHave(n); err != nil {
		return Reservation{}, q.failed("Reserve", err)
	}
	q.begins()
	for {
		at, ok, err := q.beginRecord(ctx, uint32(n))
		if err != nil {
			return Reservation{}, q.failed("Reserve", err)
		}
		if ok {
			q.gotRoom()
			return q.reservation(at, n), nil
		}
		if err := q.awaitRoom(ctx, n); err != nil {
			return Reservation{}, q.failed("Reserve", err)
		}
	}
}

func (q *Queue) reservation(at uint32, n int) Reservation {
	q.gate.lock()
	q.serial++
	k := keyOf(at, q.serial)
	q.writing = append(q.writing, k)
	q.gate.unlock()
	return Reservation{Bytes: q.bytes(at, uint32(n)), queue: q, key: k}
}

// Commit puts the record into the queue. After Commit or Discard, of this or of a copy,
// the error is [ErrNotHeld], and nothing has happened.
func (r *Reservation) Commit() error {
	return r.end((*memory).commit)
}

// Discard gives the room back, once a consumer comes by. Errors are those of Commit.
func (r *Reservation) Discard() error {
	return r.end((*memory).discard)
}

func (r *Reservation) end(do func(m *memory, at uint32)) error {
	q := r.queue
	if q == nil || !q.stopWriting(r.key) {
		return ErrNotHeld
	}
	q.sending()
	do(&q.memory, r.key.at())
	q.notEmpty.ring()
	*r = Reservation{}
	return nil
}

// stopWriting takes a reservation off the list, and tells whether it was there.
func (q *Queue) stopWriting(k key) bool {
	q.gate.lock()
	defer q.gate.unlock()
	for i := range q.writing {
		if q.writing[i] == k {
			last := len(q.writing) - 1
			q.writing[i] = q.writing[last]
			q.writing = q.writing[:last]
			return true
		}
	}
	return false
}

package ring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
)

// A Feed is this process's membership in a feed of records: each consumer is given every
// record that was sent since it joined, in the order in which they were sent, which is the same for
// all. All methods of a Feed and of what it returns can be called by several
// goroutines at once, and none allocates memory for a record. For many small ones there are
// [Feed.SendBatch], [Subscription.ReceiveBatch] and [Subscription.DoneBatch].
//
// A lossless feed keeps each record until all consumers are done with it: where the
// ring is full producers wait for the slowest. While it has more to do it may say
// later what it is done with, a sixteenth of the ring or 4 KiB, unless a producer has found no
// room. A consumer that dies holds nobody up: a
// producer who waits finds that out, as others that a consumer waits for, within
// 100 ms. One that is stopped, as by SIGSTOP, holds producers up as any slow one, until it
// goes on or is killed.
//
// A lossy feed keeps the newest records, whoever has seen them. Its producers wait for
// nobody but each other. A consumer that is too slow is told how many records it has
// missed and goes on with the oldest that is there.
//
// A producer that is killed has sent a record or has not. Where it is stopped in the moment
// that it sends, other producers and those who join wait until it goes on or is
// killed; consumers receive what was sent before.
type Feed struct {
	membership
	feedMember

	sends atomic.Bool // it has said so
	looks pace        // for the dead
	luck  luck

	mu            sync.Mutex
	subscriptions int       // that are open
	writing       []written // and reservations
	serial        uint32    // of the last one
}

func newFeed(m feedMember) *Feed { return &Feed{feedMember: m} }

// LongestRecord returns how many bytes a record may have: a quarter of the ring, less 8.
func (f *Feed) LongestRecord() int { return f.longestRecord() }

// TrySend is Send that returns false where it would have to wait for room, which it
// never has to in a lossy feed.
func (f *Feed) TrySend(data []byte) (ok bool, err error) {
	if err := f.mayHave(len(data)); err != nil {
		return false, f.failed("TrySend", err)
	}
	f.begins()
	one := [1][]byte{data}
	n, err := f.send(context.Background(), one[:])
	if n == 0 && err == nil && f.looks.due() {
		if ok, err = f.hasRoom(context.Background(), units(uint32(len(data))), true); ok && err == nil {
			n, err = f.send(context.Background(), one[:])
		}
	}
	if err != nil {
		return n == 1, f.failed("TrySend", err)
	}
	return n == 1, nil
}

// Send puts a copy of data into the feed, for all who have joined by then, and waits for
// room if need be. data may be empty. When ctx ends first the error is ctx's and nothing
// was sent. Where nobody has joined nobody will ever see it.
func (f *Feed) Send(ctx context.Context, data []byte) error {
	one := [1][]byte{data}
	_, err := f.sendAll(ctx, "Send", one[:])
	return err
}

// SendBatch sends records one after the other, some at a time, which costs less than
// to send them one by one, and returns how many it has sent: all of them unless there is
// an error. Records of other producers may come between them.
func (f *Feed) SendBatch(ctx context.Context, records [][]byte) (n int, err error) {
	return f.sendAll(ctx, "SendBatch", records)
}

func (f *Feed) sendAll(ctx context.Context, call string, records [][]byte) (n int, err error) {
	for _, r := range records {
		if err := f.mayHave(len(r)); err != nil {
			return 0, f.failed(call, err)
		}
	}
	if len(records) == 0 {
		return 0, nil
	}
	f.begins()
	for {
		some, err := f.send(ctx, records[n:])
		if n += some; err != nil {
			return n, f.failed(call, err)
		}
		if n == len(records) {
			return n, nil
		}
		if err := f.awaitRoom(ctx, len(records[n])); err != nil {
			return n, f.failed(call, err)
		}
	}
}

// begins says that this process sends, if it has not.
func (f *Feed) begins() {
	if f.sends.Load() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.sends.Load() {
		f.produce()
		f.sends.Store(true)
	}
}

// Finish says that this process sends no more. Once all processes that live and have sent
// something have called it, consumers that have been given everything are told
// [io.EOF], in every process. Who sends afterwards opens the feed again. It must not be
// called while something is being sent.
func (f *Feed) Finish() error {
	return f.whileOpen("Finish", func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.endProducing()
		f.sends.Store(false)
	})
}

// awaitRoom waits until there may be room for so many bytes. Who has just found none looks a
// few times for so much that it was worth while, before it says that it waits: consumers
// make a system call for each who does.
func (f *Feed) awaitRoom(ctx context.Context, length int) error {
	f.waiting.Add(1)
	defer f.waiting.Add(-1)
	n := units(uint32(length))
	if f.luck.spin(feedRoom, func() bool {
		tail := f.tail.load()
		return tail+n+min(f.size/8, worthWhile)-f.oldest(tail) <= f.size
	}) {
		return nil
	}
	if err := f.there(); err != nil {
		return err
	}
	seen := f.notFull.announce()
	ok, err := f.hasRoom(ctx, n, f.looks.due())
	if ok || err != nil {
		f.luck.hadSome()
		return err
	}
	return inVain(f.notFull.await(ctx, seen), func() string {
		tail := f.tail.load()
		return noRoom(length, tail-f.oldest(tail), f.size)
	})
}

// worthWhile is so many units as are worth waiting for where they come soon: else producers
// and consumers send each other the lines that they share for each record.
const worthWhile = 2048

// gathered is how many units are enough to go on with.
const gathered = 256

// gather waits for a moment for more to come behind a position, if there is little and
// more has come in such moments lately.
func (f *Feed) gather(l *luck, next uint32) {
	if now := f.tail.load() - next; now > 0 {
		l.linger(gathers, now, gathered, func() uint32 { return f.tail.load() - next })
	}
}

// A FeedReservation is a record that this process writes in place. Consumers get it, and
// what was sent after it, once it is committed. If the process dies it has never
// been there; if it is stopped consumers wait for it, and producers, too, once the
// ring is full.
type FeedReservation struct {
	// Bytes are to be written, in the shared memory: valid until Commit or Discard.
	// They are what was in the ring before.
	Bytes []byte

	feed *Feed
	written
}

// A written record is a reservation that is open, told from all others by its serial.
type written struct{ at, cursor, serial uint32 }

// Reserve waits for room for n bytes, to be written in place. It takes one of the feed's
// cursors for that time: where all have owners the error is [syscall.EAGAIN].
//
// In a lossy feed, where nobody would wait for who writes, the error is
// [errors.ErrUnsupported].
func (f *Feed) Reserve(ctx context.Context, n int) (r FeedReservation, err error) {
	if f.lossy {
		return r, f.failed("Reserve", explain(errors.ErrUnsupported, "a lossy feed only copies: use Send"))
	}
	if err := f.mayHave(n); err != nil {
		return r, f.failed("Reserve", err)
	}
	f.begins()
	for {
		at, cursor, ok, err := f.begin(ctx, uint32(n))
		if err != nil {
			return r, f.failed("Reserve", err)
		}
		if ok {
			return FeedReservation{f.bytes(at, uint32(n)), f, f.write(at, cursor)}, nil
		}
		if err := f.awaitRoom(ctx, n); err != nil {
			return r, f.failed("Reserve", err)
		}
	}
}

func (f *Feed) write(at, cursor uint32) written {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.serial++
	w := written{at, cursor, f.serial}
	f.writing = append(f.writing, w)
	return w
}

// stopWriting takes a reservation off the list, and tells whether it was there.
func (f *Feed) stopWriting(w written) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.Index(f.writing, w)
	if i >= 0 {
		f.writing = slices.Delete(f.writing, i, i+1)
	}
	return i >= 0
}

// Commit sends the record. After Commit or Discard, of this or of a copy, the error is
// [ErrNotHeld], and nothing has happened.
func (r *FeedReservation) Commit() error { return r.end(committed) }

// Discard gives the room back. Nobody sees the record.
func (r *FeedReservation) Discard() error { return r.end(padding) }

func (r *FeedReservation) end(state uint32) error {
	if r.feed == nil || !r.feed.stopWriting(r.written) {
		return ErrNotHeld
	}
	r.feed.finish(r.at, r.cursor, state)
	*r = FeedReservation{}
	return nil
}

// A Subscription is one consumer of a feed: it is given every record that was sent since
// Subscribe. Goroutines that share one share its records; those that are each to
// see all have one of their own.
type Subscription struct {
	feed *Feed

	gate   gate
	closed bool
	place  position // in a lossless feed
	open   []handed // what was given, in order, from the first that is not done with
	first  uint64   // number of that
	view   view     // of a lossy feed

	looks  pace // for dead producers
	luck   luck
	stream luck
}

// A handed record is one that was given to this process.
type handed struct {
	at   uint32
	done bool
}

// Subscribe joins the feed after what was sent so far. In a lossless feed it takes one of the
// feed's cursors: where all have owners the error is [syscall.EAGAIN]. In a lossy one it
// goes through what is there, to count it, while no producer can send.
func (f *Feed) Subscribe(ctx context.Context) (s *Subscription, err error) {
	s = &Subscription{feed: f}
	if f.lossy {
		s.view, err = f.joinLossy(ctx)
	} else {
		s.place, err = f.joinFeed(ctx)
	}
	if err != nil {
		return nil, f.failed("Subscribe", err)
	}
	f.mu.Lock()
	f.subscriptions++
	f.mu.Unlock()
	return s, nil
}

// Close ends the subscription: producers don't wait for it any more. Where a record is
// not done with the error is [ErrInUse] and nothing has changed.
func (s *Subscription) Close() error {
	s.gate.lock()
	defer s.gate.unlock()
	switch {
	case s.closed:
		return nil
	case len(s.open) > 0:
		return s.feed.failed("Subscription.Close", explain(ErrInUse, "a record is not done with"))
	}
	s.closed = true
	f := s.feed
	if !f.lossy {
		f.leave(&s.place)
	}
	f.mu.Lock()
	f.subscriptions--
	f.mu.Unlock()
	return nil
}

// A FeedRecord is one that this process was given by Receive, and has until Done.
type FeedRecord struct {
	// Bytes are the record, in the shared memory, where others read it, too: it must
	// not be written. It is valid until Done.
	Bytes []byte

	subscription *Subscription
	number       uint64
}

// Done says that a record is done with. Records may be done with in any order; producers
// wait for the oldest that is not. The second time the error is [ErrNotHeld].
func (r *FeedRecord) Done() error {
	s := r.subscription
	if s == nil {
		return ErrNotHeld
	}
	s.gate.lock()
	i := r.number - s.first
	if i >= uint64(len(s.open)) || s.open[i].done {
		s.gate.unlock()
		return ErrNotHeld
	}
	s.open[i].done = true
	if i == 0 {
		s.forget()
	}
	s.gate.unlock()
	r.Bytes, r.subscription = nil, nil
	return nil
}

// forget is for a first record that is done with.
func (s *Subscription) forget() {
	n := 1
	for n < len(s.open) && s.open[n].done {
		n++
	}
	s.first += uint64(n)
	if n == len(s.open) {
		s.open = s.open[:0]
		s.feed.goOn(&s.place, s.place.next)
		return
	}
	s.open = append(s.open[:0], s.open[n:]...)
	s.feed.goOn(&s.place, s.open[0].at)
}

// TryReceive is Receive that returns false where it would have to wait.
func (s *Subscription) TryReceive() (r FeedRecord, ok bool, err error) {
	r, ok, err = s.tryReceive()
	if err != nil {
		return r, ok, s.failed("TryReceive", err)
	}
	return r, ok, nil
}

func (s *Subscription) tryReceive() (r FeedRecord, ok bool, err error) {
	if s.feed.lossy {
		return r, false, errLossy
	}
	s.gate.lock()
	at, length, number, ok, err := s.take()
	s.gate.unlock()
	if ok {
		return FeedRecord{s.feed.bytes(at, length), s, number}, true, nil
	}
	if err == nil {
		err = s.feed.there()
	}
	return r, false, err
}

var errLossy = explain(errors.ErrUnsupported, "records of a lossy feed can only be copied: use Next")

// failed says which call it was, but of errors that callers expect.
func (s *Subscription) failed(call string, err error) error {
	if _, ok := err.(*MissedError); ok || err == io.EOF {
		return err
	}
	return s.feed.failed("Subscription."+call, err)
}

// take is behind the gate.
func (s *Subscription) take() (at, length uint32, number uint64, ok bool, err error) {
	if s.closed {
		return 0, 0, 0, false, os.ErrClosed
	}
	if s.place.next == s.place.tail {
		s.feed.gather(&s.stream, s.place.next)
	}
	if at, length, ok, err = s.feed.take(&s.place); ok {
		number = s.first + uint64(len(s.open))
		s.open = append(s.open, handed{at: at})
	}
	return at, length, number, ok, err
}

// Receive waits for the next record and gives it in place. Once all producers have
// finished and it has given all that they have sent the error is [io.EOF]; when ctx ends
// first it is ctx's, after Close [os.ErrClosed], and in a lossy feed, which has only
// [Subscription.Next], [errors.ErrUnsupported].
func (s *Subscription) Receive(ctx context.Context) (r FeedRecord, err error) {
	for {
		r, ok, err := s.tryReceive()
		if ok {
			return r, nil
		}
		if err == nil {
			err = s.await(ctx)
		}
		if err != nil {
			return r, s.failed("Receive", err)
		}
	}
}

// ReceiveBatch is Receive of as many records as are there and have room in buf, for less. It
// waits for one, and returns how many there are: none with an error.
func (s *Subscription) ReceiveBatch(ctx context.Context, buf []FeedRecord) (n int, err error) {
	if len(buf) == 0 {
		return 0, nil
	}
	for {
		if n, err = s.trySome(buf); n > 0 {
			return n, nil
		}
		if err == nil {
			err = s.await(ctx)
		}
		if err != nil {
			return 0, s.failed("ReceiveBatch", err)
		}
	}
}

// trySome gets what there is. What is wrong with a record that is not the first is told to who
// asks for it.
func (s *Subscription) trySome(buf []FeedRecord) (n int, err error) {
	if s.feed.lossy {
		return 0, errLossy
	}
	s.gate.lock()
	for n < len(buf) && (n == 0 || s.place.next != s.place.tail) {
		var at, length uint32
		var number uint64
		var ok bool
		if at, length, number, ok, err = s.take(); !ok {
			break
		}
		buf[n] = FeedRecord{s.feed.bytes(at, length), s, number}
		n++
	}
	s.gate.unlock()
	if n == 0 && err == nil {
		err = s.feed.there()
	}
	return n, err
}

// DoneBatch is Done of several records of this subscription, for less. Those that are not
// held any more, and those of other subscriptions, are left as they are, and the error is
// [ErrNotHeld] then.
func (s *Subscription) DoneBatch(records []FeedRecord) (err error) {
	s.gate.lock()
	for i := range records {
		r := &records[i]
		k := r.number - s.first
		if r.subscription != s || k >= uint64(len(s.open)) || s.open[k].done {
			err = ErrNotHeld
			continue
		}
		s.open[k].done = true
		r.Bytes, r.subscription = nil, nil
	}
	if len(s.open) > 0 && s.open[0].done {
		s.forget()
	}
	s.gate.unlock()
	return err
}

// Next is Receive of a copy, which it appends to buf, and Done. In a lossy feed the error is
// a [*MissedError] where records were written over before this consumer came to them; the
// call after that goes on with the oldest that is there.
func (s *Subscription) Next(ctx context.Context, buf []byte) (data []byte, err error) {
	for {
		data, ok, err := s.tryNext(buf)
		if ok && err == nil {
			return data, nil
		}
		if err == nil {
			err = s.await(ctx)
		}
		if err != nil {
			return data, s.failed("Next", err)
		}
	}
}

// TryNext is Next that returns false where it would have to wait.
func (s *Subscription) TryNext(buf []byte) (data []byte, ok bool, err error) {
	data, ok, err = s.tryNext(buf)
	if err != nil {
		return data, ok, s.failed("TryNext", err)
	}
	return data, ok, nil
}

func (s *Subscription) tryNext(buf []byte) (data []byte, ok bool, err error) {
	if s.feed.lossy {
		return s.copyNext(buf)
	}
	r, ok, err := s.tryReceive()
	if !ok || err != nil {
		return buf, false, err
	}
	data = append(buf, r.Bytes...)
	return data, true, r.Done()
}

// A MissedError says how many records a consumer of a lossy feed has missed since the
// last that it was given, or was told of.
type MissedError struct {
	// Records is how many.
	Records uint64
}

// Error says it in words.
func (e *MissedError) Error() string { return fmt.Sprintf("ring: %d records were missed", e.Records) }

func (s *Subscription) copyNext(buf []byte) (data []byte, ok bool, err error) {
	s.gate.lock()
	defer s.gate.unlock()
	if s.closed {
		return buf, false, os.ErrClosed
	}
	if uint32(s.view.at) == s.view.tail {
		s.feed.gather(&s.stream, s.view.tail)
	}
	data, ok, err = s.feed.copyNext(&s.view, buf)
	if !ok && err == nil {
		err = s.feed.there()
	}
	if missed := s.view.missed; missed != 0 && err == nil {
		s.view.missed = 0
		err = &MissedError{missed}
	}
	return data, ok, err
}

// await waits until there may be something new, or tells that there will be nothing.
func (s *Subscription) await(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return explain(err, noRecord)
	}
	f := s.feed
	f.waiting.Add(1)
	defer f.waiting.Add(-1)
	next, unfinished := s.next()
	if unfinished == 0 && s.luck.spin(feedSpins, func() bool { return f.tail.load() != next }) {
		return nil
	}
	seen := f.notEmpty.announce()
	// Again, now that it is announced. Another goroutine may have gone on meanwhile.
	next, unfinished = s.next()
	if unfinished == 0 || s.looks.due() {
		if again, err := f.atLast(next, unfinished); again || err != nil {
			return err
		}
	}
	return inVain(f.notEmpty.await(ctx, seen), func() string {
		if _, unfinished := s.next(); unfinished != 0 {
			return nextUnfinished(unfinished)
		}
		return noRecord
	})
}

// next is where the next record will be, and who is writing it.
func (s *Subscription) next() (at, unfinished uint32) {
	s.gate.lock()
	defer s.gate.unlock()
	if s.feed.lossy {
		return uint32(s.view.at), 0
	}
	return s.place.next, s.feed.unfinished(s.place.next)
}

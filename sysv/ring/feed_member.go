package ring

import (
	"context"
	"io"
	"syscall"

	"example.com/sysvipc/sysv/internal/race"
)

// A feedMember is a process that takes part.
type feedMember struct {
	feedMemory
	producers mutex
	me        uint32                          // its word
	dead      func(word uint32) (bool, error) // whether another's member is
	id        int                             // of the object, for the race detector
}

// slot is this member's place.
func (f *feedMember) slot() uint32 { return f.me>>slotShift - 1 }

// errNoCursor says that all cursors have owners.
var errNoCursor = explain(syscall.EAGAIN, "all cursors are taken, by subscriptions and reservations that are open (Config.Cursors, FeedStat.Kept)")

// send puts as many of some records into the ring as there is room for, for all to see.
func (f *feedMember) send(ctx context.Context, records [][]byte) (n int, err error) {
	if err := f.producers.enter(ctx); err != nil {
		return 0, err
	}
	if race.Enabled {
		race.Release(race.FeedSent, f.id, 0)
		race.Acquire(race.FeedDone, f.id, 0)
	}
	first := f.tail.get()
	published, tail, ok := first, first, true
	for n < len(records) {
		if tail, ok, err = f.add(tail, records[n]); !ok {
			break
		}
		n++
		// What is kept must never begin beyond what is published.
		if f.lossy && tail-published > f.size/8 {
			f.tail.store(tail)
			published = tail
		}
	}
	if tail != published {
		f.tail.publish(tail)
	}
	if tail != first {
		f.ahead(tail+ahead, tail-first)
	}
	if failed := f.producers.unlock(); err == nil {
		err = failed
	}
	if n > 0 {
		f.notEmpty.ring()
	}
	return n, err
}

// begin reserves a record if there is room.
func (f *feedMember) begin(ctx context.Context, length uint32) (at, cursor uint32, ok bool, err error) {
	if err := f.producers.enter(ctx); err != nil {
		return 0, 0, false, err
	}
	if race.Enabled {
		race.Acquire(race.FeedDone, f.id, 0)
	}
	var some bool
	at, cursor, ok, err = f.reserve(length, f.me)
	if err == errNoCursor {
		if some, err = f.drop(f.dead); some && err == nil {
			at, cursor, ok, err = f.reserve(length, f.me)
		} else if err == nil {
			err = errNoCursor
		}
	}
	return at, cursor, ok, f.left(some, err)
}

// finish is the end of a reservation.
func (f *feedMember) finish(at, cursor, state uint32) {
	if race.Enabled {
		race.Release(race.FeedSent, f.id, 0)
	}
	f.finishRecord(at, cursor, state)
	f.notEmpty.ring()
	f.notFull.ring()
}

// hasRoom tells whether so many units could be sent now, so that who waits otherwise is
// woken. Where he is to look for the dead he does.
func (f *feedMember) hasRoom(ctx context.Context, n uint32, looks bool) (ok bool, err error) {
	if err := f.producers.enter(ctx); err != nil {
		return false, err
	}
	_, ok, err = f.room(n)
	var some bool
	if !ok && err == nil && looks {
		some, err = f.drop(f.dead)
	}
	return ok || some, f.left(some, err)
}

// left unlocks the producers' mutex after something that had this error, and wakes those who
// wait for room that the dead had.
func (f *feedMember) left(dropped bool, err error) error {
	if failed := f.producers.unlock(); err == nil {
		err = failed
	}
	if dropped {
		f.notFull.ring()
	}
	return err
}

// room tells whether there is some for so many units, and where it ends.
func (f *feedMember) room(n uint32) (end uint32, ok bool, err error) {
	tail := f.tail.load()
	end = tail + f.gap(tail, n) + n
	ok, err = f.roomUpTo(tail, end)
	return end, ok, err
}

// A position is where a consumer of a lossless feed is.
type position struct {
	cursor uint32
	next   uint32 // what it has not been given begins here
	kept   uint32 // and what it keeps
	tail   uint32 // of the ring, as it was last seen
	told   uint32 // what it keeps, as others know it
}

// joinFeed begins at tail.
func (f *feedMember) joinFeed(ctx context.Context) (p position, err error) {
	if err := f.producers.enter(ctx); err != nil {
		return p, err
	}
	p.tail = f.tail.load()
	p.next, p.kept, p.told = p.tail, p.tail, p.tail
	var some bool
	i, ok := f.keep(p.tail, f.me)
	if !ok {
		if some, err = f.drop(f.dead); err == nil {
			i, ok = f.keep(p.tail, f.me)
		}
	}
	if !ok && err == nil {
		err = errNoCursor
	}
	p.cursor = i
	return p, f.left(some, err)
}

// joinLossy begins at tail, too.
func (f *feedMember) joinLossy(ctx context.Context) (v view, err error) {
	if err := f.producers.enter(ctx); err != nil {
		return v, err
	}
	v, err = f.end()
	return v, f.left(false, err)
}

// take gives a consumer its next record, if there is one that is finished.
func (f *feedMember) take(p *position) (at, length uint32, ok bool, err error) {
	for range mostSteps {
		if p.next == p.tail {
			if p.tail = f.tail.load(); p.next == p.tail {
				return 0, 0, false, nil
			}
		}
		left := p.tail - p.next
		if left > f.size {
			return 0, 0, false, errCorrupt
		}
		at = p.next
		r := f.record(at)
		state := r.state.load()
		if state >= reserved {
			return 0, 0, false, nil
		}
		length = r.length.get()
		n, fits := f.takes(at, length, left)
		if !fits || state != committed && state != padding {
			return 0, 0, false, errCorrupt
		}
		p.next = at + n
		if state == committed {
			if race.Enabled {
				race.Acquire(race.FeedSent, f.id, 0)
			}
			return at, length, true, nil
		}
		if p.kept == at {
			f.goOn(p, p.next)
		}
	}
	return 0, 0, false, nil
}

// mostSteps is how many records that are none a consumer goes past before it sees whether
// its context is over.
const mostSteps = 1000

// goOn keeps nothing below from any more. It says so if that is much, or this consumer was
// the last when a producer looked, who may have found no room, or if it knows of nothing
// else to do. So a producer who waits is waiting for a consumer who has something to do, and
// says it then.
func (f *feedMember) goOn(p *position, from uint32) {
	if race.Enabled {
		race.Release(race.FeedDone, f.id, 0)
	}
	p.kept = from
	if from-p.told >= f.late || from == p.tail || int32(p.told-f.head.load()) <= 0 {
		f.tell(p)
	}
}

// tell says what a consumer keeps. The last of all wakes who waits for room.
func (f *feedMember) tell(p *position) {
	was := p.told
	p.told = p.kept
	f.cursors[p.cursor].from.store(p.kept)
	if int32(was-f.head.load()) <= 0 {
		f.notFull.ring()
	}
}

// leave gives the cursor back.
func (f *feedMember) leave(p *position) {
	f.cursors[p.cursor].owner.store(0)
	f.notFull.ring()
}

// unfinished is the word of who has reserved the record at a position, or 0.
func (f *feedMember) unfinished(next uint32) uint32 {
	if f.tail.load() != next {
		if state := f.record(next).state.load(); state >= reserved {
			return state
		}
	}
	return 0
}

// atLast is for a consumer who has found nothing, and tells whether to look again:
// a record whose producer is dead is none any more. At the end the error is io.EOF.
func (f *feedMember) atLast(next, unfinished uint32) (again bool, err error) {
	if unfinished != 0 {
		if gone, err := f.dead(unfinished); !gone || err != nil {
			return false, err
		}
		// The consumer's own cursor keeps it, so that it is that record still.
		f.heal(next, unfinished)
		return true, nil
	}
	if f.tail.load() != next {
		return true, nil
	}
	if f.ended.load() == 0 {
		return false, nil
	}
	for i := range f.producing {
		word := f.producing[i].load()
		if word == 0 {
			continue
		}
		if word < reserved || word == f.me {
			return false, nil
		}
		if gone, err := f.dead(word); !gone || err != nil {
			return false, err
		}
	}
	// Who sends has said so first: then what he has sent is here.
	if f.tail.load() == next {
		return false, io.EOF
	}
	return true, nil
}

// produce says that this member sends, before it does for the first time.
func (f *feedMember) produce() {
	f.producing[f.slot()].store(f.me)
	f.ended.store(0)
}

// endProducing is for who has sent all that he had.
func (f *feedMember) endProducing() {
	f.producing[f.slot()].store(0)
	f.ended.store(1)
	f.notEmpty.ring()
}

// A view is where a consumer of a lossy feed is.
type view struct {
	spot
	start  uint64 // where the records begin that are whole, and
	k      uint32 // which start says so
	tail   uint32
	missed uint64 // so many since it was told
}

// copyNext appends the next record to buf. ok is false if there is none, or some were missed.
func (f *feedMember) copyNext(v *view, buf []byte) (data []byte, ok bool, err error) {
	for range mostSteps {
		if v.missed != 0 {
			break
		}
		at := uint32(v.at)
		if at == v.tail {
			if v.tail = f.tail.load(); at == v.tail {
				// Who has slept while positions came round finds tail where it was.
				_, err := f.stillThere(v)
				return buf, false, err
			}
		}
		r := f.record(at)
		state, length := r.state.load(), r.length.load()
		n, fits := f.takes(at, length, v.tail-at)
		fits = fits && v.tail-at <= f.size && (state == padding || state == committed)
		if fits && state == committed && cap(buf)-len(buf) < int(length) {
			// Not for the sake of what others have written there meanwhile.
			if there, err := f.stillThere(v); err != nil {
				return buf, false, err
			} else if !there {
				continue
			}
			buf = append(make([]byte, 0, len(buf)+int(length)), buf...)
		}
		if fits && state == committed {
			copyOut(buf[len(buf):len(buf)+int(length)], f.bytes(at, length))
		}
		there, err := f.stillThere(v)
		switch {
		case err != nil:
			return buf, false, err
		case !there:
			continue
		case !fits:
			return buf, false, errCorrupt
		}
		v.at += uint64(n)
		if state == committed {
			v.number++
			if race.Enabled {
				race.Acquire(race.FeedSent, f.id, 0)
			}
			return buf[:len(buf)+int(length)], true, nil
		}
	}
	return buf, false, nil
}

// stillThere tells whether what is at a position was not written over before this call.
// Otherwise the consumer goes on with the oldest that is there, and misses what came
// before that.
func (f *feedMember) stillThere(v *view) (bool, error) {
	fence()
	if v.k == f.starting.load() && v.at >= v.start {
		return true, nil
	}
	oldest, k, err := f.oldestSpot()
	if err != nil {
		return false, err
	}
	v.start, v.k = oldest.at, k
	if v.at >= oldest.at {
		return true, nil
	}
	v.tail = f.tail.load()
	if oldest.number < v.number {
		return false, errCorrupt
	}
	v.missed += oldest.number - v.number
	v.spot = oldest
	return false, nil
}

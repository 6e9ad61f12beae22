package ring

import "errors"

// A segment has what all share, the cells, and the ring. Everything is words of 32
// bits, so that 32- and 64-bit programs share it.
//
// A position counts units of the ring, from the beginning of its use on and modulo
// 1<<32: where it is in the ring are its lowest bits. A record is a state, a length
// and so many bytes, in units that follow each other: where it would go beyond the end
// of the ring, padding stands before it.
const (
	unit = 8
	line = 128 // what processors fetch at once, or, as x86 does, in pairs
)

// shared is what all share. Each line belongs to those who write to it.
type shared struct {
	// Producers', under their mutex. All records are below tail, which publishes
	// them. Nothing that is still needed is below head, nor perhaps further up.
	tail word
	head word
	_    [line - 8]byte

	// Consumers', under theirs. All records below read are in a cell, or done with.
	// moves is odd while something goes from one cell to another.
	read    word
	moves   word
	used    word // cells from here on have never been used
	journal journal
	_       [line - 12 - 24]byte

	// What is set aside, in a ring of its own.
	asideTail word
	asideRead word
	_         [line - 8]byte

	ended word // a producer has finished
	_     [line - 4]byte

	notEmpty bell
	_        [line - 4]byte
	notFull  bell
	_        [line - 4]byte
}

// A journal says what a consumer is about to do that takes more than one store: who
// finds the mutex abandoned does it again from the beginning.
type journal struct {
	op          word
	cell, other word
	at          word // the position of a record
	valueOf     word // for what record value is
	value       word
}

// What is in the making.
const (
	nothing  = iota
	cutting  // the rest of a cell goes to the other, once its word is value
	moving   // the record at `at` goes to the other cell; its state becomes value
	counting // the records of a cell that were delivered were so in vain
	setting  // the record is set aside, once asideTail is value
	counted  // they are counted; the cell has to be given to others
)

// A cell is a lease: the records from base on that a consumer is to deliver. owner
// comes last when a cell is filled, and is 0 when the lease ends.
type cell struct {
	owner word
	base  word // where the lease begins, and
	to    word // ended at first
	alone word // 1 if its only record is one that was taken out of another lease
	// from is where what is not done with begins.
	from word
	// given says how much is delivered and where the lease ends: two offsets of 16
	// bits. The owner goes on by a compare-and-swap, and another cuts off by one what
	// is not delivered yet.
	given word
	_     [line - 24]byte
}

// These are the owners of leases that no member has: anybody may take what is parked.
// What is stuck is to be set aside, and there is no room.
const (
	parked = 1
	stuck  = 2
)

// A state is the word of the member that is writing the record, which is not below
// reserved, or else one of these, the attempts that were in vain, and alone's mark.
const (
	committed = 1
	padding   = 2
	finished  = 3 // before others that came earlier
	kinds     = 3

	taken = 4 // out of this lease, into another that has it alone

	oneAttempt   = 8
	mostAttempts = 1<<16 - 1
	slotShift    = 20
	reserved     = 1 << slotShift
)

func attempts(state uint32) uint32 { return state / oneAttempt }

// again is the state of a record that was delivered in vain.
func again(state uint32) uint32 {
	if attempts(state) == mostAttempts {
		return state
	}
	return state + oneAttempt
}

// errCorrupt says that what is in the memory can't be a ring.
var errCorrupt = errors.New("somebody wrote over the ring")

// A memory is the segment as this process sees it.
type memory struct {
	*shared
	buffer
	id    int // of the segment
	cells []cell
	// producing has, for each slot of a member, the word of the member if it sends.
	producing []word

	aside buffer
	limit uint32 // after so many attempts a record is set aside, 0 for never
}

// A lease is longer than this in units only if it is one record, whose offsets are 0
// and 1 then.
const longestLease = 1<<16 - 1

func pair(delivered, end uint32) uint32 { return delivered<<16 | end }

// A span is a cell's bounds, which don't change while it has an owner.
type span struct{ base, to uint32 }

func (c *cell) span() span { return span{c.base.load(), c.to.load()} }

func (s span) large() bool { return s.to-s.base > longestLease }

// whole is the word of a lease of which nothing is delivered.
func (s span) whole() uint32 {
	if s.large() {
		return 1
	}
	return s.to - s.base
}

func (s span) position(offset uint32) uint32 {
	switch {
	case !s.large():
		return s.base + offset
	case offset == 0:
		return s.base
	}
	return s.to
}

func (s span) offset(position uint32) uint32 {
	switch {
	case !s.large():
		return position - s.base
	case position == s.base:
		return 0
	}
	return 1
}

func (s span) delivered(given uint32) uint32 { return s.position(given >> 16) }
func (s span) end(given uint32) uint32       { return s.position(given & 0xffff) }
func undelivered(given uint32) bool          { return given>>16 < given&0xffff }

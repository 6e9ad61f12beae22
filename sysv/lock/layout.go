package lock

import (
	"bytes"
	"fmt"
	"math"
	"sync/atomic"
	"unsafe"

	"example.com/sysvipc/sysv/event"
	"example.com/sysvipc/sysv/shm"
)

// A segment has a header, a cell for each mutex and for the writers of each RWMutex, a
// line for each of these and each slot, and a generation for each slot, all in 32-bit
// words, so that 32- and 64-bit programs share it. Then comes, from the next line on, the
// memory that Config asked for.
const (
	version = 4

	// line is what processors fetch at once, or, as x86 does, in pairs.
	line = 128

	maxLocks  = 4096
	maxSlots  = 1<<slotBits - 1
	maxMemory = min(math.MaxUint32*line, math.MaxInt/2)
)

// magic begins the segment: 16 bytes that nothing else does.
var magic = [4]uint32{0x6b636f6c, 0x9d1fe3a7, 0x53c06b8e, 0xe72a41d5}

// header begins the segment. All of it but used is written once, before anybody else
// has the segment.
type header struct {
	magic   [4]uint32
	set     uint32 // its id
	version uint32
	locks   uint32
	slots   uint32
	segment uint32 // its own id
	key     uint32
	lines   uint32 // of memory
	format  format // of what is there
	ends    uint32 // 0, or how the group ends with its last member
	shared  uint32 // how many RWMutexes, whose writers' cells come after those of the locks
	used    uint32 // no slot from here on has ever been anybody's
	_       [line/4 - 18]uint32
}

const (
	ephemeral = 1 + iota // by what he does
	unseen               // and the kernel frees its segment: it is marked for that
)

// A format is Config.Format, with zeros behind it.
type format [4]uint32

func formatOf(s string) (f format) {
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&f)), unsafe.Sizeof(f)), s)
	return f
}

func (f format) String() string {
	b := unsafe.Slice((*byte)(unsafe.Pointer(&f)), unsafe.Sizeof(f))
	return string(bytes.TrimRight(b, "\x00"))
}

// cell is a mutex, or the writers' part of a RWMutex.
type cell struct {
	word       atomic.Uint32
	marks      atomic.Uint32
	recoveries atomic.Uint32  // how many owners died
	gone       [2]event.Count // of a RWMutex, by news
	_          [line/4 - 5]uint32
}

// A news is what those wait for who wait for a RWMutex.
type news uint8

const (
	readersGone news = iota // of one process at least
	writerGone              // or lets readers in
)

// A crowd is how many of a process read, and how many of it have waited long to: the
// word of a slot for a RWMutex. Whoever joins the slot clears it first.
type crowd struct {
	word atomic.Uint32
	_    [line/4 - 1]uint32
}

const (
	insideBits = 24
	inside     = 1<<insideBits - 1 // who read, or look whether they may
	oneLong    = 1 << insideBits   // one who has waited long
	tooMany    = 1 << (insideBits - 1)
)

func (c *cell) load() uint32              { return c.word.Load() }
func (c *cell) swap(old, new uint32) bool { return c.word.CompareAndSwap(old, new) }
func (c *cell) marked() uint32            { return c.marks.Load() }
func (c *cell) mark(mark uint32)          { c.marks.Or(mark) }
func (c *cell) unmark(mark uint32)        { c.marks.And(^mark) }
func (c *cell) abandon()                  { c.marks.Or(abandonedMark) }
func (c *cell) countRecovery()            { c.recoveries.Add(1) }

// A word of 0 is a free mutex. Else it names its owner: the slot of a process,
// plus 1, and the generation of that slot, by which one process in it is told
// from the next. waiters is set if others may have to be woken. waiters alone is
// a free mutex that is kept for them: who comes now queues.
const (
	waiters  = 1 << 31
	kept     = waiters
	slotBits = 11
	genBits  = 20
	genMask  = 1<<genBits - 1
)

// removed is the word of a mutex of a group that is removed, where it is not held
// still: no owner, and nothing that a Lock takes for free.
const removed = 1

// nobody is never a word.
const nobody = 2

// What a cell's marks say.
const (
	abandonedMark = 1 << iota // from an owner's death until Repaired
	removedMark               // the group is removed, for good
	longWaitMark              // somebody has waited long, until one takes what is kept

	// Of a RWMutex:
	openMark // its owner lets readers in before he goes in himself
	inMark   // its owner is in: there are no readers
)

func ownerWord(slot int, generation uint32) uint32 {
	return uint32(slot+1)<<genBits | generation&genMask
}

func slotOf(word uint32) int          { return int(word&^waiters>>genBits) - 1 }
func generationOf(word uint32) uint32 { return word & genMask }

// The set has one semaphore for joining, which is 1 while nobody does, and some
// whose values never change: by these a set whose segment is gone is told from a
// stranger's. Then come one for each slot, which is 1 while its process lives,
// and one for each mutex, whose value is how many waiters may look again.
const (
	doorAt   = 0
	signedAt = 1
	slotsAt  = signedAt + signatureLen
)

func (g *Group) alive(slot int) int { return slotsAt + slot }
func (g *Group) wake(mutex int) int { return slotsAt + len(g.generations) + mutex }

// number is which semaphore of the set one of the protocol is. mutex is that whose
// tokens may be meant.
func (g *Group) number(of semaphore, mutex int) int {
	switch of {
	case door:
		return doorAt
	case tokens:
		return g.wake(mutex)
	}
	return g.alive(int(of))
}

func semaphores(locks, slots int) int { return slotsAt + slots + locks }

// signatureLen is how many semaphores the signature and the id of the segment
// take, which has 31 bits, of which a semaphore has room for 15.
const signatureLen = 6

func signature(segment int) [signatureLen]int {
	return [signatureLen]int{0x6c6f, 0x636b, 0x4a17, segment & 0x7fff, segment >> 15 & 0x7fff, segment >> 30 & 1}
}

// signedBy returns the id of the segment that a set's values name, if they are
// those of a group's set.
func signedBy(values []int) (segment int, ok bool) {
	if len(values) <= semaphores(0, 0) {
		return 0, false
	}
	v := [signatureLen]int(values[signedAt:])
	segment = v[3] | v[4]<<15 | v[5]<<30
	return segment, v == signature(segment)
}

// A shape is what the size of a segment follows from.
type shape struct {
	locks, shared, slots int
	lines                int // of memory
}

// String is what a user knows of it.
func (s shape) String() string {
	return fmt.Sprintf("%d mutexes, %d RWMutexes and %d bytes of memory", s.locks, s.shared, s.lines*line)
}

func (s shape) cells() int    { return s.locks + s.shared }
func (s shape) cellsAt() int  { return int(unsafe.Sizeof(header{})) }
func (s shape) crowdsAt() int { return s.cellsAt() + s.cells()*int(unsafe.Sizeof(cell{})) }
func (s shape) generationsAt() int {
	return s.crowdsAt() + s.shared*s.slots*int(unsafe.Sizeof(crowd{}))
}
func (s shape) memoryAt() int { return (s.generationsAt() + s.slots*4 + line - 1) / line * line }

func (s shape) size() int {
	if s.lines == 0 {
		return s.generationsAt() + s.slots*4
	}
	return s.memoryAt() + s.lines*line
}

// valid tells whether there can be such a group.
func (s shape) valid() bool {
	return s.locks >= 0 && s.locks <= maxLocks && s.shared >= 0 && s.shared <= maxLocks && s.cells() > 0 &&
		s.slots >= 1 && s.slots <= maxSlots && s.lines >= 0 && s.lines <= maxMemory/line
}

// memory is the segment's content.
type memory struct {
	*header
	cells       []cell
	crowds      []crowd // of each RWMutex for each slot
	generations []atomic.Uint32
	guarded     []byte
}

func (m memory) rwmutexes() int { return len(m.crowds) / len(m.generations) }

// view finds the parts of a segment. Others wrote what stands there, and it may
// be no group at all: nothing is believed that does not fit the segment.
func view(m *shm.Mapping, s shape) (mem memory, err error) {
	if !s.valid() || m.Len() != s.size() {
		return mem, fmt.Errorf("%d bytes can't be %d mutexes and %d RWMutexes for %d processes and %d bytes of memory", m.Len(), s.locks, s.shared, s.slots, s.lines*line)
	}
	if mem.header, err = shm.View[header](m, 0); err != nil {
		return mem, err
	}
	if mem.cells, err = shm.Slice[cell](m, s.cellsAt(), s.cells()); err != nil {
		return mem, err
	}
	if mem.crowds, err = shm.Slice[crowd](m, s.crowdsAt(), s.shared*s.slots); err != nil {
		return mem, err
	}
	if s.lines > 0 {
		mem.guarded = m.Bytes()[s.memoryAt():]
	}
	mem.generations, err = shm.Slice[atomic.Uint32](m, s.generationsAt(), s.slots)
	return mem, err
}

package lock

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"example.com/sysvipc/sysv/shm"
)

// A segment has a header, a cell for each mutex and a generation for each slot,
// all in 32-bit words, so that 32- and 64-bit programs share it.
const (
	version = 2

	// line is what processors fetch at once, or, as x86 does, in pairs.
	line = 128

	maxLocks = 4096
	maxSlots = 1<<slotBits - 1
)

// magic begins the segment: 16 bytes that nothing else does.
var magic = [4]uint32{0x6b636f6c, 0x9d1fe3a7, 0x53c06b8e, 0xe72a41d5}

// header begins the segment. It is written once, before anybody else has the
// segment.
type header struct {
	magic   [4]uint32
	set     uint32 // its id
	version uint32
	locks   uint32
	slots   uint32
	segment uint32 // its own id
	key     uint32
	_       [line/4 - 10]uint32
}

// cell is a mutex.
type cell struct {
	word       atomic.Uint32
	marks      atomic.Uint32
	recoveries atomic.Uint32 // how many owners died
	_          [line/4 - 3]uint32
}

func (c *cell) load() uint32              { return c.word.Load() }
func (c *cell) swap(old, new uint32) bool { return c.word.CompareAndSwap(old, new) }
func (c *cell) marked() uint32            { return c.marks.Load() }
func (c *cell) mark(mark uint32)          { c.marks.Or(mark) }
func (c *cell) unmark(mark uint32)        { c.marks.And(^mark) }
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

func segmentSize(locks, slots int) int {
	return int(unsafe.Sizeof(header{})) + locks*int(unsafe.Sizeof(cell{})) + slots*4
}

// memory is the segment's content.
type memory struct {
	*header
	cells       []cell
	generations []atomic.Uint32
}

// view finds the parts of a segment. Others wrote what stands there, and it may
// be no group at all: nothing is believed that does not fit the segment.
func view(m *shm.Mapping, locks, slots int) (mem memory, err error) {
	if locks < 1 || locks > maxLocks || slots < 1 || slots > maxSlots || m.Len() != segmentSize(locks, slots) {
		return mem, fmt.Errorf("%d bytes can't be %d mutexes for %d processes", m.Len(), locks, slots)
	}
	off := int(unsafe.Sizeof(header{}))
	if mem.header, err = shm.View[header](m, 0); err != nil {
		return mem, err
	}
	if mem.cells, err = shm.Slice[cell](m, off, locks); err != nil {
		return mem, err
	}
	off += locks * int(unsafe.Sizeof(cell{}))
	mem.generations, err = shm.Slice[atomic.Uint32](m, off, slots)
	return mem, err
}

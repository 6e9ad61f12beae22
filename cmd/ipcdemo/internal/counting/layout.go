package counting

import (
	"sync/atomic"
	"unsafe"

	"example.com/sysvipc/cmd/ipcdemo/internal/children"
)

// The segment begins with a header and goes on with one slot for each process
// that counts. Everything is of fixed size, so that 32-bit and 64-bit programs
// agree, and what one process reads while another writes it has 32 bits.
const (
	boardVersion = 3
	maxJoiners   = 16
)

var boardMagic = [8]byte{'i', 'p', 'c', 'd', 'e', 'm', 'o'}

type header struct {
	Magic       [8]byte
	Version     uint32
	Size        uint32 // of header and slots, in bytes
	Children    uint32 // slots of children; those of joiners follow
	Locking     uint32 // a locking
	Phase       atomic.Uint32
	Counter     atomic.Uint32 // what all of them increment
	LockSegment uint32        // ids of a fast lock's group
	LockSet     uint32
	Takeovers   atomic.Uint32 // of a fast lock, from dead owners
	_           [20]byte
}

// Phases of a run.
const (
	unfinished = iota // not yet a board
	gathering         // joiners are welcome
	counting          // they still are
	closed            // the sum is being made
	kept              // and the objects were left behind on purpose
)

// Steps of the critical section.
const (
	outside = children.Outside + iota
	locked
	between
	both
)

var stepNames = [...]string{
	outside: "outside of its critical section",
	locked:  "holding the lock, before its two increments",
	between: "between its two increments",
	both:    "after both increments, before unlocking",
}

// The semaphores of the set.
const (
	semLock    = iota // 1: guards the counters
	semReady          // children that have not attached yet
	semGate           // 1 until counting may begin
	semDoor           // 1: guards Phase and the slots of joiners
	semJoiners        // joiners that count, each undone if it dies
	semParent         // 1 while the parent lives, by undo
	semCount
)

func boardSize(n int) int {
	return int(unsafe.Sizeof(header{})) + (n+maxJoiners)*int(unsafe.Sizeof(children.Slot{}))
}

// Package race tells Go's race detector of the order that a kernel object brings
// into what goroutines of one process do. The detector sees neither what happens
// in the kernel nor memory that is not Go's, and would report data races where
// there are none.
//
// An order belongs to the object, not to a handle, of which a process may have
// several: who releases it hands on what he has done so far to all who acquire it
// later. As a program can't tell which of several releases a call waited for, it
// acquires all of them.
//
// Without -race nothing of this is left: callers look at [Enabled] first.
package race

// A Kind is what an order is of.
type Kind uint8

const (
	// SemAdded is what was done before a semaphore was increased.
	SemAdded Kind = iota
	// SemTaken is what was done before a semaphore was decreased.
	SemTaken
	// MsgSent is what was done before a message was sent.
	MsgSent
	// MsgReceived is what was done before a message was received.
	MsgReceived
	// LockFreed is what was done before a mutex was unlocked.
	LockFreed
	// LockRead is what was done before a read/write lock was given back by a reader.
	LockRead
	// RingSent is what was done before a record was sent, or given back.
	RingSent
	// RingDone is what was done before a record was done with.
	RingDone
	// SemRemoved, MsgRemoved and LockRemoved are what was done before a set, a
	// queue or a group was removed.
	SemRemoved
	MsgRemoved
	LockRemoved
	// LatestSet is what was done before a value was set, FeedSent before a record was
	// sent, and FeedDone before one was done with.
	LatestSet
	FeedSent
	FeedDone
)

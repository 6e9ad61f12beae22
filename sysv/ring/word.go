package ring

import (
	"context"
	"sync/atomic"
	"unsafe"

	"example.com/sysvipc/sysv/event"
)

// A word is 32 bits that processes share. Everything that the protocol does to shared
// memory it does by these methods. With the build tag sysvipc_steps each of them is a
// step of the exploration in the tests, which so goes through this package's own
// code, and without it nothing is left of that.
//
// publish is a store that is seen after those before it. Loads that come after it may
// be done before it, on this processor: it is for where a mutex is unlocked, or
// something is swapped or stored, before anything is loaded that matters.
//
// get and put are for what nobody else reads or writes at the time: it is published
// by a store that follows, or guarded by a mutex. They are no steps of their own.
type word struct{ v atomic.Uint32 }

// An access is what is done to a word, or to what else processes share.
type access uint8

const (
	loads access = iota
	stores
	swaps // a compare-and-swap
	gets
	puts
	announces // that somebody waits for a bell
	listens   // whether somebody waits for one
	rings
	awaits
	locks // of a mutex between processes
	tries
	unlocks
	repairs
	asks // whether a member is dead
)

// What comes of locks and tries.
const (
	gotNothing = iota
	got
	gotAbandoned
)

func (w *word) load() uint32 {
	if exploring {
		return each(loads, w, 0, 0)
	}
	return w.v.Load()
}

func (w *word) store(value uint32) {
	if exploring {
		each(stores, w, 0, value)
		return
	}
	w.v.Store(value)
}

func (w *word) publish(value uint32) {
	if exploring {
		each(stores, w, 0, value)
		return
	}
	release(&w.v, value)
}

func (w *word) swap(old, new uint32) bool {
	if exploring {
		return each(swaps, w, old, new) != 0
	}
	return w.v.CompareAndSwap(old, new)
}

func (w *word) get() uint32 {
	if exploring {
		return each(gets, w, 0, 0)
	}
	return *(*uint32)(unsafe.Pointer(w))
}

func (w *word) put(value uint32) {
	if exploring {
		each(puts, w, 0, value)
		return
	}
	*(*uint32)(unsafe.Pointer(w)) = value
}

// A bell is what consumers, or producers, wait for. They do it by Until, which the
// exploration takes apart.
type bell struct{ event.Count }

func (b *bell) word() *word { return (*word)(unsafe.Pointer(b)) }

// ring wakes all who have announced themselves.
func (b *bell) ring() {
	if exploring {
		if each(listens, b.word(), 0, 0) != 0 {
			each(rings, b.word(), 0, 0)
		}
		return
	}
	b.AdvanceIfAwaited()
}

func (b *bell) announce() event.Seen {
	if exploring {
		return event.Seen(each(announces, b.word(), 0, 0))
	}
	return b.Announce()
}

func (b *bell) await(ctx context.Context, seen event.Seen) error {
	if exploring {
		each(awaits, b.word(), uint32(seen), 0)
		return nil
	}
	return b.Await(ctx, seen)
}

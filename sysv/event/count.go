package event

import (
	"context"
	"fmt"
	"sync/atomic"
	"unsafe"

	"example.com/sysvipc/sysv/internal/readonly"
	"example.com/sysvipc/sysv/internal/sys"
)

// A Count is an eventcount: a number that only grows, and that processes can wait
// for to grow. It is one word of 32 bits, for shared memory; its zero value is
// ready. A Count must not be copied.
//
// All methods but Await and Until return at once. All but Read, Await and Until
// write, which ends the program where the memory is attached read-only.
type Count struct {
	word atomic.Uint32
}

// A Seen is what a Count was when somebody looked, to be handed to [Count.Await]. It
// is a number of 30 bits, which comes round: who waits with one that is older by
// a multiple of 1,073,741,824 advances takes it for the present one.
type Seen uint32

// Read returns what the Count is now.
func (c *Count) Read() Seen {
	seen := sequence(c.word.Load())
	acquired(c)
	return seen
}

// Advance makes the Count one more and wakes all who wait, in every process.
// Call it after the change that they wait for. While nobody waits it is one atomic
// addition.
func (c *Count) Advance() {
	if race { // even a call of nothing counts where a function is to be inlined
		releasing(c)
	}
	if now := c.word.Add(one); now&marks != 0 {
		c.finish(now)
	}
}

// AdvanceIfAwaited is Advance if somebody has announced that he waits, and else does
// nothing, which is cheaper still: it reads the word and leaves it in everybody's
// cache. Two things are needed, or a waiter may sleep for the 100 ms that
// [Count.Await] takes at most: all who wait do it by [Count.Until], or by
// [Count.Announce] before they look; and the change before it is made by
// sync/atomic, or by another means that processors don't do after a later read.
func (c *Count) AdvanceIfAwaited() {
	releasing(c)
	if c.word.Load()&marks != 0 {
		c.advance()
	}
}

// Awaited tells whether somebody may wait: he has said that he will, and the Count has
// not advanced since. He may have died, or not need it any more.
func (c *Count) Awaited() bool { return c.word.Load()&marks != 0 }

// Announce says that the caller is going to wait, and returns what the Count is
// now. Who then looks, does not find what he looks for, and calls [Count.Await]
// with it, is woken by AdvanceIfAwaited as well as by Advance.
func (c *Count) Announce() Seen {
	var a announcement
	for a.at = looking; a.at != done; {
		at(a.at)
		a.step(c)
	}
	acquired(c)
	return a.seen
}

// Await waits until the Count is no longer seen. It returns at once if it isn't.
//
// It may also return, with nil, though nothing has changed: after 100 ms while up
// to 100 goroutines of the process wait on the Count, and after 1 ms for each of
// them where they are more. For who makes a change and is killed before it calls
// Advance wakes nobody. So look again and call Await again, as [Count.Until] does.
//
// The error is the context's, if that ends first, a [sysv.Error] if the kernel
// refuses futex(2), as in a sandbox, or [errors.ErrUnsupported] on anything but
// Linux. To detach the memory while somebody waits is a fault that ends the program.
func (c *Count) Await(ctx context.Context, seen Seen) error {
	if err := sys.Supported(); err != nil {
		return fmt.Errorf("event: %w", err)
	}
	defer acquired(c)
	if sequence(c.word.Load()) != seen {
		return nil
	}
	if err := over(ctx); err != nil {
		return err
	}
	if spin(c, func() bool { return sequence(c.word.Load()) != seen }) {
		return nil
	}
	return c.wait(ctx, seen)
}

// Until waits until ready returns true, and returns nil then. It calls ready, one
// call after the other, first of all, after each advance, and at least as often as
// [Count.Await] returns; before it sleeps, some hundred times within 5 µs. So
// ready is to be quick, and may do what is waited for, such as taking something. It
// must not wait on c.
//
// Errors are those of Await. Where ready is true at once the context does not
// matter.
func (c *Count) Until(ctx context.Context, ready func() bool) error {
	if err := sys.Supported(); err != nil {
		return fmt.Errorf("event: %w", err)
	}
	defer acquired(c)
	if ready() {
		return nil
	}
	if err := over(ctx); err != nil {
		return err
	}
	if spin(c, ready) {
		return nil
	}
	for {
		seen := c.announce()
		if ready() {
			c.wouldHave()
			return nil
		}
		if err := c.wait(ctx, seen); err != nil {
			return err
		}
		if ready() { // before there is another mark, for which the next advance would wake nobody
			return nil
		}
	}
}

// announce is Announce where that is possible.
func (c *Count) announce() Seen {
	if c.readOnly() {
		return c.Read()
	}
	return c.Announce()
}

func (c *Count) readOnly() bool { return readonly.Has(unsafe.Pointer(c)) }

// advance is an advance of which it is known that somebody waits for it, and finish
// the rest of one that has added. They are not inlined so that their callers are.
//
//go:noinline
func (c *Count) advance() { c.do(advance{at: adding}) }

//go:noinline
func (c *Count) finish(now uint32) { c.do(advance{at: waking, now: now}) }

func (c *Count) do(a advance) {
	for a.at != done {
		at(a.at)
		a.step(c)
	}
}

// The rest makes a Count the memory that the protocol works on.

func (c *Count) load() uint32              { return c.word.Load() }
func (c *Count) add(delta uint32) uint32   { return c.word.Add(delta) }
func (c *Count) swap(old, new uint32) bool { return c.word.CompareAndSwap(old, new) }
func (c *Count) wake()                     { sys.FutexWake(c.address(), everybody, anyMask) }

// address touches no memory, where there may be none any more: &c.word would.
func (c *Count) address() *uint32 { return (*uint32)(unsafe.Pointer(c)) }

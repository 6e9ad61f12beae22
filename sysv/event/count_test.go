//go:build linux && !android

package event_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/event"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/shm"
)

func TestCountIsOneWord(t *testing.T) {
	if size, align := unsafe.Sizeof(event.Count{}), unsafe.Alignof(event.Count{}); size != 4 || align != 4 {
		t.Errorf("size %d, alignment %d, want 4 and 4", size, align)
	}
}

func TestReadSeesAdvances(t *testing.T) {
	_, b := newBoard(t)
	first := b.a.Read()
	if again := b.a.Read(); again != first {
		t.Errorf("%d, then %d without an advance", first, again)
	}
	b.a.Advance()
	if next := b.a.Read(); next == first {
		t.Errorf("%d, and after an advance too", first)
	}
}

// A Count is anywhere that Go or C has memory of its own, too.
func TestCountInGoMemory(t *testing.T) {
	c := new(event.Count)
	seen := c.Read()
	wait := kit.Async(t, func() error { return untilChanged(kit.Patient(t), c, seen) })
	time.Sleep(time.Millisecond)
	c.Advance()
	kit.Must(t, wait())
}

// untilChanged is Await until there is a reason.
func untilChanged(ctx context.Context, c *event.Count, seen event.Seen) error {
	for c.Read() == seen {
		if err := c.Await(ctx, seen); err != nil {
			return err
		}
	}
	return nil
}

func TestAwait(t *testing.T) {
	for name, ctx := range kit.Contexts(t) {
		t.Run(name, func(t *testing.T) {
			_, b := newBoard(t)
			seen := b.a.Read()
			wait := kit.Async(t, func() error { return untilChanged(ctx, &b.a, seen) })
			time.Sleep(2 * time.Millisecond)
			b.a.Advance()
			kit.Must(t, wait())
		})
	}
}

func TestAwaitOfWhatIsNoMore(t *testing.T) {
	_, b := newBoard(t)
	seen := b.a.Read()
	b.a.Advance()
	kit.Must(t, b.a.Await(kit.Ended(t), seen))
}

func TestUntil(t *testing.T) {
	for name, ctx := range kit.Contexts(t) {
		for how, advance := range map[string]func(*event.Count){
			"Advance":          (*event.Count).Advance,
			"AdvanceIfAwaited": (*event.Count).AdvanceIfAwaited,
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				_, b := newBoard(t)
				wait := kit.Async(t, func() error {
					return b.a.Until(ctx, func() bool { return b.number.Load() == 3 })
				})
				for range 3 {
					time.Sleep(time.Millisecond)
					b.number.Add(1)
					advance(&b.a)
				}
				kit.Must(t, wait())
			})
		}
	}
}

func TestUntilOfWhatIsReady(t *testing.T) {
	_, b := newBoard(t)
	kit.Must(t, b.a.Until(kit.Ended(t), func() bool { return true }))
}

// What nobody waits for costs nothing, and changes nothing.
func TestAdvanceIfAwaited(t *testing.T) {
	_, b := newBoard(t)
	seen := b.a.Read()
	b.a.AdvanceIfAwaited()
	if b.a.Read() != seen || b.a.Awaited() {
		t.Error("it advances though nobody waits")
	}
	if announced := b.a.Announce(); announced != seen {
		t.Errorf("announced at %d, want %d", announced, seen)
	}
	if !b.a.Awaited() {
		t.Error("nobody waits")
	}
	b.a.AdvanceIfAwaited()
	if b.a.Read() == seen || b.a.Awaited() {
		t.Error("it does not advance though somebody waits")
	}
}

// The marks of those who waited are taken away: the next advances are cheap again.
func TestMarksAreTakenAway(t *testing.T) {
	_, b := newBoard(t)
	for range 5 {
		b.a.Announce()
		b.a.Advance()
		if word := atomic.LoadUint32((*uint32)(unsafe.Pointer(&b.a))); word&3 != 0 {
			t.Fatalf("word %#x after an advance, want no marks", word)
		}
	}
}

func TestTheSequenceComesRound(t *testing.T) {
	_, b := newBoard(t)
	atomic.StoreUint32((*uint32)(unsafe.Pointer(&b.a)), 1<<32-2*4)
	for range 4 {
		seen := b.a.Read()
		wait := kit.Async(t, func() error { return untilChanged(kit.Patient(t), &b.a, seen) })
		time.Sleep(time.Millisecond)
		b.a.Advance()
		kit.Must(t, wait())
	}
	if got := b.a.Read(); got != 2 {
		t.Errorf("at %d, want 2", got)
	}
}

func TestContextsEndWaits(t *testing.T) {
	_, b := newBoard(t)
	for name, wait := range map[string]func(context.Context) error{
		"Await": func(ctx context.Context) error { return untilChanged(ctx, &b.a, b.a.Read()) },
		"Until": func(ctx context.Context) error { return b.a.Until(ctx, func() bool { return false }) },
	} {
		kit.WantError(t, wait(kit.Ended(t)), context.Canceled, "event: waiting for a change")
		kit.WantDeadline(t, name, wait)
		_, err := kit.CancelAfter(t, 5*time.Millisecond, wait)
		kit.WantError(t, err, context.Canceled)
	}
}

// neverDone has a deadline and no channel, as a context of one's own may.
type neverDone struct {
	context.Context
	deadline time.Time
}

func (n neverDone) Deadline() (time.Time, bool) { return n.deadline, true }

func TestDeadlineOfAContextThatIsNeverDone(t *testing.T) {
	_, b := newBoard(t)
	ctx := neverDone{bg, time.Now().Add(30 * time.Millisecond)}
	other := kit.Async(t, func() error { return untilChanged(ctx, &b.a, b.a.Read()) })
	kit.WantError(t, untilChanged(ctx, &b.a, b.a.Read()), context.DeadlineExceeded)
	kit.WantError(t, other(), context.DeadlineExceeded)
	if time.Now().Before(ctx.deadline) {
		t.Error("ended before its deadline")
	}
}

// Somebody made a change and was killed before he advanced.
func TestUntilLooksAgain(t *testing.T) {
	for _, n := range []int{1, 5} {
		_, b := newBoard(t)
		var all sync.WaitGroup
		for range n {
			all.Go(func() {
				kit.Must(t, b.a.Until(kit.Patient(t), func() bool { return b.number.Load() == 1 }))
			})
		}
		time.Sleep(20 * time.Millisecond)
		b.number.Store(1)
		begin := time.Now()
		all.Wait()
		if took := time.Since(begin); took > 150*time.Millisecond {
			t.Errorf("%d waiters look again after %v, want 100 ms", n, took)
		}
	}
}

// A mark that nobody can set.
func TestReadOnlyMappings(t *testing.T) {
	seg, err := shm.Create(sysv.Private, 4096, nil)
	kit.Must(t, err)
	t.Cleanup(func() { kit.Must(t, seg.Remove()) })
	b := attach(t, seg, nil)
	seeing := attach(t, seg, &shm.AttachConfig{ReadOnly: true})

	seen := seeing.a.Read()
	wait := kit.Async(t, func() error { return untilChanged(kit.Patient(t), &seeing.a, seen) })
	until := kit.Async(t, func() error {
		return seeing.a.Until(kit.Patient(t), func() bool { return seeing.number.Load() == 1 })
	})
	time.Sleep(10 * time.Millisecond)
	b.number.Store(1)
	b.a.AdvanceIfAwaited() // of whom it can't know
	kit.Must(t, until())
	b.a.Advance()
	kit.Must(t, wait())

	kit.WantDeadline(t, "Until", func(ctx context.Context) error {
		return seeing.a.Until(ctx, func() bool { return false })
	})
	_, err = kit.CancelAfter(t, time.Millisecond, func(ctx context.Context) error {
		return seeing.a.Until(ctx, func() bool { return false })
	})
	kit.WantError(t, err, context.Canceled)
}

// A mapping to write to may come to be where one to read was.
func TestWritableMappingWhereAReadOnlyOneWas(t *testing.T) {
	seg, err := shm.Create(sysv.Private, 4096, nil)
	kit.Must(t, err)
	t.Cleanup(func() { kit.Must(t, seg.Remove()) })
	m, err := seg.Attach(&shm.AttachConfig{ReadOnly: true})
	kit.Must(t, err)
	address := uintptr(unsafe.Pointer(unsafe.SliceData(m.Bytes())))
	kit.Must(t, m.Detach())
	b := attach(t, seg, &shm.AttachConfig{Addr: address})
	wait := kit.Async(t, func() error {
		return b.a.Until(kit.Patient(t), func() bool { return b.number.Load() == 1 })
	})
	kit.Eventually(t, "a mark", func() bool { return atomic.LoadUint32((*uint32)(unsafe.Pointer(&b.a)))&3 != 0 })
	b.number.Store(1)
	b.a.AdvanceIfAwaited()
	kit.Must(t, wait())
}

// The segment is removed, of which the kernel tells nobody who waits.
func TestRemovalEndsNoWait(t *testing.T) {
	emulator.Mode.Skip(t)
	seg, err := shm.Create(sysv.Private, 4096, nil)
	kit.Must(t, err)
	b := attach(t, seg, nil)
	wait := kit.Async(t, func() error {
		return b.a.Until(kit.Patient(t), func() bool {
			st, err := seg.Stat()
			return err == nil && st.Dest
		})
	})
	time.Sleep(time.Millisecond)
	kit.Must(t, seg.Remove())
	kit.Must(t, wait())
}

// Who lies down where the memory has just been detached is told, and does not wait in
// vain. To read the word there would end the program.
func TestSleepWhereNoMemoryIs(t *testing.T) {
	seg, err := shm.Create(sysv.Private, 4096, nil)
	kit.Must(t, err)
	t.Cleanup(func() { kit.Must(t, seg.Remove()) })
	m, err := seg.Attach(nil)
	kit.Must(t, err)
	c, err := shm.View[event.Count](m, 0)
	kit.Must(t, err)
	kit.Must(t, m.Detach())
	err = event.Sleep(c)
	kit.WantHint(t, err, syscall.EFAULT)
	if want := "futex: bad address"; err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
}

// A wait that its context has ended, or is about to, leaves nobody behind who touches
// the memory.
func TestDetachAfterACancelledWait(t *testing.T) {
	seg, err := shm.Create(sysv.Private, 4096, nil)
	kit.Must(t, err)
	t.Cleanup(func() { kit.Must(t, seg.Remove()) })
	for range 100 {
		m, err := seg.Attach(nil)
		kit.Must(t, err)
		c, err := shm.View[event.Count](m, 0)
		kit.Must(t, err)
		_, err = kit.CancelAfter(t, 100*time.Microsecond, func(ctx context.Context) error {
			return untilChanged(ctx, c, c.Read())
		})
		kit.WantError(t, err, context.Canceled)
		kit.Must(t, m.Detach())
	}
}

// What one goroutine has written before an advance is there after the wait, and the
// race detector knows.
func TestRaceDetectorKnows(t *testing.T) {
	_, b := newBoard(t)
	var plain int
	wait := kit.Async(t, func() error {
		if err := untilChanged(kit.Patient(t), &b.a, 0); err != nil {
			return err
		}
		if plain != 1 {
			t.Errorf("plain is %d, want 1", plain)
		}
		return nil
	})
	runtime.Gosched()
	plain = 1
	b.a.Advance()
	kit.Must(t, wait())
}

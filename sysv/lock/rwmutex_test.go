//go:build linux && !android

package lock_test

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
	"github.com/google/go-cmp/cmp"
)

// newRWGroup has a RWMutex and no mutex.
func newRWGroup(t testing.TB) *lock.Group {
	t.Helper()
	return newGroupFor(t, 0, &lock.Config{RWMutexes: 1, Processes: 8})
}

// rlock is RLock of what nobody has abandoned.
func rlock(t testing.TB, m *lock.RWMutex) error {
	abandoned, err := m.RLock(kit.Patient(t))
	if abandoned {
		t.Error("abandoned")
	}
	return err
}

// lockRW locks for writing, and says whether that is abandoned.
func lockRW(t testing.TB, m *lock.RWMutex) (abandoned bool) {
	t.Helper()
	abandoned, err := m.Lock(kit.Patient(t))
	kit.Must(t, err)
	return abandoned
}

// wantReadable and wantWritable say whether somebody else can come in.
func wantReadable(t testing.TB, m *lock.RWMutex, want bool) {
	t.Helper()
	ok, _, err := m.TryRLock()
	kit.Must(t, err)
	if ok != want {
		t.Errorf("TryRLock is %v, want %v", ok, want)
	}
	if ok {
		kit.Must(t, m.RUnlock())
	}
}

func wantWritable(t testing.TB, m *lock.RWMutex, want bool) {
	t.Helper()
	ok, _, err := m.TryLock()
	kit.Must(t, err)
	if ok != want {
		t.Errorf("TryLock is %v, want %v", ok, want)
	}
	if ok {
		kit.Must(t, m.Unlock())
	}
}

// asyncRW is kit.Async for a call that takes the lock; it is given back with undo.
func asyncRW(t testing.TB, call func(context.Context) (bool, error), undo func() error) (wait func() error) {
	ctx := kit.Patient(t)
	return kit.Async(t, func() error {
		if _, err := call(ctx); err != nil {
			return err
		}
		return undo()
	})
}

func rwStat(t testing.TB, g *lock.Group) lock.RWMutexStat {
	t.Helper()
	return stat(t, g).RWMutexes[0]
}

// awaitWriter waits until a writer waits for readers.
func awaitWriter(t testing.TB, g *lock.Group) {
	t.Helper()
	kit.Eventually(t, "a writer waits", func() bool { st := rwStat(t, g); return st.Writer.Held && !st.Writing })
}

func TestReadersReadTogetherAndWritersAlone(t *testing.T) {
	g := newRWGroup(t)
	a, b, c := g.RWMutex(0), join(t, g).RWMutex(0), join(t, g).RWMutex(0)
	kit.Must(t, rlock(t, a))
	kit.Must(t, rlock(t, a))
	kit.Must(t, rlock(t, b))
	wantReadable(t, c, true)
	wantWritable(t, c, false)
	wantWritable(t, a, false)
	kit.Must(t, a.RUnlock())
	kit.Must(t, b.RUnlock())
	wantWritable(t, c, false)
	kit.Must(t, a.RUnlock())
	wantWritable(t, c, true)

	lockRW(t, a)
	for _, m := range []*lock.RWMutex{a, b} {
		wantReadable(t, m, false)
		wantWritable(t, m, false)
	}
	kit.Must(t, a.Unlock())
	wantReadable(t, b, true)
	wantWritable(t, b, true)
}

func TestRLockWaitsForTheWriter(t *testing.T) {
	g := newRWGroup(t)
	a, b := g.RWMutex(0), join(t, g).RWMutex(0)
	lockRW(t, a)
	var all []func() error
	for range 10 {
		all = append(all, asyncRW(t, b.RLock, b.RUnlock))
		all = append(all, asyncRW(t, a.RLock, a.RUnlock))
	}
	_, err := b.RLock(kit.Brief(t))
	kit.WantError(t, err, context.DeadlineExceeded)
	kit.Must(t, a.Unlock())
	for _, wait := range all {
		kit.Must(t, wait())
	}
	wantWritable(t, a, true)
}

// Readers who come while a writer waits do not get in before it.
func TestLockWaitsForTheReadersWhoAreThere(t *testing.T) {
	g := newRWGroup(t)
	a, b := g.RWMutex(0), join(t, g).RWMutex(0)
	kit.Must(t, rlock(t, a))
	written := asyncRW(t, b.Lock, b.Unlock)
	awaitWriter(t, g)
	wantReadable(t, a, false)
	wantReadable(t, b, false)
	read := asyncRW(t, b.RLock, b.RUnlock)
	kit.Must(t, a.RUnlock())
	kit.Must(t, written())
	kit.Must(t, read())
}

// Who gives up leaves nothing, and lets in whom it kept out.
func TestWriterThatGivesUp(t *testing.T) {
	g := newRWGroup(t)
	a, b := g.RWMutex(0), join(t, g).RWMutex(0)
	kit.Must(t, rlock(t, a))
	ctx, giveUp := context.WithCancel(bg)
	written := kit.Async(t, func() error { _, err := b.Lock(ctx); return err })
	awaitWriter(t, g)
	read := asyncRW(t, b.RLock, b.RUnlock)
	giveUp()
	if err := written(); err != context.Canceled {
		t.Errorf("Lock: %v", err)
	}
	kit.Must(t, read())
	wantReadable(t, b, true)
	kit.Must(t, a.RUnlock())
	wantWritable(t, b, true)
}

func TestEndedContextTakesNoRWMutex(t *testing.T) {
	g := newRWGroup(t)
	m := g.RWMutex(0)
	for name, call := range map[string]func(context.Context) (bool, error){"RLock": m.RLock, "Lock": m.Lock} {
		if _, err := call(kit.Ended(t)); err != context.Canceled {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantWritable(t, m, true)
}

func TestDowngrade(t *testing.T) {
	g := newRWGroup(t)
	a, b, c := g.RWMutex(0), join(t, g).RWMutex(0), join(t, g).RWMutex(0)
	lockRW(t, a)
	read, written := asyncRW(t, b.RLock, b.RUnlock), asyncRW(t, c.Lock, c.Unlock)
	kit.Eventually(t, "the next writer waits", func() bool { return rwStat(t, g).Writer.Waiters == 1 })
	kit.Must(t, a.Downgrade())
	kit.WantError(t, a.Unlock(), lock.ErrNotLocked)
	awaitWriter(t, g)
	wantWritable(t, b, false)
	kit.Must(t, a.RUnlock())
	kit.Must(t, read())
	kit.Must(t, written())
	wantWritable(t, a, true)
}

func TestWhatIsNotLockedIsNotUnlocked(t *testing.T) {
	g := newRWGroup(t)
	m, theirs := g.RWMutex(0), join(t, g).RWMutex(0)
	asWriter := map[string]func() error{"Unlock": m.Unlock, "Downgrade": m.Downgrade, "Repaired": m.Repaired}
	wantNone := func(when string) {
		t.Helper()
		for name, call := range asWriter {
			if err := call(); outcome(err) != notLocked {
				t.Errorf("%s %s: %v", name, when, err)
			}
		}
	}
	wantNone("before use")
	kit.WantError(t, m.RUnlock(), lock.ErrNotLocked, "RWMutex 0 of group")
	kit.Must(t, rlock(t, m))
	wantNone("as a reader")
	kit.Must(t, m.RUnlock())
	kit.WantError(t, m.RUnlock(), lock.ErrNotLocked)
	lockRW(t, m)
	kit.WantError(t, m.RUnlock(), lock.ErrNotLocked)
	kit.WantError(t, theirs.Unlock(), lock.ErrNotLocked)
	kit.Must(t, m.Unlock())
	wantNone("after Unlock")

	kit.Must(t, rlock(t, theirs))
	written := asyncRW(t, m.Lock, m.Unlock)
	awaitWriter(t, g)
	wantNone("while another goroutine waits for readers")
	kit.Must(t, theirs.RUnlock())
	kit.Must(t, written())
}

// A reader's death is nobody's concern.
func TestDeadReaderIsNotWaitedFor(t *testing.T) {
	g := newRWGroup(t)
	m := g.RWMutex(0)
	p := start(t, g)
	p.does("rlock 0", "locked")
	written := asyncRW(t, m.Lock, m.Unlock)
	awaitWriter(t, g)
	p.Kill()
	kit.Must(t, written())

	again := start(t, g) // in the same slot, where nothing is left
	p = start(t, g)
	p.does("rlock 0", "locked")
	p.does("rlock 0", "locked")
	p.Kill()
	for range 3 {
		wantWritable(t, m, true)
		if lockRW(t, m) {
			t.Error("abandoned by a reader")
		}
		kit.Must(t, m.Unlock())
	}
	again.does("rlock 0", "locked")
	wantWritable(t, m, false)
	again.does("runlock 0", "ok")
	wantWritable(t, m, true)
	again.Finish()
}

// Whoever comes after a writer that died in it hears of that, until somebody repairs.
func TestDeadWriterIsTakenOverFrom(t *testing.T) {
	for name, first := range map[string]func(m *lock.RWMutex) (bool, error){
		"by a reader": func(m *lock.RWMutex) (abandoned bool, err error) {
			if abandoned, err = m.RLock(bg); err == nil {
				err = m.RUnlock()
			}
			return abandoned, err
		},
		"by one who tries to read": func(m *lock.RWMutex) (bool, error) {
			_, abandoned, err := m.TryRLock()
			if err == nil {
				err = m.RUnlock()
			}
			return abandoned, err
		},
		"by a writer": func(m *lock.RWMutex) (abandoned bool, err error) {
			if abandoned, err = m.Lock(bg); err == nil {
				err = m.Unlock()
			}
			return abandoned, err
		},
		"by one who tries to write": func(m *lock.RWMutex) (bool, error) {
			_, abandoned, err := m.TryLock()
			if err == nil {
				err = m.Unlock()
			}
			return abandoned, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRWGroup(t)
			m, theirs := g.RWMutex(0), join(t, g).RWMutex(0)
			p := start(t, g)
			p.does("wlock 0", "locked")
			p.Kill()
			abandoned, err := first(m)
			kit.Must(t, err)
			if !abandoned {
				t.Error("not abandoned")
			}
			for range 2 {
				abandoned, err := theirs.RLock(kit.Patient(t))
				kit.Must(t, err)
				if !abandoned {
					t.Error("another reader does not hear of it")
				}
				kit.WantError(t, theirs.Repaired(), lock.ErrNotLocked)
				kit.Must(t, theirs.RUnlock())
			}
			if !lockRW(t, theirs) {
				t.Error("the next writer does not hear of it")
			}
			kit.Must(t, theirs.Repaired())
			kit.Must(t, theirs.Downgrade())
			kit.Must(t, rlock(t, m))
			kit.Must(t, m.RUnlock())
			kit.Must(t, theirs.RUnlock())
			if got := rwStat(t, g).Writer.Recoveries; got != 1 {
				t.Errorf("%d recoveries, want 1", got)
			}
		})
	}
}

// All who wait for a writer that dies go on.
func TestDeathOfTheWriterWhomAllWaitFor(t *testing.T) {
	g := newRWGroup(t)
	p := start(t, g)
	p.does("wlock 0", "locked")
	var told atomic.Int32
	var all []func() error
	for range 3 {
		m := join(t, g).RWMutex(0)
		tell := func(call func(context.Context) (bool, error)) func(context.Context) (bool, error) {
			return func(ctx context.Context) (bool, error) {
				abandoned, err := call(ctx)
				if abandoned {
					told.Add(1)
				}
				return abandoned, err
			}
		}
		all = append(all, asyncRW(t, tell(m.RLock), m.RUnlock), asyncRW(t, tell(m.Lock), m.Unlock))
	}
	kit.Eventually(t, "writers wait", func() bool { return rwStat(t, g).Writer.Waiters == 3 })
	p.Kill()
	for _, wait := range all {
		kit.Must(t, wait())
	}
	if got := told.Load(); got != 6 {
		t.Errorf("%d were told that it is abandoned, want 6", got)
	}
}

// A writer that dies while it waits for readers has written nothing.
func TestDeathOfAWriterThatWaits(t *testing.T) {
	g := newRWGroup(t)
	m, theirs := g.RWMutex(0), join(t, g).RWMutex(0)
	kit.Must(t, rlock(t, m))
	p := start(t, g)
	p.Send("wlock 0")
	awaitWriter(t, g)
	read := asyncRW(t, theirs.RLock, theirs.RUnlock)
	p.Kill()
	kit.Must(t, read())
	kit.Must(t, rlock(t, theirs))
	kit.Must(t, m.RUnlock())
	kit.Must(t, theirs.RUnlock())
	if lockRW(t, m) {
		t.Error("abandoned")
	}
	kit.Must(t, m.Unlock())
}

// A reader that has waited long gets in before a writer that comes again at once, and
// no more than two turns of that go by meanwhile.
func TestReaderIsLetInByAWriterThatComesAgainAtOnce(t *testing.T) {
	g := newRWGroup(t)
	m, theirs := g.RWMutex(0), join(t, g).RWMutex(0)
	const turn = 10 * time.Millisecond // longer than a wait has to be
	var turns atomic.Int32
	var stop atomic.Bool
	var writer sync.WaitGroup
	writer.Go(func() {
		for !stop.Load() {
			if _, err := theirs.Lock(bg); err != nil {
				t.Error(err)
				return
			}
			turns.Add(1)
			time.Sleep(turn)
			if err := theirs.Unlock(); err != nil {
				t.Error(err)
				return
			}
		}
	})
	kit.Eventually(t, "the writer is there", func() bool { return turns.Load() > 0 })
	worst := int32(0)
	for range 10 {
		before := turns.Load()
		kit.Must(t, rlock(t, m))
		after := turns.Load()
		worst = max(worst, after-before)
		kit.Must(t, m.RUnlock())
		kit.Eventually(t, "the writer is there again", func() bool { return turns.Load() > after })
	}
	stop.Store(true)
	writer.Wait()
	// One that it finds, one that goes in when it is about to say that it has waited
	// long, and one that had not seen that.
	if worst > 3 {
		t.Errorf("%d turns of the writer went by", worst)
	}
}

// Readers of whom there is always one do not keep a writer out.
func TestReadersDoNotStarveAWriter(t *testing.T) {
	g := newRWGroup(t)
	m := join(t, g).RWMutex(0)
	var stop atomic.Bool
	var readers sync.WaitGroup
	read := make(chan struct{}) // so that the next is in before one leaves
	for range 3 {
		theirs := join(t, g).RWMutex(0)
		readers.Go(func() {
			for !stop.Load() {
				if _, err := theirs.RLock(bg); err != nil {
					t.Error(err)
					return
				}
				select {
				case read <- struct{}{}:
				case <-read:
				case <-time.After(5 * time.Millisecond):
				}
				if err := theirs.RUnlock(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 50 {
		lockRW(t, m)
		kit.Must(t, m.Unlock())
	}
	stop.Store(true)
	readers.Wait()
}

// A reader that says that it has waited long, and then does not come, holds up a
// writer for a tenth of a second, and no other after that.
func TestReaderThatIsLetInAndDoesNotCome(t *testing.T) {
	g := newRWGroup(t)
	m := g.RWMutex(0)
	join(t, g)
	w := wordsOf(t, g.ID())
	stopped := &w[lineOf(1)+1*lineWords] // of slot 1
	*stopped = 1 << 24
	lockRW(t, m)
	if *stopped != 0 {
		t.Errorf("its word is %#x still", *stopped)
	}
	kit.Must(t, m.Unlock())
	wantWritable(t, m, true)
}

func TestStatOfRWMutexes(t *testing.T) {
	g := newRWGroup(t)
	m, me := g.RWMutex(0), os.Getpid()
	p := start(t, g)
	none := lock.MutexStat{Slot: -1}
	want := func(want lock.RWMutexStat) {
		t.Helper()
		if diff := cmp.Diff(want, rwStat(t, g)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		st, err := lock.Inspect(g.ID(), nil)
		kit.Must(t, err)
		if diff := cmp.Diff(want, st.RWMutexes[0]); diff != "" {
			t.Errorf("Inspect (-want +got):\n%s", diff)
		}
	}
	want(lock.RWMutexStat{Writer: none})
	kit.Must(t, rlock(t, m))
	kit.Must(t, rlock(t, m))
	p.does("rlock 0", "locked")
	want(lock.RWMutexStat{Writer: none, Readers: []lock.Reader{{Slot: 0, PID: me, Count: 2}, {Slot: 1, PID: p.pid(), Count: 1}}})
	p.Kill()
	want(lock.RWMutexStat{Writer: none, Readers: []lock.Reader{{Slot: 0, PID: me, Count: 2}, {Slot: 1, Dead: true, Count: 1}}})
	kit.Must(t, m.RUnlock())
	kit.Must(t, m.RUnlock())
	lockRW(t, m)
	dead := []lock.Reader{{Slot: 1, Dead: true, Count: 1}}
	want(lock.RWMutexStat{Writer: lock.MutexStat{Held: true, PID: me}, Writing: true, Readers: dead})
	kit.Must(t, m.Unlock())
	want(lock.RWMutexStat{Writer: none, Readers: dead})
}

// As many processes can be members as a set has room for beside the RWMutexes.
func TestConfigOfRWMutexes(t *testing.T) {
	for _, tt := range []struct {
		mutexes, rwmutexes int
		says               string
	}{
		{0, 0, "not 0, or RWMutexes"}, {0, -1, "0 to 4096 RWMutexes, not -1"}, {1, 4097, "0 to 4096 RWMutexes, not 4097"},
	} {
		_, err := lock.Create(bg, sysv.Private, tt.mutexes, &lock.Config{RWMutexes: tt.rwmutexes})
		kit.WantError(t, err, syscall.EINVAL, tt.says)
	}
	key := newKey(t)
	g, err := lock.Create(bg, key, 2, &lock.Config{RWMutexes: 3, Memory: 1})
	kit.Must(t, err)
	endGroup(t, g)
	_, _, err = lock.OpenOrCreate(kit.Patient(t), key, 2, &lock.Config{RWMutexes: 2, Memory: 1})
	kit.WantError(t, err, sysv.ErrSize, "2 mutexes, 3 RWMutexes and 128 bytes", "2 mutexes, 2 RWMutexes and 128 bytes")
	again, _, err := lock.OpenOrCreate(kit.Patient(t), key, 2, &lock.Config{RWMutexes: 3, Memory: 1})
	kit.Must(t, err)
	closeAfter(t, again)
	for i := range 3 {
		lockRW(t, again.RWMutex(i))
		wantWritable(t, g.RWMutex(i), false)
		wantWritable(t, g.RWMutex((i+1)%3), true)
		wantFree(t, g.Mutex(i%2))
		kit.Must(t, again.RWMutex(i).Unlock())
	}
}

func TestCloseOfWhatIsReadOrWritten(t *testing.T) {
	g := newRWGroup(t)
	theirs := join(t, g).RWMutex(0)
	m := g.RWMutex(0)
	kit.Must(t, rlock(t, m))
	kit.WantError(t, g.Close(), lock.ErrInUse, "RWMutex 0 of group")
	kit.Must(t, m.RUnlock())
	lockRW(t, m)
	kit.WantError(t, g.Close(), lock.ErrInUse, "RWMutex 0 of group")
	kit.Must(t, m.Unlock())
	lockRW(t, theirs)
	read := asyncRW(t, m.RLock, m.RUnlock)
	kit.Eventually(t, "a reader waits", func() bool { return lock.Visits(m) > 0 })
	kit.WantError(t, g.Close(), lock.ErrInUse)
	kit.Must(t, theirs.Unlock())
	kit.Must(t, read())
	kit.Must(t, g.Close())
}

// Who is inside stays there, who waits is told, and nobody comes in any more.
func TestRemoveOfWhatIsRead(t *testing.T) {
	g := newRWGroup(t)
	m, theirs, third := g.RWMutex(0), join(t, g).RWMutex(0), join(t, g).RWMutex(0)
	kit.Must(t, rlock(t, m))
	written := asyncRW(t, theirs.Lock, theirs.Unlock)
	awaitWriter(t, g)
	read := asyncRW(t, third.RLock, third.RUnlock)
	kit.Eventually(t, "a reader waits", func() bool { return lock.Visits(third) > 0 })
	kit.Must(t, g.Remove())
	kit.WantError(t, written(), sysv.ErrRemoved)
	kit.WantError(t, read(), sysv.ErrRemoved)
	kit.Must(t, m.RUnlock())
	for _, m := range []*lock.RWMutex{m, theirs, third} {
		_, err := m.RLock(kit.Patient(t))
		kit.WantError(t, err, sysv.ErrRemoved, "RWMutex 0 of group")
		_, err = m.Lock(kit.Patient(t))
		kit.WantError(t, err, sysv.ErrRemoved)
	}
}

// A value that writers keep in two parts is whole for all who read it.
func TestManyReadersAndWriters(t *testing.T) {
	g := newRWGroup(t)
	var parts [2]atomic.Uint32 // atomic only to be read where the lock fails
	var all sync.WaitGroup
	for k := range 4 {
		m := g.RWMutex(0)
		if k%2 == 1 {
			m = join(t, g).RWMutex(0)
		}
		for range 3 {
			all.Go(func() {
				for range 500 {
					if err := rlock(t, m); err != nil {
						t.Error(err)
						return
					}
					if a, b := parts[0].Load(), parts[1].Load(); a != b {
						t.Errorf("%d and %d", a, b)
					}
					if err := m.RUnlock(); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Go(func() {
			for range 200 {
				if _, err := m.Lock(bg); err != nil {
					t.Error(err)
					return
				}
				n := parts[0].Load() + 1
				parts[0].Store(n)
				parts[1].Store(n)
				if err := m.Unlock(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if got := parts[0].Load(); got != 800 {
		t.Errorf("%d writes, want 800", got)
	}
}

//go:build linux && !android

package lock_test

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/emulator"
	"example.com/sysvipc/sysv/internal/kit"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
	"github.com/google/go-cmp/cmp"
)

// Version 1 of what stands in a segment, in words of 4 bytes. Programs of
// several builds share it: whatever changes here must change the version.
const (
	magicWord = iota
	versionWord
	locksWord
	slotsWord
	setWord

	lineWords = 32 // the header has one line, and then each mutex

	magic = 0x6b636f6c
)

func words(locks, slots int) int { return lineWords*(1+locks) + slots }

// lineOf is where the words of a mutex begin: the owner, whether it is
// abandoned, and the recoveries.
func lineOf(i int) int { return lineWords * (1 + i) }

// generationOf is where the generation of a slot stands.
func generationOf(locks, slot int) int { return lineOf(locks) + slot }

// wordsOf shows a group's segment until the test ends.
func wordsOf(t testing.TB, id int) []uint32 {
	t.Helper()
	seg, err := shm.OpenID(id)
	kit.Must(t, err)
	mapping, err := seg.Attach(nil)
	kit.Must(t, err)
	t.Cleanup(func() { kit.Must(t, mapping.Detach()) })
	w, err := shm.Slice[uint32](mapping, 0, mapping.Len()/4)
	kit.Must(t, err)
	return w
}

func TestLayout(t *testing.T) {
	g := newGroupFor(t, 2, &lock.Config{Processes: 3})
	w := wordsOf(t, g.ID())
	m := join(t, g).Mutex(1)
	take(t, m)
	want := make([]uint32, words(2, 3))
	copy(want, []uint32{magic, 1, 2, 3, uint32(stat(t, g).SetID)})
	want[lineOf(1)] = 2<<20 | 1 // slot 1, first generation
	want[generationOf(2, 0)], want[generationOf(2, 1)] = 1, 1
	if diff := cmp.Diff(want, slices.Clone(w)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	kit.Must(t, m.Unlock())
}

// fake is a segment and a set that look like a group of 1 mutex for 2
// processes, but for what change does. It is filled.
func fake(t testing.TB, key sysv.Key, change func(w []uint32)) (id int) {
	t.Helper()
	set, err := sem.Create(key, []int{1, 0, 0, 0}, nil)
	kit.Must(t, err)
	return fakeWith(t, key, words(1, 2), func(w []uint32) {
		copy(w, []uint32{magic, 1, 1, 2, uint32(set.ID())})
		change(w)
	})
}

// fakeWith has n words, which fill fills.
func fakeWith(t testing.TB, key sysv.Key, n int, fill func(w []uint32)) (id int) {
	t.Helper()
	seg, err := shm.Create(key, 4*n, nil)
	kit.Must(t, err)
	mapping, err := seg.Attach(nil)
	kit.Must(t, err)
	defer mapping.Detach()
	w, err := shm.Slice[uint32](mapping, 0, n)
	kit.Must(t, err)
	fill(w)
	return seg.ID()
}

func TestFakeIsGoodEnough(t *testing.T) {
	key := newKey(t)
	id := fake(t, key, func([]uint32) {})
	g, err := lock.Open(kit.Patient(t), key)
	kit.Must(t, err)
	closeAfter(t, g)
	if g.ID() != id {
		t.Errorf("group %d, want %d", g.ID(), id)
	}
	take(t, g.Mutex(0))
	kit.Must(t, g.Mutex(0).Unlock())
}

func TestForeignSegmentsAreRefused(t *testing.T) {
	otherSet, err := sem.Create(sysv.Private, []int{1, 0, 0, 0}, nil)
	kit.Must(t, err)
	defer otherSet.Remove()
	for _, tt := range []struct {
		name string
		make func(t *testing.T, key sysv.Key)
		want error
		says string
	}{
		{"another program's", func(t *testing.T, key sysv.Key) {
			fakeWith(t, key, 100, func(w []uint32) { w[0] = 0x12345678 })
		}, syscall.EINVAL, "it begins with 0x12345678"},
		{"shorter than a header", func(t *testing.T, key sysv.Key) {
			fakeWith(t, key, 31, func(w []uint32) { w[0] = magic })
		}, syscall.EINVAL, "a segment of 124 bytes"},
		{"a header alone", func(t *testing.T, key sysv.Key) {
			fakeWith(t, key, 32, func(w []uint32) { copy(w, []uint32{magic, 1, 1, 2, 0}) })
		}, syscall.EINVAL, "128 bytes can't be 1 mutexes for 2 processes"},
		{"another version", func(t *testing.T, key sysv.Key) {
			fake(t, key, func(w []uint32) { w[versionWord] = 2 })
		}, syscall.EINVAL, "version 2, this is for version 1"},
		{"one word too few", func(t *testing.T, key sysv.Key) {
			fakeWith(t, key, words(1, 2)-1, func(w []uint32) { copy(w, []uint32{magic, 1, 1, 2, 0}) })
		}, syscall.EINVAL, "can't be 1 mutexes for 2 processes"},
		{"more mutexes than fit", func(t *testing.T, key sysv.Key) {
			fake(t, key, func(w []uint32) { w[locksWord] = 2 })
		}, syscall.EINVAL, "can't be 2 mutexes"},
		{"no mutexes", func(t *testing.T, key sysv.Key) {
			fake(t, key, func(w []uint32) { w[locksWord], w[slotsWord] = 0, lineWords+2 })
		}, syscall.EINVAL, "can't be 0 mutexes"},
		{"no processes", func(t *testing.T, key sysv.Key) {
			fakeWith(t, key, words(2, 0), func(w []uint32) { copy(w, []uint32{magic, 1, 2, 0, 0}) })
		}, syscall.EINVAL, "for 0 processes"},
		{"mutexes past every limit", func(t *testing.T, key sysv.Key) {
			fake(t, key, func(w []uint32) { w[locksWord] = 1<<32 - 1 })
		}, syscall.EINVAL, "can't be "},
		{"mutexes whose size wraps around 32 bits", func(t *testing.T, key sysv.Key) {
			fake(t, key, func(w []uint32) { w[locksWord] = 1<<25 + 1 })
		}, syscall.EINVAL, "can't be 33554433 mutexes"},
		{"processes past every limit", func(t *testing.T, key sysv.Key) {
			fake(t, key, func(w []uint32) { w[slotsWord] = 1 << 31 })
		}, syscall.EINVAL, "can't be "},
		{"processes for whom words have no room", func(t *testing.T, key sysv.Key) {
			fakeWith(t, key, words(1, 2048), func(w []uint32) { copy(w, []uint32{magic, 1, 1, 2048, 0}) })
		}, syscall.EINVAL, "for 2048 processes"},
		{"a set that is not there", func(t *testing.T, key sysv.Key) {
			fake(t, key, func(w []uint32) { w[setWord] = 1<<31 - 1 })
		}, sysv.ErrRemoved, "its set 2147483647 is gone: ipcrm -m "},
		{"a set that can't be there", func(t *testing.T, key sysv.Key) {
			fake(t, key, func(w []uint32) { w[setWord] = 1<<32 - 1 })
		}, sysv.ErrRemoved, "its set 4294967295 is gone"},
		{"a set of another key", func(t *testing.T, key sysv.Key) {
			fake(t, key, func(w []uint32) { w[setWord] = uint32(otherSet.ID()) })
		}, syscall.EINVAL, fmt.Sprintf("set %d has 4 semaphores and key 0x00000000", otherSet.ID())},
		{"a set of another length", func(t *testing.T, key sysv.Key) {
			set, err := sem.Create(key, []int{1, 0, 0}, nil)
			kit.Must(t, err)
			fakeWith(t, key, words(1, 2), func(w []uint32) { copy(w, []uint32{magic, 1, 1, 2, uint32(set.ID())}) })
		}, syscall.EINVAL, "has 3 semaphores"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key := newKey(t)
			tt.make(t, key)
			before := names(t, key)
			_, err := lock.Open(kit.Patient(t), key)
			kit.WantError(t, err, tt.want, tt.says)
			_, created, err := lock.OpenOrCreate(kit.Patient(t), key, 1, nil)
			kit.WantError(t, err, tt.want, tt.says)
			if created {
				t.Error("created")
			}
			wantNames(t, key, before...)
			for _, st := range segments(t, key) {
				if st.Nattch != 0 {
					t.Errorf("%d attachments are left", st.Nattch)
				}
			}
		})
	}
}

func segments(t testing.TB, key sysv.Key) (of []shm.Stat) {
	t.Helper()
	all, err := shm.List()
	kit.Must(t, err)
	for _, st := range all {
		if st.Key == key {
			of = append(of, st)
		}
	}
	return of
}

// Without its set a group has lost what tells the living from the dead.
func TestGroupWithoutItsSet(t *testing.T) {
	key := newKey(t)
	g, err := lock.Create(key, 1, nil)
	kit.Must(t, err)
	closeAfter(t, g)
	kit.Must(t, setOf(t, g).Remove())
	_, err = lock.Open(kit.Patient(t), key)
	kit.WantError(t, err, sysv.ErrRemoved, "ipcrm")
	_, _, err = lock.OpenOrCreate(kit.Patient(t), key, 1, nil)
	kit.WantError(t, err, sysv.ErrRemoved, "ipcrm")
	kit.WantError(t, g.Remove(), sysv.ErrRemoved)
	wantNames(t, key)
}

// Without its segment a group is gone, but its set is in the way of another.
func TestGroupWithoutItsSegment(t *testing.T) {
	emulator.Mode.Skip(t) // where it has the bit of a removed segment
	key := newKey(t)
	g, err := lock.Create(key, 1, nil)
	kit.Must(t, err)
	endGroup(t, g)
	seg, err := shm.OpenID(g.ID())
	kit.Must(t, err)
	kit.Must(t, seg.Remove())
	_, err = lock.Open(kit.Patient(t), key)
	kit.WantError(t, err, fs.ErrNotExist)
	_, err = lock.OpenID(kit.Patient(t), g.ID())
	kit.WantError(t, err, sysv.ErrRemoved)
	_, _, err = lock.OpenOrCreate(kit.Patient(t), key, 1, nil)
	kit.WantError(t, err, fs.ErrExist)
	wantFree(t, g.Mutex(0)) // for who is a member nothing has changed
	kit.Must(t, g.Remove())
	wantNames(t, key)
}

// A segment that is all zero may be filled yet.
func TestOpenGivesUpOnAGroupInTheMaking(t *testing.T) {
	key := newKey(t)
	id := fakeWith(t, key, words(1, 2), func([]uint32) {})
	says := fmt.Sprintf("ipcrm -m %d -S %v", id, key)
	_, err := lock.Open(kit.Brief(t), key)
	kit.WantError(t, err, sysv.ErrNotInitialized, says)
	kit.WantError(t, err, context.DeadlineExceeded)
	_, err = lock.OpenID(kit.Brief(t), id)
	kit.WantError(t, err, sysv.ErrNotInitialized, says)
	_, created, err := lock.OpenOrCreate(kit.Brief(t), key, 1, nil)
	kit.WantError(t, err, sysv.ErrNotInitialized, says)
	if created {
		t.Error("created")
	}
	ctx, cancel := context.WithCancel(t.Context())
	wait := kit.Async(t, func() error { _, err := lock.Open(ctx, key); return err })
	cancel()
	kit.WantError(t, wait(), context.Canceled)
}

func TestOpenWaitsForTheCreator(t *testing.T) {
	key := newKey(t)
	fakeWith(t, key, words(1, 2), func([]uint32) {})
	gaveUp := kit.Brief(t)
	wait := kit.Async(t, func() error {
		g, err := lock.Open(kit.Patient(t), key)
		if err != nil {
			return err
		}
		if gaveUp.Err() == nil {
			t.Error("open before it was filled")
		}
		return g.Close()
	})
	<-gaveUp.Done()
	set, err := sem.Create(key, []int{1, 0, 0, 0}, nil)
	kit.Must(t, err)
	w := wordsOf(t, segments(t, key)[0].ID)
	copy(w[1:], []uint32{1, 1, 2, uint32(set.ID())})
	w[magicWord] = magic // comes last
	kit.Must(t, wait())
}

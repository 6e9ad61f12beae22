//go:build linux && !android

package lock_test

import (
	"context"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/object"
	"example.com/sysvipc/sysv/internal/sys"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
	"github.com/google/go-cmp/cmp"
)

// Version 2 of what stands in a segment, in words of 4 bytes, and in a set.
// Programs of several builds share them: whatever changes here must change the
// version.
const (
	magicWord   = 0
	setWord     = 4
	versionWord = 5
	locksWord   = 6
	slotsWord   = 7
	segmentWord = 8
	keyWord     = 9
	memoryWord  = 10
	sharedWord  = 16
	usedWord    = 17

	lineWords = 32 // the header has one line, each mutex, and each slot for each RWMutex

	joining  = 0
	signedAt = 1
	slotsAt  = 7
)

var magic = []uint32{0x6b636f6c, 0x9d1fe3a7, 0x53c06b8e, 0xe72a41d5}

// setValues are those of a free group's set, for a number of mutexes and slots.
func setValues(segment, n int) []int {
	return append([]int{1, 0x6c6f, 0x636b, 0x4a17, segment & 0x7fff, segment >> 15 & 0x7fff, segment >> 30}, make([]int, n)...)
}

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

func TestLayoutOfRWMutexes(t *testing.T) {
	g := newGroupFor(t, 1, &lock.Config{Processes: 3, RWMutexes: 2})
	w := wordsOf(t, g.ID())
	theirs := join(t, g)
	kit.Must(t, rlock(t, theirs.RWMutex(1)))
	kit.Must(t, rlock(t, theirs.RWMutex(1)))
	lockRW(t, g.RWMutex(0))
	want := make([]uint32, lineWords*(1+1+2+2*3)+3)
	copy(want, magic)
	copy(want[setWord:], []uint32{uint32(stat(t, g).SetID), 4, 1, 3, uint32(g.ID()), uint32(g.Key())})
	want[sharedWord], want[usedWord] = 2, 2
	want[lineOf(1)], want[lineOf(1)+1] = 1<<20|1, 1<<4 // slot 0 is in
	want[lineOf(3)+(3+1)*lineWords] = 2                // of slot 1
	want[lineOf(3)+6*lineWords], want[lineOf(3)+6*lineWords+1] = 1, 1
	if diff := cmp.Diff(want, slices.Clone(w)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	kit.Must(t, g.RWMutex(0).Unlock())
	kit.Must(t, theirs.RWMutex(1).RUnlock())
	kit.Must(t, theirs.RWMutex(1).RUnlock())
}

func TestLayout(t *testing.T) {
	g := newGroupFor(t, 2, &lock.Config{Processes: 3})
	w := wordsOf(t, g.ID())
	m := join(t, g).Mutex(1)
	take(t, m)
	want := make([]uint32, words(2, 3))
	copy(want, magic)
	copy(want[setWord:], []uint32{uint32(stat(t, g).SetID), 4, 2, 3, uint32(g.ID()), uint32(g.Key())})
	want[lineOf(1)] = 2<<20 | 1 // slot 1, first generation
	want[generationOf(2, 0)], want[generationOf(2, 1)] = 1, 1
	if diff := cmp.Diff(want, slices.Clone(w)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	kit.Must(t, m.Unlock())
}

// fake is a segment and a set that look like a group of 1 mutex for 2
// processes, but for what change does.
func fake(t testing.TB, key sysv.Key, change func(w []uint32)) (id int) {
	t.Helper()
	return fakeOf(t, key, 1, 2, change)
}

// fakeOf is fake for so many mutexes and processes, with a set for 3.
func fakeOf(t testing.TB, key sysv.Key, locks, slots int, change func(w []uint32)) (id int) {
	t.Helper()
	return fakeWith(t, key, words(locks, slots), func(id int, w []uint32) {
		set, err := sem.Create(key, setValues(id, 3), nil)
		kit.Must(t, err)
		fillHeader(w, key, id, set.ID(), locks, slots)
		change(w)
	})
}

func fillHeader(w []uint32, key sysv.Key, segment, set, locks, slots int) {
	copy(w, magic)
	copy(w[setWord:], []uint32{uint32(set), 4, uint32(locks), uint32(slots), uint32(segment), uint32(key)})
}

// fakeWith has n words, which fill fills.
func fakeWith(t testing.TB, key sysv.Key, n int, fill func(id int, w []uint32)) (id int) {
	t.Helper()
	seg, err := shm.Create(key, 4*n, nil)
	kit.Must(t, err)
	mapping, err := seg.Attach(nil)
	kit.Must(t, err)
	defer mapping.Detach()
	w, err := shm.Slice[uint32](mapping, 0, n)
	kit.Must(t, err)
	fill(seg.ID(), w)
	return seg.ID()
}

func TestFakeIsGoodEnough(t *testing.T) {
	key := newKey(t)
	id := fake(t, key, func([]uint32) {})
	g, err := lock.Open(kit.Patient(t), key, nil)
	kit.Must(t, err)
	closeAfter(t, g)
	if g.ID() != id {
		t.Errorf("group %d, want %d", g.ID(), id)
	}
	take(t, g.Mutex(0))
	kit.Must(t, g.Mutex(0).Unlock())
}

func TestForeignSegmentsAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(t *testing.T, key sysv.Key)
		says string
	}{
		{"another program's", func(t *testing.T, key sysv.Key) {
			fakeWith(t, key, 100, func(_ int, w []uint32) { w[0] = 0x12345678 })
		}, "it begins with [0x12345678"},
		{"another program's, all zero", func(t *testing.T, key sysv.Key) {
			fakeWith(t, key, 100, func(int, []uint32) {})
		}, "it begins with [0x00000000"},
		{"another program's, of one byte", func(t *testing.T, key sysv.Key) {
			_, err := shm.Create(key, 1, &shm.Config{Mode: 0o777})
			kit.Must(t, err)
		}, "a segment of 1 bytes"},
		{"the first word alone", func(t *testing.T, key sysv.Key) {
			fake(t, key, func(w []uint32) { w[magicWord+1] = 2 })
		}, "it begins with [0x6b636f6c 0x00000002"},
		{"shorter than a header", func(t *testing.T, key sysv.Key) {
			fakeWith(t, key, 31, func(_ int, w []uint32) { copy(w, magic) })
		}, "a segment of 124 bytes"},
		{"a header alone", func(t *testing.T, key sysv.Key) {
			fakeWith(t, key, 32, func(id int, w []uint32) { fillHeader(w, key, id, 0, 1, 2) })
		}, "128 bytes can't be 1 mutexes and 0 RWMutexes for 2 processes"},
		{"another version", func(t *testing.T, key sysv.Key) {
			fake(t, key, func(w []uint32) { w[versionWord] = 3 })
		}, "version 3, this is for version 4"},
		{"a copy of another group's", func(t *testing.T, key sysv.Key) {
			fake(t, key, func(w []uint32) { w[segmentWord]++ })
		}, "it says that it is segment "},
		{"that of another key", func(t *testing.T, key sysv.Key) {
			fake(t, key, func(w []uint32) { w[keyWord] = 0xabcd })
		}, "it says that its key is 0x0000abcd"},
		{"one word too few", func(t *testing.T, key sysv.Key) {
			fakeWith(t, key, words(1, 2)-1, func(id int, w []uint32) { fillHeader(w, key, id, 0, 1, 2) })
		}, "can't be 1 mutexes and 0 RWMutexes for 2 processes"},
		{"more mutexes than fit", func(t *testing.T, key sysv.Key) {
			fake(t, key, func(w []uint32) { w[locksWord] = 2 })
		}, "can't be 2 mutexes"},
		{"no mutexes", func(t *testing.T, key sysv.Key) {
			fake(t, key, func(w []uint32) { w[locksWord], w[slotsWord] = 0, lineWords+2 })
		}, "can't be 0 mutexes"},
		{"more RWMutexes than fit", func(t *testing.T, key sysv.Key) {
			fake(t, key, func(w []uint32) { w[sharedWord] = 1 })
		}, "can't be 1 mutexes and 1 RWMutexes"},
		{"RWMutexes past every limit", func(t *testing.T, key sysv.Key) {
			fake(t, key, func(w []uint32) { w[sharedWord] = 1<<32 - 1 })
		}, "can't be 1 mutexes"},
		{"memory where there is none", func(t *testing.T, key sysv.Key) {
			fake(t, key, func(w []uint32) { w[memoryWord] = 1 })
		}, "2 processes and 128 bytes of memory"},
		{"memory past every limit", func(t *testing.T, key sysv.Key) {
			fake(t, key, func(w []uint32) { w[memoryWord] = 1<<32 - 1 })
		}, "can't be 1 mutexes"},
		{"no processes", func(t *testing.T, key sysv.Key) {
			fakeOf(t, key, 2, 0, func([]uint32) {})
		}, "for 0 processes"},
		{"mutexes past every limit", func(t *testing.T, key sysv.Key) {
			fake(t, key, func(w []uint32) { w[locksWord] = 1<<32 - 1 })
		}, "can't be "},
		{"mutexes whose size wraps around 32 bits", func(t *testing.T, key sysv.Key) {
			fake(t, key, func(w []uint32) { w[locksWord] = 1<<25 + 1 })
		}, "can't be 33554433 mutexes"},
		{"processes past every limit", func(t *testing.T, key sysv.Key) {
			fake(t, key, func(w []uint32) { w[slotsWord] = 1 << 31 })
		}, "can't be "},
		{"processes for whom words have no room", func(t *testing.T, key sysv.Key) {
			fakeOf(t, key, 1, 2048, func([]uint32) {})
		}, "for 2048 processes"},
		{"a set that is not its own, beside its own", func(t *testing.T, key sysv.Key) {
			fake(t, key, func(w []uint32) { w[setWord] = 1<<31 - 1 })
		}, "it says that its set is 2147483647, which is "},
		{"a set that there can't be, beside its own", func(t *testing.T, key sysv.Key) {
			fake(t, key, func(w []uint32) { w[setWord] = 1<<32 - 1 })
		}, "which is "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key := newKey(t)
			tt.make(t, key)
			before := names(t, key)
			_, err := lock.Open(kit.Patient(t), key, nil)
			kit.WantError(t, err, syscall.EINVAL, tt.says)
			_, created, err := lock.OpenOrCreate(kit.Patient(t), key, 1, nil)
			kit.WantError(t, err, syscall.EINVAL, tt.says)
			if created {
				t.Error("created")
			}
			if strings.Contains(err.Error(), "ipcrm") {
				t.Errorf("%v: it says how to remove what is somebody else's", err)
			}
			_, err = lock.Create(bg, key, 1, nil)
			kit.WantError(t, err, fs.ErrExist)
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

// Without its set a group has lost what tells the living from the dead: it is
// made anew, and whoever was a member hears of it.
func TestGroupWithoutItsSet(t *testing.T) {
	emulator.Mode.Skip(t)
	for name, instead := range map[string]func(t *testing.T, key sysv.Key){
		"gone": func(*testing.T, sysv.Key) {},
		"gone, and its key in other use": func(t *testing.T, key sysv.Key) {
			_, err := sem.Create(key, []int{1}, nil)
			kit.Must(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			key := newKey(t)
			g, err := lock.Create(bg, key, 2, nil)
			kit.Must(t, err)
			closeAfter(t, g)
			take(t, g.Mutex(1))
			wantFree(t, g.Mutex(0))
			kit.Must(t, setOf(t, g).Remove())
			instead(t, key)
			_, err = lock.Open(kit.Patient(t), key, nil)
			kit.WantError(t, err, sysv.ErrRemoved, "OpenOrCreate makes the group anew")
			wantFree(t, g.Mutex(0)) // nobody has come who would tell

			next, created, err := lock.OpenOrCreate(kit.Patient(t), key, 1, nil)
			if name == "gone" {
				kit.Must(t, err)
				endGroup(t, next)
				if !created || next.ID() == g.ID() {
					t.Errorf("created %v, group %d after %d", created, next.ID(), g.ID())
				}
			} else {
				kit.WantError(t, err, fs.ErrExist, "that is no group's")
			}
			wantGoneMutex(t, g.Mutex(0))
			kit.WantError(t, g.Mutex(1).Unlock(), sysv.ErrRemoved)
			wantGoneMutex(t, g.Mutex(1))
			kit.WantError(t, g.Remove(), sysv.ErrRemoved)
		})
	}
}

// Without its segment a group is gone, but its set is in the way of another. Who
// makes that tells the members, who need no system call to go on.
func TestGroupWithoutItsSegment(t *testing.T) {
	emulator.Mode.Skip(t) // where it has the bit of a removed segment
	key := newKey(t)
	g, err := lock.Create(bg, key, 1, nil)
	kit.Must(t, err)
	closeAfter(t, g)
	wantFree(t, g.Mutex(0))
	seg, err := shm.OpenID(g.ID())
	kit.Must(t, err)
	kit.Must(t, seg.Remove())
	_, err = lock.Open(kit.Patient(t), key, nil)
	kit.WantError(t, err, fs.ErrNotExist)
	_, err = lock.OpenID(kit.Patient(t), g.ID(), nil)
	kit.WantError(t, err, sysv.ErrRemoved)
	wantFree(t, g.Mutex(0))

	next, created, err := lock.OpenOrCreate(kit.Patient(t), key, 1, nil)
	kit.Must(t, err)
	endGroup(t, next)
	if !created {
		t.Error("not created")
	}
	wantGoneMutex(t, g.Mutex(0))
	wantFree(t, next.Mutex(0))
	kit.WantError(t, g.Remove(), sysv.ErrRemoved)
	wantFree(t, next.Mutex(0))
}

// The segment goes by itself with the last who has it attached.
func TestGroupWhereUnusedSegmentsGo(t *testing.T) {
	kit.NeedRoot(t, "may change kernel.shm_rmid_forced")
	const forced = "/proc/sys/kernel/shm_rmid_forced"
	old, err := os.ReadFile(forced)
	kit.Must(t, err)
	if err := os.WriteFile(forced, []byte("1"), 0); err != nil {
		t.Skipf("skipping, mount /proc to write: %v", err)
	}
	defer os.WriteFile(forced, old, 0)
	key := newKey(t)
	for range 3 {
		g, created, err := lock.OpenOrCreate(kit.Patient(t), key, 1, nil)
		kit.Must(t, err)
		if !created {
			t.Error("not created")
		}
		again, err := lock.Open(kit.Patient(t), key, nil)
		kit.Must(t, err)
		kit.Must(t, g.Close())
		wantFree(t, again.Mutex(0))
		kit.Must(t, again.Close())
	}
}

// Whatever the set holds, and whatever its mode, it is not removed unless it says
// that it is a group's.
func TestForeignSetsAreRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		values []int
		mode   fs.FileMode
	}{
		"a mutex":                      {[]int{1}, 0},
		"zeros of everybody":           {make([]int, 264), 0o777},
		"almost a group's":             {append([]int{1, 0x6c6f, 0x636b, 0x4a18}, make([]int, 260)...), 0o600},
		"shorter than a group's":       {[]int{1, 0x6c6f, 0x636b, 0x4a17, 0, 0, 0}, 0o600},
		"naming what no segment has":   {append([]int{1, 0x6c6f, 0x636b, 0x4a17, 0, 0, 2}, make([]int, 260)...), 0o600},
		"the values of the old layout": {append([]int{1}, make([]int, 257)...), 0o666},
	} {
		t.Run(name, func(t *testing.T) {
			key := newKey(t)
			_, err := sem.Create(key, tt.values, &sem.Config{Mode: tt.mode})
			kit.Must(t, err)
			before := names(t, key)
			for range 2 {
				_, _, err := lock.OpenOrCreate(kit.Patient(t), key, 1, nil)
				kit.WantError(t, err, fs.ErrExist, "that is no group's")
				wantNames(t, key, before...)
			}
		})
	}
}

// An application has one key for its own segment and for its lock.
func TestOneKeyForASegmentAndALock(t *testing.T) {
	key := newKey(t)
	_, _, err := shm.OpenOrCreate(key, 1<<16, nil)
	kit.Must(t, err)
	begin := time.Now()
	_, _, err = lock.OpenOrCreate(kit.Patient(t), key, 1, nil)
	kit.WantError(t, err, syscall.EINVAL, "no group of mutexes: segment ")
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

// What a creator leaves that dies before it has attached the segment, or while it
// makes the set, is told by its mode.
func TestOpenGivesUpOnADeadCreator(t *testing.T) {
	emulator.Mode.Skip(t)
	grace := object.Grace
	object.Grace = 200 * time.Millisecond
	defer func() { object.Grace = grace }()
	key := newKey(t)
	_, err := sys.Shmget(int32(key), 4*words(1, 2), object.Making|sys.IPC_CREAT|sys.IPC_EXCL)
	kit.Must(t, err)
	_, err = lock.Open(kit.Brief(t), key, nil)
	kit.WantError(t, err, sysv.ErrNotInitialized)
	kit.WantError(t, err, context.DeadlineExceeded)
	_, err = lock.Open(kit.Patient(t), key, nil)
	kit.WantError(t, err, sysv.ErrNotInitialized, "OpenOrInit makes it anew")
	g, created, err := lock.OpenOrCreate(kit.Patient(t), key, 1, nil)
	kit.Must(t, err)
	endGroup(t, g)
	if !created {
		t.Error("not created")
	}
}

// Older systems, and those of databases, have sets of 250.
func TestProcessesAreWhatFitsASet(t *testing.T) {
	kit.NeedRoot(t, "may change kernel.sem")
	const limits = "/proc/sys/kernel/sem"
	old, err := os.ReadFile(limits)
	kit.Must(t, err)
	if err := os.WriteFile(limits, []byte("250 32000 32 128"), 0); err != nil {
		t.Skipf("skipping, mount /proc to write: %v", err)
	}
	defer os.WriteFile(limits, old, 0)
	for _, tt := range []struct{ n, want int }{{1, 242}, {100, 143}, {242, 1}} {
		g := newGroup(t, tt.n)
		if got := stat(t, g).Processes; got != tt.want {
			t.Errorf("%d mutexes for %d processes, want %d", tt.n, got, tt.want)
		}
		take(t, g.Mutex(tt.n-1))
		kit.Must(t, g.Mutex(tt.n-1).Unlock())
	}
	_, err = lock.Create(bg, sysv.Private, 1, &lock.Config{Processes: 243})
	kit.WantError(t, err, syscall.EINVAL, "SEMMSL")
	_, err = lock.Create(bg, sysv.Private, 243, nil)
	kit.WantError(t, err, syscall.EINVAL, "SEMMSL")
}

// One call of semop(2) takes as many operations as the system says.
func TestFewOperations(t *testing.T) {
	kit.NeedRoot(t, "may change kernel.sem")
	const limits = "/proc/sys/kernel/sem"
	old, err := os.ReadFile(limits)
	kit.Must(t, err)
	defer os.WriteFile(limits, old, 0)
	if err := os.WriteFile(limits, []byte("32000 1024000000 2 32000"), 0); err != nil {
		t.Skipf("skipping, mount /proc to write: %v", err)
	}
	g := newGroup(t, 3)
	take(t, g.Mutex(1))
	kit.Must(t, g.Mutex(1).Unlock())
	kit.Must(t, os.WriteFile(limits, []byte("32000 1024000000 1 32000"), 0))
	key := newKey(t)
	for _, key := range []sysv.Key{sysv.Private, key} {
		_, err = lock.Create(bg, key, 3, nil)
		kit.WantError(t, err, syscall.E2BIG, "a lock needs 2 operations", "SEMOPM")
	}
	wantNames(t, key)
}

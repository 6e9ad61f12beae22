//go:build linux && !android

package lock_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
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
	"example.com/sysvipc/sysv/sysvtest"
)

func TestCreate(t *testing.T) {
	for _, tt := range []struct{ n, processes, semaphores int }{
		{1, 0, slotsAt + 256 + 1},
		{1, 1, slotsAt + 1 + 1},
		{7, 3, slotsAt + 3 + 7},
		{4096, 2047, slotsAt + 2047 + 4096},
	} {
		t.Run(fmt.Sprintf("%d for %d", tt.n, tt.processes), func(t *testing.T) {
			key := newKey(t)
			g, err := lock.Create(bg, key, tt.n, &lock.Config{Processes: tt.processes})
			kit.Must(t, err)
			endGroup(t, g)
			if g.Len() != tt.n || g.Key() != key {
				t.Errorf("Len %d, Key %v, want %d, %v", g.Len(), g.Key(), tt.n, key)
			}
			if n := setOf(t, g).Len(); n != tt.semaphores {
				t.Errorf("%d semaphores, want %d", n, tt.semaphores)
			}
			for _, i := range []int{0, tt.n / 2, tt.n - 1} {
				if take(t, g.Mutex(i)) {
					t.Errorf("mutex %d is abandoned", i)
				}
				kit.Must(t, g.Mutex(i).Unlock())
			}
		})
	}
}

func TestCreateRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		n    int
		cfg  lock.Config
		says string
	}{
		{"no mutexes", 0, lock.Config{}, "1 to 4096 mutexes, not 0"},
		{"fewer than none", -1, lock.Config{}, "1 to 4096 mutexes, not -1"},
		{"too many mutexes", 4097, lock.Config{}, "1 to 4096 mutexes, not 4097"},
		{"fewer processes than none", 1, lock.Config{Processes: -1}, "1 to 2047 processes, not -1"},
		{"too many processes", 1, lock.Config{Processes: 2048}, "1 to 2047 processes, not 2048"},
		{"a mode with set-uid bit", 1, lock.Config{Mode: 0o4600}, "0o777"},
		{"a mode with the kernel's IPC_CREAT", 1, lock.Config{Mode: 0o1600}, "0o777"},
		{"the mode of what is in the making", 1, lock.Config{Mode: 0o601}, "0601 marks"},
		{"less memory than none", 1, lock.Config{Memory: -1}, "bytes of memory, not -1"},
		{"a long format", 1, lock.Config{Format: "seventeen letters"}, "at most 16 bytes"},
		{"a format that ends with a zero", 1, lock.Config{Format: "short\x00"}, "the last is not 0"},
		{"a mode of a directory", 1, lock.Config{Mode: fs.ModeDir | 0o700}, "0o777"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key := newKey(t)
			_, err := lock.Create(bg, key, tt.n, &tt.cfg)
			kit.WantError(t, err, syscall.EINVAL, tt.says)
			g, created, err := lock.OpenOrCreate(kit.Patient(t), key, tt.n, &tt.cfg)
			kit.WantError(t, err, syscall.EINVAL, tt.says)
			if g != nil || created {
				t.Errorf("group %v, created %v beside an error", g, created)
			}
			wantNames(t, key)
		})
	}
}

func TestCreateIsExclusive(t *testing.T) {
	key := newKey(t)
	g, err := lock.Create(bg, key, 2, nil)
	kit.Must(t, err)
	endGroup(t, g)
	take(t, g.Mutex(0))
	_, err = lock.Create(bg, key, 2, nil)
	kit.WantError(t, err, fs.ErrExist)
	wantHeld(t, join(t, g).Mutex(0))
	kit.Must(t, g.Mutex(0).Unlock())
}

// A key can name a segment, or a set, that is not a group's.
func TestCreateWhereTheKeyIsInUse(t *testing.T) {
	for name, occupy := range map[string]func(sysv.Key) (remove func() error, err error){
		"by a segment": func(key sysv.Key) (func() error, error) {
			seg, err := shm.Create(key, 1, nil)
			return seg.Remove, err
		},
		"by a set": func(key sysv.Key) (func() error, error) {
			set, err := sem.Create(key, []int{1}, nil)
			return set.Remove, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			key := newKey(t)
			remove, err := occupy(key)
			kit.Must(t, err)
			before := names(t, key)
			_, err = lock.Create(bg, key, 1, nil)
			kit.WantError(t, err, fs.ErrExist)
			wantNames(t, key, before...)
			kit.Must(t, remove())
			g, err := lock.Create(bg, key, 1, nil)
			kit.Must(t, err)
			endGroup(t, g)
		})
	}
}

func TestPrivateGroupsAreDistinct(t *testing.T) {
	a, b := newGroup(t, 1), newGroup(t, 1)
	if a.ID() == b.ID() || a.Key() != sysv.Private {
		t.Errorf("ids %d and %d, key %v", a.ID(), b.ID(), a.Key())
	}
	take(t, a.Mutex(0))
	wantFree(t, b.Mutex(0))
	kit.Must(t, a.Mutex(0).Unlock())
}

// The mode is that of both, and not the business of the umask.
func TestModeIsExact(t *testing.T) {
	emulator.Mode.Skip(t)
	umask := syscall.Umask(0o777)
	defer syscall.Umask(umask)
	for _, tt := range []struct{ mode, want fs.FileMode }{{0, 0o600}, {0o600, 0o600}, {0o666, 0o666}, {0o777, 0o777}} {
		g := newGroupFor(t, 1, &lock.Config{Mode: tt.mode})
		seg, err := shm.OpenID(g.ID())
		kit.Must(t, err)
		segment, err := seg.Stat()
		kit.Must(t, err)
		set, err := setOf(t, g).Stat()
		kit.Must(t, err)
		if segment.Mode != tt.want || set.Mode != tt.want {
			t.Errorf("mode %#o: segment %#o, set %#o, want %#o", tt.mode, segment.Mode, set.Mode, tt.want)
		}
	}
}

// createHelper makes a group of a key and a mode, joins it once more by its id,
// and ends.
var createHelper = sysvtest.Helper("create", func(args []string) error {
	key, mode, err := kit.KeyAndMode(args)
	if err != nil {
		return err
	}
	g, err := lock.Create(bg, key, 1, &lock.Config{Mode: mode})
	if err != nil {
		fmt.Println(outcome(err))
		return nil
	}
	if g, err = lock.OpenID(bg, g.ID(), nil); err != nil {
		return err
	}
	st, err := g.Stat()
	fmt.Printf("group %d, set %d, %d members\n", st.SegmentID, st.SetID, len(st.Members))
	return err
})

func startCreate(t testing.TB, key sysv.Key, mode fs.FileMode) *sysvtest.Process {
	t.Helper()
	cmd := sysvtest.Command(createHelper, key.String(), fmt.Sprintf("%o", uint32(mode)))
	return sysvtest.StartCommand(t, kit.Ordinary(cmd))
}

// With such a mode the creator himself can't take part, unless he is root.
func TestModeThatExcludesTheCreator(t *testing.T) {
	for _, mode := range []fs.FileMode{0o400, 0o200, 0o066} {
		key := newKey(t)
		p := startCreate(t, key, mode)
		p.Expect("EACCES")
		p.Finish()
		wantNames(t, key)
	}
}

func TestFirstIDOfANamespaceIsZero(t *testing.T) {
	emulator.Namespaces.Skip(t)
	kit.NeedRoot(t, "may make an IPC namespace without another user's")
	cmd := sysvtest.Command(createHelper, "0x4d2", "600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWIPC}
	p := sysvtest.StartCommand(t, cmd)
	p.Expect("group 0, set 0, 2 members")
	p.Finish()
}

// late is a context that ends some time after its deadline, as one whose timer is late:
// it is asked so many times more.
type late struct {
	context.Context
	deadline time.Time
	denials  int
}

func (l *late) Deadline() (time.Time, bool) { return l.deadline, true }

func (l *late) Err() error {
	if time.Now().Before(l.deadline) {
		return nil
	}
	if l.denials--; l.denials >= 0 {
		return nil
	}
	return context.DeadlineExceeded
}

// Who has waited for a creator in vain does not take him for dead.
func TestOpenOrCreateSaysWhatItWaitedFor(t *testing.T) {
	emulator.Mode.Skip(t)
	key := newKey(t)
	_, _, err := shm.OpenOrInit(bg, key, 1, nil, func(*shm.Mapping) error {
		for denials := range 5 {
			_, _, err := lock.OpenOrCreate(&late{bg, time.Now().Add(20 * time.Millisecond), denials}, key, 1, nil)
			kit.WantError(t, err, sysv.ErrNotInitialized)
			kit.WantError(t, err, context.DeadlineExceeded)
		}
		return syscall.ECANCELED
	})
	kit.WantError(t, err, syscall.ECANCELED)
}

func TestCreateObeysItsContext(t *testing.T) {
	emulator.Mode.Skip(t)
	key := newKey(t)
	_, err := lock.Create(kit.Ended(t), key, 1, nil)
	kit.WantError(t, err, context.Canceled)
	_, err = lock.Create(kit.Ended(t), sysv.Private, 1, nil)
	kit.WantError(t, err, context.Canceled)
	wantNames(t, key)
	_, _, err = shm.OpenOrInit(bg, key, 1, nil, func(*shm.Mapping) error {
		_, err := lock.Create(kit.Brief(t), key, 1, nil)
		kit.WantError(t, err, context.DeadlineExceeded)
		_, _, err = lock.OpenOrCreate(kit.Brief(t), key, 1, nil)
		kit.WantError(t, err, context.DeadlineExceeded)
		return syscall.ECANCELED
	})
	kit.WantError(t, err, syscall.ECANCELED)
	wantNames(t, key)
}

// What a creator leaves that dies while it makes the set, or between that and the
// next step, whatever it was to be a set of.
func TestCreateWhereADeadCreatorLeftItsSet(t *testing.T) {
	emulator.Mode.Skip(t)
	grace := object.Grace
	object.Grace = 100 * time.Millisecond
	defer func() { object.Grace = grace }()
	for name, values := range map[string][]int{
		"without its values": nil,
		"with its values":    setValues(12345, 3),
	} {
		t.Run(name, func(t *testing.T) {
			key := newKey(t)
			var id int
			var err error
			if values == nil {
				id, err = sys.Semget(int32(key), slotsAt+256+1, object.Making|sys.IPC_CREAT|sys.IPC_EXCL)
				kit.Must(t, err)
			} else {
				set, err := sem.Create(key, values, nil)
				kit.Must(t, err)
				id = set.ID()
				kit.Must(t, sys.SemSet(id, uint32(os.Getuid()), uint32(os.Getgid()), object.Making))
			}
			g, created, err := lock.OpenOrCreate(kit.Patient(t), key, 1, nil)
			kit.Must(t, err)
			endGroup(t, g)
			if !created || stat(t, g).SetID == id {
				t.Errorf("created %v, set %d", created, id)
			}
			take(t, g.Mutex(0))
			kit.Must(t, g.Mutex(0).Unlock())
		})
	}
}

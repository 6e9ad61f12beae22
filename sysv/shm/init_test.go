//go:build linux && !android

package shm_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/object"
	"example.com/sysvipc/sysv/internal/sys"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

const initSize = 64 << 10

// fillWith gives every word of a segment the same value.
func fillWith(v uint32) func(*shm.Mapping) error {
	return func(m *shm.Mapping) error {
		for b := m.Bytes(); len(b) > 0; b = b[4:] {
			binary.NativeEndian.PutUint32(b, v)
		}
		return nil
	}
}

// filledWith returns the value that every word has.
func filledWith(m *shm.Mapping) (uint32, error) {
	b := m.Bytes()
	first := binary.NativeEndian.Uint32(b)
	for ; len(b) > 0; b = b[4:] {
		if v := binary.NativeEndian.Uint32(b); v != first || v == 0 {
			return 0, fmt.Errorf("%#x and %#x side by side", first, v)
		}
	}
	return first, nil
}

func mustNotInit(*shm.Mapping) error { return errors.New("filled a second time") }

// shortGrace has creators count as dead soon.
func shortGrace(t testing.TB, grace time.Duration) {
	old := object.Grace
	object.Grace = grace
	t.Cleanup(func() { object.Grace = old })
}

// initKey is a free key, which is free again after the test.
func initKey(t testing.TB) sysv.Key {
	key := sysv.RandomKey()
	t.Cleanup(func() {
		if id, err := sys.Shmget(int32(key), 0, 0); err == nil {
			sys.Shmctl(id, sys.IPC_RMID)
		}
	})
	return key
}

// unattached is what a creator leaves that dies before it has attached.
func unattached(t testing.TB, key sysv.Key) (id int) {
	t.Helper()
	id, err := sys.Shmget(int32(key), initSize, object.Making|sys.IPC_CREAT|sys.IPC_EXCL)
	kit.Must(t, err)
	return id
}

func wantFilled(t testing.TB, m *shm.Mapping, want uint32) {
	t.Helper()
	if v, err := filledWith(m); v != want || err != nil {
		t.Errorf("filled with %#x, %v, want %#x", v, err, want)
	}
}

func TestOpenOrInit(t *testing.T) {
	emulator.Mode.Skip(t)
	key := initKey(t)
	m, created, err := shm.OpenOrInit(bg, key, initSize, &shm.Config{Mode: 0o640}, fillWith(7))
	kit.Must(t, err)
	defer m.Detach()
	seg := m.Segment()
	if st := stat(t, seg); !created || st.Mode != 0o640 || seg.Key() != key || seg.Size() != initSize {
		t.Errorf("created %v, mode %#o, key %v, %d bytes", created, st.Mode, seg.Key(), seg.Size())
	}
	again, created, err := shm.OpenOrInit(bg, key, initSize/2, nil, mustNotInit)
	kit.Must(t, err)
	defer again.Detach()
	if created || again.Segment().ID() != seg.ID() {
		t.Errorf("created %v, segment %d after %d", created, again.Segment().ID(), seg.ID())
	}
	wantFilled(t, again, 7)
	_, _, err = shm.OpenOrInit(bg, key, initSize+1, nil, mustNotInit)
	kit.WantError(t, err, syscall.EINVAL, fmt.Sprint(initSize), fmt.Sprint(initSize+1))
	filled, err := shm.OpenFilled(bg, key, nil)
	kit.Must(t, err)
	wantFilled(t, filled, 7)
	kit.Must(t, filled.Detach())
}

func TestOpenOrInitRefuses(t *testing.T) {
	key := initKey(t)
	_, _, err := shm.OpenOrInit(kit.Ended(t), key, 1, nil, mustNotInit)
	kit.WantError(t, err, context.Canceled)
	_, _, err = shm.OpenOrInit(bg, sysv.Private, 1, nil, mustNotInit)
	kit.WantError(t, err, syscall.EINVAL, "IPC_PRIVATE")
	_, _, err = shm.OpenOrInit(bg, key, 0, nil, mustNotInit)
	kit.WantError(t, err, syscall.EINVAL, "at least 1 byte")
	_, _, err = shm.OpenOrInit(bg, key, 1, &shm.Config{Mode: object.Making}, mustNotInit)
	kit.WantError(t, err, syscall.EINVAL, "in the making")
	_, err = shm.OpenFilled(bg, key, nil)
	kit.WantError(t, err, fs.ErrNotExist)
}

// While somebody fills a segment nobody else has it.
func TestSegmentInTheMaking(t *testing.T) {
	emulator.Mode.Skip(t)
	shortGrace(t, 10*time.Millisecond) // which is nothing to a creator that lives
	key := initKey(t)
	m, created, err := shm.OpenOrInit(bg, key, initSize, nil, func(m *shm.Mapping) error {
		filling := fmt.Sprintf("process %d is filling it", os.Getpid())
		_, err := shm.Open(key, nil)
		kit.WantError(t, err, sysv.ErrNotInitialized, filling)
		_, _, err = shm.OpenOrCreate(key, 1, nil)
		kit.WantError(t, err, sysv.ErrNotInitialized, filling)
		_, err = shm.OpenID(m.Segment().ID())
		kit.WantError(t, err, sysv.ErrNotInitialized, filling)
		for _, brief := range []func(testing.TB) context.Context{kit.Brief, kit.BriefWithoutDone} {
			ctx := brief(t)
			err := kit.Async(t, func() error { _, err := shm.OpenFilled(ctx, key, nil); return err })()
			kit.WantError(t, err, sysv.ErrNotInitialized, filling)
			kit.WantError(t, err, context.DeadlineExceeded)
		}
		_, _, err = shm.OpenOrInit(kit.Brief(t), key, initSize, nil, mustNotInit)
		kit.WantError(t, err, sysv.ErrNotInitialized, filling)
		kit.WantError(t, err, context.DeadlineExceeded)
		return fillWith(1)(m)
	})
	kit.Must(t, err)
	if !created {
		t.Error("not created")
	}
	kit.Must(t, m.Detach())
}

func TestInitThatFailsLeavesNothing(t *testing.T) {
	key := initKey(t)
	sorry := fmt.Errorf("sorry: %w", fs.ErrExist)
	for name, init := range map[string]func(*shm.Mapping) error{
		"an error": func(*shm.Mapping) error { return sorry },
		"a panic":  func(*shm.Mapping) error { panic(sorry) },
	} {
		t.Run(name, func(t *testing.T) {
			func() {
				defer func() {
					if got := recover(); got != nil && got != sorry {
						panic(got)
					}
				}()
				_, _, err := shm.OpenOrInit(bg, key, 1, nil, init)
				kit.WantError(t, err, sorry)
			}()
			_, err := shm.Open(key, nil)
			kit.WantError(t, err, fs.ErrNotExist)
		})
	}
	list, err := shm.List()
	kit.Must(t, err)
	for _, st := range list {
		if st.CPID == os.Getpid() && st.Dest {
			t.Errorf("segment %d is attached still", st.ID)
		}
	}
}

// What a dead creator left is removed by who makes it anew, and by nobody else.
func TestCreatorThatDiedBeforeItAttached(t *testing.T) {
	emulator.Mode.Skip(t)
	shortGrace(t, 50*time.Millisecond)
	key := initKey(t)
	id := unattached(t, key)
	_, err := shm.OpenFilled(kit.Patient(t), key, nil)
	kit.WantError(t, err, sysv.ErrNotInitialized, "its creator died")
	m, created, err := shm.OpenOrInit(kit.Patient(t), key, initSize, nil, fillWith(2))
	kit.Must(t, err)
	if !created || m.Segment().ID() == id {
		t.Errorf("created %v, segment %d after %d", created, m.Segment().ID(), id)
	}
	wantFilled(t, m, 2)
	kit.Must(t, m.Detach())
}

func TestOpenOrInitHealsWithinTheGrace(t *testing.T) {
	emulator.Mode.Skip(t)
	key := initKey(t)
	unattached(t, key)
	begin := time.Now()
	m, _, err := shm.OpenOrInit(kit.Patient(t), key, initSize, nil, fillWith(3))
	kit.Must(t, err)
	if took := time.Since(begin); took < object.Grace || took > object.Grace+time.Second {
		t.Errorf("it took %v, want a bit more than %v", took, object.Grace)
	}
	kit.Must(t, m.Detach())
}

// A mode that C programs use, and zeros, make no segment ours.
func TestForeignSegmentIsTakenAsItIs(t *testing.T) {
	shortGrace(t, time.Millisecond)
	for _, mode := range []fs.FileMode{0o600, 0o700, 0o666, 0o777, 0o603, 0o611} {
		key := initKey(t)
		foreign, err := shm.Create(key, initSize, &shm.Config{Mode: mode})
		kit.Must(t, err)
		for range 2 {
			m, created, err := shm.OpenOrInit(bg, key, initSize, nil, mustNotInit)
			kit.Must(t, err)
			if created || m.Segment().ID() != foreign.ID() {
				t.Errorf("mode %#o: created %v, segment %d, want %d", mode, created, m.Segment().ID(), foreign.ID())
			}
			kit.Must(t, m.Detach())
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// A creator comes back after it was taken for dead.
func TestCreatorThatIsLate(t *testing.T) {
	emulator.Mode.Skip(t)
	shortGrace(t, 20*time.Millisecond)
	t.Run("its segment is gone", func(t *testing.T) {
		key := initKey(t)
		began, id := time.Now(), unattached(t, key)
		m, _, err := shm.OpenOrInit(kit.Patient(t), key, initSize, nil, fillWith(4))
		kit.Must(t, err)
		_, err = shm.Fill(key, id, initSize, began, mustNotInit)
		kit.WantError(t, err, shm.ErrTakenForDead)
		wantFilled(t, m, 4)
		kit.Must(t, m.Detach())
	})
	t.Run("nobody has come yet", func(t *testing.T) {
		key := initKey(t)
		id := unattached(t, key)
		_, err := shm.Fill(key, id, initSize, time.Now().Add(-object.Grace/2), mustNotInit)
		kit.WantError(t, err, shm.ErrTakenForDead)
		if st, ok := listed(t, id); !ok || st.Nattch != 0 {
			t.Errorf("its segment: there %v, %+v", ok, st)
		}
	})
	t.Run("somebody removed it while it was filled", func(t *testing.T) {
		key := initKey(t)
		fills := 0
		m, created, err := shm.OpenOrInit(kit.Patient(t), key, initSize, nil, func(m *shm.Mapping) error {
			fills++
			if fills == 1 {
				kit.Must(t, m.Segment().Remove())
			}
			return fillWith(5)(m)
		})
		kit.Must(t, err)
		if !created || fills != 2 {
			t.Errorf("created %v, filled %d times, want 2", created, fills)
		}
		again, err := shm.OpenFilled(bg, key, nil)
		kit.Must(t, err)
		wantFilled(t, again, 5)
		kit.Must(t, again.Detach())
		kit.Must(t, m.Detach())
	})
}

// unmapped tries to fill a segment where the kernel knows no name for its user.
var unmapped = sysvtest.Helper("unmapped", func([]string) error {
	_, _, err := shm.OpenOrInit(bg, 7, initSize, nil, fillWith(6))
	fmt.Println(err)
	list, err := shm.List()
	fmt.Println(len(list), "segments are left", err)
	return nil
})

func TestOpenOrInitWhereTheUserHasNoName(t *testing.T) {
	emulator.Namespaces.Skip(t)
	cmd := sysvtest.Command(unmapped)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWIPC}
	p := sysvtest.StartCommand(t, cmd)
	if said := p.Line(); !strings.Contains(said, "this user namespace does not map the caller") {
		t.Errorf("it said %q", said)
	}
	p.Expect("0 segments are left <nil>")
	p.Finish()
}

// A child that a fork makes while the segment is filled would pass for its living
// creator. Afterwards children have what their parents have.
func TestForksDoNotHaveWhatIsInTheMaking(t *testing.T) {
	emulator.Mode.Skip(t)
	emulator.Advice.Skip(t)
	key := initKey(t)
	m, _, err := shm.OpenOrInit(bg, key, initSize, nil, func(m *shm.Mapping) error {
		if flags := vmFlags(t, m); !strings.Contains(flags, " dc ") {
			t.Errorf("while it is filled: %q, want dc, do not copy on fork", flags)
		}
		return nil
	})
	kit.Must(t, err)
	if flags := vmFlags(t, m); strings.Contains(flags, " dc ") {
		t.Errorf("when it is filled: %q, want no dc", flags)
	}
	kit.Must(t, m.Detach())
}

// vmFlags returns what proc(5) says of a mapping, in words of two letters.
func vmFlags(t testing.TB, m *shm.Mapping) string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/smaps")
	kit.Must(t, err)
	_, after, found := strings.Cut(string(text), fmt.Sprintf("\n%08x-", address(m)))
	_, flags, found2 := strings.Cut(after, "VmFlags:")
	if !found || !found2 {
		t.Skip("skipping: /proc/self/smaps has no VmFlags (kernel without CONFIG_PROC_PAGE_MONITOR)")
	}
	flags, _, _ = strings.Cut(flags, "\n")
	return flags + " "
}

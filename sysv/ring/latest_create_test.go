//go:build linux && !android && !sysvipc_steps

package ring

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"testing"
	"unsafe"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
)

func wantValue(t *testing.T, l *Latest, want string, number uint64) {
	t.Helper()
	buf := make([]byte, 100)
	n, got, err := l.Get(buf)
	kit.Must(t, err)
	if string(buf[:n]) != want || got != number {
		t.Errorf("value %q, number %d, want %q, number %d", buf[:n], got, want, number)
	}
}

func TestOpenLatest(t *testing.T) {
	key := newKey(t)
	_, err := OpenLatest(kit.Patient(t), key, nil)
	kit.WantError(t, err, fs.ErrNotExist)
	l, err := CreateLatest(kit.Patient(t), key, 10, nil)
	kit.Must(t, err)
	_, err = CreateLatest(kit.Patient(t), key, 10, nil)
	kit.WantError(t, err, fs.ErrExist)
	set(t, l, "first", 1)
	for name, open := range map[string]func() (*Latest, error){
		"by key": func() (*Latest, error) { return OpenLatest(kit.Patient(t), key, nil) },
		"by id":  func() (*Latest, error) { return OpenLatestID(kit.Patient(t), l.ID(), nil) },
		"or create": func() (*Latest, error) {
			l, created, err := OpenOrCreateLatest(kit.Patient(t), key, 10, nil)
			if created {
				t.Error("created again")
			}
			return l, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			again, err := open()
			kit.Must(t, err)
			wantValue(t, again, "first", 1)
			if again.Size() != 10 || again.Key() != key || again.ID() != l.ID() {
				t.Errorf("size %d, key %v, id %d", again.Size(), again.Key(), again.ID())
			}
			kit.Must(t, again.Close())
		})
	}
	_, _, err = OpenOrCreateLatest(kit.Patient(t), key, 11, nil)
	kit.WantError(t, err, sysv.ErrSize, "up to 10 bytes, 11 are asked for")
	_, err = OpenQueue(kit.Patient(t), key, nil)
	kit.WantError(t, err, syscall.EINVAL, `holds "sysvipc latest 1"`)
	_, err = InspectQueue(l.ID())
	kit.WantError(t, err, syscall.EINVAL, "is no queue")
	kit.Must(t, l.Remove())
	kit.Must(t, l.Close())
}

func TestLatestConfigs(t *testing.T) {
	key := newKey(t)
	for _, tt := range []struct {
		says string
		size int
		cfg  Config
	}{
		{"1 to 1073741824 bytes, not 0", 0, Config{}},
		{"not -1", -1, Config{}},
		{"not 1073741825", 1<<30 + 1, Config{}},
		{"are not for a Latest", 1, Config{Size: 4096}},
		{"are not for a Latest", 1, Config{Attempts: 1}},
		{"1 to 2047 processes, not 2048", 1, Config{Processes: 2048}},
	} {
		_, err := CreateLatest(kit.Patient(t), key, tt.size, &tt.cfg)
		kit.WantError(t, err, syscall.EINVAL, tt.says)
		_, _, err = OpenOrCreateLatest(kit.Patient(t), key, tt.size, &tt.cfg)
		kit.WantError(t, err, syscall.EINVAL, tt.says)
	}
}

var latestCalls = map[string]func(l *Latest) error{
	"Set":  func(l *Latest) error { _, err := l.Set(bg, []byte("x")); return err },
	"Get":  func(l *Latest) error { _, _, err := l.Get(make([]byte, 100)); return err },
	"Wait": func(l *Latest) error { return l.Wait(bg, 1) },
	"Stat": func(l *Latest) error { _, err := l.Stat(); return err },
}

func TestLatestCallsAfterClose(t *testing.T) {
	ids, l := newLatestOfBytes(t, 10)
	set(t, l, "x", 1)
	again, err := joinLatest(ids)
	kit.Must(t, err)
	wantValue(t, again, "x", 1)
	kit.Must(t, again.Close())
	kit.Must(t, again.Close())
	for name, call := range latestCalls {
		if err := call(again); !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	_, err = NewLatestOf[int32](again)
	kit.WantError(t, err, os.ErrClosed)
}

// Who needs no system call is told as well.
func TestRemovalOfALatest(t *testing.T) {
	emulator.Mode.Skip(t) // where it has the bit of a removed segment
	for name, remove := range removals {
		t.Run(name, func(t *testing.T) {
			ids, l := newLatestOfBytes(t, 10)
			set(t, l, "x", 1)
			other := joinHere(t, ids)
			wantValue(t, other, "x", 1)
			wait := kit.Async(t, func() error { return other.Wait(kit.Patient(t), 1) })
			kit.Eventually(t, "somebody waits", func() bool { st, err := l.Stat(); return err == nil && st.Awaited })
			remove(t, l)
			kit.WantError(t, wait(), sysv.ErrRemoved)
			wantFailures(t, latestCalls, other, sysv.ErrRemoved)
		})
	}
}

func TestLatestStat(t *testing.T) {
	_, l := newLatestOfBytes(t, 10)
	check := func(number uint64, length int) {
		t.Helper()
		st, err := l.Stat()
		kit.Must(t, err)
		other, err := InspectLatest(l.ID())
		kit.Must(t, err)
		for _, st := range []LatestStat{st, other} {
			if st.SegmentID != l.ID() || st.Size != 10 || st.Number != number || st.Length != length || len(st.Members) != 1 || st.Members[0].PID != os.Getpid() {
				t.Errorf("%+v", st)
			}
		}
	}
	check(0, 0)
	set(t, l, "", 1)
	check(1, 0)
	set(t, l, "value", 2)
	check(2, 5)
}

func TestEphemeralLatest(t *testing.T) {
	key := newKey(t)
	for range 2 {
		l, created, err := OpenOrCreateLatest(kit.Patient(t), key, 10, &Config{Ephemeral: true})
		kit.Must(t, err)
		if !created {
			t.Error("it was there")
		}
		wantValue(t, l, "", 0)
		set(t, l, "x", 1)
		kit.Must(t, l.Close())
	}
}

// On 32-bit machines the places of the longest values are more than there is memory, and not
// so few bytes as the number that is left of them.
func TestTheLongestValues(t *testing.T) {
	for _, most := range []uint32{1, 100, 1 << 20, mostLatest} {
		if got, least := latestSize(most), kept*uint64(most); got < least || got > least+uint64(unsafe.Sizeof(latestShared{}))+kept*line {
			t.Errorf("%d bytes for values of up to %d", got, most)
		}
	}
}

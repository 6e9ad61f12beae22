//go:build linux && !android

package conformance

import (
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/shm"
)

const shmBits = strconv.IntSize

var shmPage = os.Getpagesize()

// shmLBA is SHMLBA of shmop(2), see asm/shmparam.h.
func shmLBA() uintptr {
	switch runtime.GOARCH {
	case "arm":
		return 4 * uintptr(shmPage)
	case "loong64":
		return 0x10000
	case "mips", "mipsle", "mips64", "mips64le":
		return 0x40000
	}
	return uintptr(shmPage)
}

// segCreate makes a segment under a key of its own, which is removed when the
// test ends.
func segCreate(t testing.TB, size int, cfg *shm.Config) *shm.Segment {
	t.Helper()
	return segMade(t)(shm.Create(sysv.RandomKey(), size, cfg))
}

// segCreateMode is segCreate for the modes that Create can't give, too: its 0
// means another.
func segCreateMode(t testing.TB, mode os.FileMode) *shm.Segment {
	t.Helper()
	seg := segCreate(t, 10, nil)
	if err := seg.SetMode(mode); err != nil {
		t.Fatal(err)
	}
	return seg
}

// segMade takes what made a segment, which is removed when the test ends.
func segMade(t testing.TB) func(*shm.Segment, error) *shm.Segment {
	return func(seg *shm.Segment, err error) *shm.Segment {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := seg.Remove(); err != nil && !errors.Is(err, sysv.ErrRemoved) {
				t.Error(err)
			}
		})
		return seg
	}
}

func segRemove(t testing.TB, seg *shm.Segment) {
	t.Helper()
	if err := seg.Remove(); err != nil {
		t.Fatal(err)
	}
}

func segAttach(t testing.TB, seg *shm.Segment, cfg *shm.AttachConfig) *shm.Mapping {
	t.Helper()
	m, err := seg.Attach(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { segDetach(t, m) })
	return m
}

func segDetach(t testing.TB, m *shm.Mapping) {
	t.Helper()
	if err := m.Detach(); err != nil {
		t.Error(err)
	}
}

// segCantAttach checks which errno an attachment is refused with.
func segCantAttach(t testing.TB, seg *shm.Segment, cfg *shm.AttachConfig, want error) {
	t.Helper()
	m, err := seg.Attach(cfg)
	if err == nil {
		segDetach(t, m)
	}
	shmErr(t, err, want)
}

func segAddr(m *shm.Mapping) uintptr {
	return uintptr(unsafe.Pointer(unsafe.SliceData(m.Bytes())))
}

func segStat(t testing.TB, seg *shm.Segment) shm.Stat {
	t.Helper()
	st, err := seg.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func segNattch(t testing.TB, seg *shm.Segment, want int) {
	t.Helper()
	if got := segStat(t, seg).Nattch; got != want {
		t.Errorf("nattch is %d, want %d", got, want)
	}
}

// segListed returns what a list says about an id.
func segListed(list []shm.Stat, id int) (st shm.Stat, ok bool) {
	for _, st := range list {
		if st.ID == id {
			return st, true
		}
	}
	return st, false
}

func shmList(t testing.TB) []shm.Stat {
	t.Helper()
	list, err := shm.List()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// segGone checks that neither key nor id names the segment any more.
func segGone(t testing.TB, seg *shm.Segment) {
	t.Helper()
	_, err := seg.Stat()
	shmErr(t, err, sysv.ErrRemoved)
	_, err = shm.OpenID(seg.ID())
	shmErr(t, err, syscall.ENOENT)
	if _, ok := segListed(shmList(t), seg.ID()); ok {
		t.Errorf("segment %d is still listed", seg.ID())
	}
}

// shmErr checks that an error is each of these.
func shmErr(t testing.TB, err error, want ...error) {
	t.Helper()
	for _, want := range want {
		if !errors.Is(err, want) {
			t.Errorf("error is %v, want %v", err, want)
		}
	}
}

// segAged waits until the kernel's clock, which may be some ticks behind, shows
// another second than that of the segment's creation.
func segAged(t testing.TB, seg *shm.Segment) shm.Stat {
	t.Helper()
	st := segStat(t, seg)
	time.Sleep(time.Until(st.CTime.Add(time.Second + 100*time.Millisecond)))
	return st
}

// shmTable returns the lines of /proc/sysvipc/shm by id, and the first.
func shmTable(t testing.TB) (heading []string, lines map[string][]string) {
	t.Helper()
	lines = make(map[string][]string)
	for line := range strings.Lines(shmRead(t, "/proc/sysvipc/shm")) {
		columns := strings.Fields(line)
		if heading == nil {
			heading = columns
			continue
		}
		lines[columns[1]] = columns
	}
	return heading, lines
}

func shmRead(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Skipf("skipping, mount /proc and /sys, on a kernel that has this file: %v", err)
	}
	return strings.TrimSpace(string(text))
}

// shmReserve returns an address, a multiple of align, at which n bytes are
// mapped but not accessible. They stay so: unmapping them later could hit what
// has come in their place meanwhile.
func shmReserve(t testing.TB, n, align uintptr) uintptr {
	t.Helper()
	region, err := unix.MmapPtr(-1, 0, nil, n+align, unix.PROT_NONE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	return (uintptr(region) + align - 1) / align * align
}

// segAttachAtFree attaches off bytes behind a free unit of SHMLBA, which base
// is the address of.
func segAttachAtFree(t testing.TB, seg *shm.Segment, off uintptr, cfg shm.AttachConfig) (m *shm.Mapping, base uintptr) {
	t.Helper()
	// What is unmapped can be taken by Go's runtime before it is attached to:
	// then another place will do.
	for range 100 {
		base = shmReserve(t, shmLBA(), shmLBA())
		if err := unix.MunmapPtr(unsafe.Add(nil, base), shmLBA()); err != nil {
			t.Fatal(err)
		}
		cfg.Addr = base + off
		m, err := seg.Attach(&cfg)
		if errors.Is(err, syscall.EINVAL) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { segDetach(t, m) })
		return m, base
	}
	t.Fatal("no address was free")
	panic("unreachable")
}

// segTime checks that a time of the kernel's, in whole seconds of a clock that
// may be some ticks behind, is between two of ours.
func segTime(t testing.TB, name string, got, before, after time.Time) {
	t.Helper()
	if got.Before(before.Add(-time.Second).Truncate(time.Second)) || got.After(after) {
		t.Errorf("%s is %v, want one from %v to %v", name, got, before, after)
	}
}

// segColumns is the segment's line in /proc/sysvipc/shm.
func segColumns(t testing.TB, seg *shm.Segment) []string {
	t.Helper()
	_, lines := shmTable(t)
	columns := lines[strconv.Itoa(seg.ID())]
	if len(columns) == 0 {
		t.Fatalf("the kernel's table has no segment %d", seg.ID())
	}
	return columns
}

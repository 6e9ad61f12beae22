//go:build linux && !android

package shm_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"example.com/sysvipc/sysv/internal/sys"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/shm"
)

func TestAttachProtection(t *testing.T) {
	emulator.Exec.Skip(t)
	seg := create(t, 1, &shm.Config{Mode: 0o700})
	for want, cfg := range map[string]*shm.AttachConfig{
		"rw-s": nil,
		"r--s": {ReadOnly: true},
		"rwxs": {Exec: true},
		"r-xs": {ReadOnly: true, Exec: true},
	} {
		m := attach(t, seg, cfg)
		if got := protection(t, m); got != want {
			t.Errorf("%+v: mapped %s, want %s", cfg, got, want)
		}
	}
}

// protection is what /proc/self/maps says about a mapping.
func protection(t *testing.T, m *shm.Mapping) string {
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		t.Skipf("skipping, mount /proc: %v", err)
	}
	defer maps.Close()
	start := fmt.Sprintf("%08x-", address(m))
	for s := bufio.NewScanner(maps); s.Scan(); {
		if strings.HasPrefix(s.Text(), start) {
			return strings.Fields(s.Text())[1]
		}
	}
	t.Fatalf("nothing is mapped at %s", start)
	return ""
}

func TestAttachedTwiceIsTheSameMemory(t *testing.T) {
	seg := create(t, 8192, nil)
	a, b := attach(t, seg, nil), attach(t, seg, &shm.AttachConfig{ReadOnly: true})
	if address(a) == address(b) {
		t.Fatalf("both at %#x", address(a))
	}
	for _, off := range []int{0, 4095, 4096, 8191} {
		a.Bytes()[off] = byte(off) | 1
		if got := b.Bytes()[off]; got != byte(off)|1 {
			t.Errorf("byte %d is %d in the other mapping, want %d", off, got, byte(off)|1)
		}
	}
	if st := stat(t, seg); st.Nattch != 2 {
		t.Errorf("nattch %d, want 2", st.Nattch)
	}
}

func TestAttachAtFreeAddress(t *testing.T) {
	emulator.Addresses.Skip(t)
	seg := create(t, 1, nil)
	// What is unmapped can be taken by Go's runtime before it is attached to:
	// then another place will do.
	for range 100 {
		addr := reserve(t)
		if err := unix.MunmapPtr(unsafe.Add(nil, addr), sys.SHMLBA()); err != nil {
			t.Fatal(err)
		}
		m, err := seg.Attach(&shm.AttachConfig{Addr: addr})
		if errors.Is(err, syscall.EINVAL) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		defer detach(t, m)
		if address(m) != addr {
			t.Errorf("attached at %#x, want %#x", address(m), addr)
		}
		return
	}
	t.Error("no address was free")
}

func TestRemapReplacesWhatIsMapped(t *testing.T) {
	for _, tt := range []struct {
		name string
		off  uintptr
		cfg  shm.AttachConfig
	}{
		{"exact", 0, shm.AttachConfig{Remap: true}},
		{"rounded down", sys.SHMLBA() - 1, shm.AttachConfig{Remap: true, Round: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			seg := create(t, 1, nil)
			base := reserve(t)
			tt.cfg.Addr = base + tt.off
			m := attach(t, seg, &tt.cfg)
			if address(m) != base {
				t.Errorf("attached at %#x, want %#x", address(m), base)
			}
			m.Bytes()[0] = 7
			if other := attach(t, seg, nil); other.Bytes()[0] != 7 {
				t.Error("what was written is not in the segment")
			}
		})
	}
}

func TestAttachRefusesAddresses(t *testing.T) {
	seg := create(t, 1, nil)
	base := reserve(t)
	for name, tt := range map[string]struct {
		cfg  shm.AttachConfig
		hint string
	}{
		"in use":                    {shm.AttachConfig{Addr: base}, "in use"},
		"in use, rounded":           {shm.AttachConfig{Addr: base + 1, Round: true}, "in use"},
		"odd":                       {shm.AttachConfig{Addr: base + 1}, "no multiple of SHMLBA"},
		"odd, to be remapped":       {shm.AttachConfig{Addr: base + 1, Remap: true}, "no multiple of SHMLBA"},
		"remap at none":             {shm.AttachConfig{Remap: true}, "Remap without an address"},
		"in page 0":                 {shm.AttachConfig{Addr: sys.SHMLBA() - 1, Round: true}, "rounds down to 0"},
		"in page 0, to be remapped": {shm.AttachConfig{Addr: 1, Round: true, Remap: true}, "rounds down to 0"},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := seg.Attach(&tt.cfg)
			if err == nil {
				detach(t, m)
			}
			kit.WantError(t, err, syscall.EINVAL, fmt.Sprintf("shmat segment %d", seg.ID()), tt.hint)
		})
	}
	if st := stat(t, seg); st.Nattch != 0 {
		t.Errorf("nattch %d after nothing but errors", st.Nattch)
	}
}

// A Mapping whose memory were replaced would detach another's in the end.
func TestRemapRefusesAnotherMapping(t *testing.T) {
	lba := sys.SHMLBA()
	first := create(t, int(lba)+1, nil) // on two units of address space
	second := create(t, int(lba)+1, nil)
	m := attach(t, first, nil)
	m.Bytes()[lba] = 7
	for name, cfg := range map[string]shm.AttachConfig{
		"its start":             {Addr: address(m)},
		"its middle":            {Addr: address(m) + lba},
		"its last unit":         {Addr: address(m) + 2*lba - 1, Round: true},
		"running into it":       {Addr: address(m) - lba},
		"its start, after Addr": {Addr: address(m) - 1, Round: true},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.Remap = true
			n, err := second.Attach(&cfg)
			if err == nil {
				t.Fatalf("%#x was replaced by %#x", address(m), address(n))
			}
			kit.WantError(t, err, syscall.EINVAL, "belongs to another Mapping")
		})
	}
	if m.Bytes()[lba] != 7 {
		t.Error("the mapping has lost its memory")
	}
}

// Next to a Mapping, on either side, there is room for another.
func TestRemapBesideAnotherMapping(t *testing.T) {
	lba := sys.SHMLBA()
	seg := create(t, int(lba), nil)
	region, err := unix.MmapPtr(-1, 0, nil, 4*lba, unix.PROT_NONE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	middle := (uintptr(region)+lba-1)/lba*lba + lba
	for _, addr := range []uintptr{middle, middle + lba, middle - lba} {
		if m := attach(t, seg, &shm.AttachConfig{Addr: addr, Remap: true}); address(m) != addr {
			t.Errorf("attached at %#x, want %#x", address(m), addr)
		}
	}
}

// reserve returns an address at which one unit of SHMLBA is mapped but not
// accessible. It stays so: unmapping it later could hit what has come in its
// place meanwhile.
func reserve(t *testing.T) uintptr {
	t.Helper()
	lba := sys.SHMLBA()
	region, err := unix.MmapPtr(-1, 0, nil, 2*lba, unix.PROT_NONE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	return (uintptr(region) + lba - 1) / lba * lba
}

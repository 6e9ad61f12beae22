//go:build linux && !android

package shm_test

import (
	"errors"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/shm"
)

func TestHugePages(t *testing.T) {
	emulator.HugePages.Skip(t)
	page := hugePages(t, 2)
	for name, size := range map[string]int64{"default": shm.DefaultHugePage, "by size": page} {
		t.Run(name, func(t *testing.T) {
			// Not a whole number of pages: the second has one byte of the segment.
			seg, err := shm.Create(sysv.Private, int(page)+1, &shm.Config{HugePage: size})
			if err != nil {
				t.Fatal(err)
			}
			removeAtEnd(t, seg)
			m := attach(t, seg, nil)
			if int64(address(m))%page != 0 || int64(m.Len()) != page+1 {
				t.Errorf("%d bytes at %#x, want %d at a multiple of %#x", m.Len(), address(m), page+1, page)
			}
			for i := range m.Bytes() {
				m.Bytes()[i] = byte(i % 251)
			}
			again := attach(t, seg, &shm.AttachConfig{ReadOnly: true})
			for i, b := range again.Bytes() {
				if b != byte(i%251) {
					t.Fatalf("byte %d is %d, want %d", i, b, i%251)
				}
			}
			// The kernel takes the call and has nothing to do for it.
			if err := seg.LockPages(); err != nil || stat(t, seg).Locked {
				t.Errorf("LockPages: %v, locked %v, want nil and false", err, stat(t, seg).Locked)
			}
			if _, err := shm.Create(sysv.Private, 1, &shm.Config{HugePage: size}); err == nil {
				t.Error("a third page came out of a pool of two")
			} else {
				kit.WantError(t, err, syscall.ENOMEM, "vm.nr_hugepages")
			}
		})
	}
}

// Without a page in the pool the error says what to set, to a user who may not
// use the pool what right he lacks.
func TestHugePagesRefused(t *testing.T) {
	lockPool(t)
	emptyPool(t)
	seg, err := shm.Create(sysv.Private, 1, &shm.Config{HugePage: shm.DefaultHugePage})
	if err == nil {
		removeAtEnd(t, seg)
		emptyPool(t) // else somebody else has filled it meanwhile
		t.Fatal("a page came out of an empty pool")
	}
	if os.Geteuid() != 0 && errors.Is(err, syscall.EPERM) {
		kit.WantError(t, err, syscall.EPERM, "CAP_IPC_LOCK", "vm.hugetlb_shm_group")
		return
	}
	kit.WantError(t, err, syscall.ENOMEM, "vm.nr_hugepages", "HugePages_Free")
}

func TestHugePageSizes(t *testing.T) {
	meminfo(t, "Hugepagesize")
	for size, hint := range map[int64]string{
		1:        "no power of 2",
		-2:       "no power of 2",
		3 << 20:  "no power of 2",
		-1 << 63: "no power of 2",
		1 << 13:  "no huge pages of this size",
		1 << 45:  "no huge pages of this size",
	} {
		seg, err := shm.Create(sysv.Private, 1, &shm.Config{HugePage: size})
		if err == nil {
			removeAtEnd(t, seg)
		}
		kit.WantError(t, err, syscall.EINVAL, hint)
	}
}

const pool = "/proc/sys/vm/nr_hugepages"

// lockPool keeps the tests of other packages, which run at the same time, away
// from the machine's one pool and from the group that may use it.
func lockPool(t *testing.T) {
	t.Helper()
	file, err := os.Open(pool)
	if err != nil {
		t.Skipf("skipping, mount /proc on a kernel with CONFIG_HUGETLBFS: %v", err)
	}
	t.Cleanup(func() { file.Close() })
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
}

// hugePages sees to it that the pool has n free pages, and no more, and returns
// their size.
func hugePages(t *testing.T, n int64) int64 {
	t.Helper()
	lockPool(t)
	size := meminfo(t, "Hugepagesize") << 10
	before, err := os.ReadFile(pool)
	if err != nil {
		t.Skipf("skipping, mount /proc: %v", err)
	}
	inUse := meminfo(t, "HugePages_Total") - meminfo(t, "HugePages_Free") + meminfo(t, "HugePages_Rsvd")
	if err := os.WriteFile(pool, []byte(strconv.FormatInt(inUse+n, 10)), 0); err != nil {
		t.Skipf("skipping, run as root: %v", err)
	}
	t.Cleanup(func() {
		if err := os.WriteFile(pool, before, 0); err != nil {
			t.Error(err)
		}
	})
	if free := meminfo(t, "HugePages_Free") - meminfo(t, "HugePages_Rsvd"); free != n {
		t.Skipf("skipping, memory is too fragmented for %d huge pages (%d came): reboot, or set vm.nr_hugepages early", n, free)
	}
	return size
}

// emptyPool skips the test where huge pages can be had.
func emptyPool(t *testing.T) {
	t.Helper()
	if meminfo(t, "HugePages_Free") > meminfo(t, "HugePages_Rsvd") {
		t.Skip("skipping, the pool has free huge pages: set vm.nr_hugepages to 0")
	}
	const growth = "/proc/sys/vm/nr_overcommit_hugepages"
	if more, err := os.ReadFile(growth); err != nil || strings.TrimSpace(string(more)) != "0" {
		t.Skipf("skipping, the pool grows: set vm.nr_overcommit_hugepages to 0: %q, %v", more, err)
	}
}

// meminfo is a number from /proc/meminfo. Kernels without huge pages have none
// about them.
func meminfo(t *testing.T, name string) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		t.Skipf("skipping, mount /proc: %v", err)
	}
	m := regexp.MustCompile(`(?m)^` + name + `: +(\d+)`).FindStringSubmatch(string(text))
	if m == nil {
		t.Skipf("skipping, use a kernel with CONFIG_HUGETLBFS: /proc/meminfo has no %s", name)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(m[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

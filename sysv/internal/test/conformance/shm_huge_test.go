//go:build linux && !android

package conformance

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/shm"
)

var shmHugeRows = []row{
	{"SHM-013", "SHM_HUGETLB without CAP_IPC_LOCK and the group is EPERM (shmget(2))", func(t *testing.T) {
		shmHugeSize(t) // or skip
		shmLockFile(t, shmHugeLock)
		p := shmOrdinary(t)
		p.ok("memlock 0")
		p.refused(syscall.EPERM, "create-huge private 1")
	}},

	{"SHM-014", "RLIMIT_MEMLOCK gives no right to huge pages since Linux 5.18: EPERM (hugetlb_file_setup in fs/hugetlbfs/inode.c)", func(t *testing.T) {
		if !shmLinux(t, 5, 18) {
			t.Skip("skipping, run on Linux 5.18 or newer")
		}
		shmLockFile(t, shmHugeLock)
		const limit = 8 << 20
		if shmHugeSize(t) > limit {
			t.Skip("skipping, set the default huge page to 8 MiB or less")
		}
		p := shmOrdinary(t)
		if _, err := p.try("memlock %d", limit); err != nil {
			t.Skipf("skipping, raise ulimit -l to 8192: %v", err)
		}
		p.refused(syscall.EPERM, "create-huge private 1")
	}},

	{"SHM-015", "a member of vm.hugetlb_shm_group may have huge pages (proc(5))", func(t *testing.T) {
		emulator.HugePages.Skip(t)
		shmHugePool(t, shmHugeSize(t), 1)
		shmWrite(t, "/proc/sys/vm/hugetlb_shm_group", shmFriends)
		stranger := shmStranger(t)
		stranger.refused(syscall.EPERM, "create-huge private 1")
		p := shmAs(t, shmAlice, shmFriends)
		p.ok("create-huge private 1")
		p.ok("attach")
		p.ok("write 0 x")
		p.ok("remove")
	}},

	{"SHM-016", "SHM_HUGETLB with an empty pool is ENOMEM (shmget(2))", func(t *testing.T) {
		shmHugePool(t, shmHugeSize(t), 0)
		shmHugeRefused(t, shm.DefaultHugePage, syscall.ENOMEM)
	}},

	{"SHM-017", "a huge page size that the machine lacks is EINVAL (shmget(2))", func(t *testing.T) {
		shmHugeRefused(t, 1<<13, syscall.EINVAL)
		shmHugeRefused(t, 1<<45, syscall.EINVAL)
	}},

	{"SHM-018", "SHM_HUGE_1GB is ENOMEM without such a page, and a segment with one (shmget(2))", func(t *testing.T) {
		const size = 1 << 30
		shmHugePool(t, size, 0)
		shmHugeRefused(t, size, syscall.ENOMEM)
		shmHugePool(t, size, 1)
		seg := segCreate(t, size, &shm.Config{HugePage: size})
		if got := segStat(t, seg).Size; got != size {
			t.Errorf("size is %d, want %d", got, size)
		}
		if free := shmHugeFree(t, size); free != 0 {
			t.Errorf("%d pages are free, want none", free)
		}
	}},

	{"SHM-019", "huge pages take any size, and as many of them as it needs (shmget(2))", func(t *testing.T) {
		huge := shmHugeSize(t)
		shmHugePool(t, huge, 3)
		for size, pages := range map[int64]int{
			1: 1, huge - 1: 1, huge: 1, huge + 1: 2,
			2*huge - int64(shmPage): 2, 2*huge + int64(shmPage): 3, 3*huge - 1: 3,
		} {
			seg := segCreate(t, int(size), &shm.Config{HugePage: shm.DefaultHugePage})
			if st := segStat(t, seg); st.Size != size {
				t.Errorf("%d bytes became %d", size, st.Size)
			}
			if free := shmHugeFree(t, huge); free != 3-pages {
				t.Errorf("%d bytes leave %d of 3 pages, want %d", size, free, 3-pages)
			}
			segRemove(t, seg)
		}
	}},

	{"SHM-020", "what is written to every huge page is read again (shmop(2))", func(t *testing.T) {
		emulator.HugePages.Skip(t)
		const pages = 3
		huge := shmHugeSize(t)
		shmHugePool(t, huge, pages)
		for _, size := range []int64{shm.DefaultHugePage, huge} {
			seg := segCreate(t, int(pages*huge), &shm.Config{HugePage: size})
			m := segAttach(t, seg, nil)
			for i := range m.Bytes() {
				m.Bytes()[i] = 'a' + byte(i/int(huge))
			}
			p := shmSelf(t)
			p.ok("open-id %d", seg.ID())
			p.ok("attach")
			for i := range int64(pages) {
				want := strings.Repeat(string(rune('a'+i)), 2)
				if got := p.ok("read %d 1", i*huge) + p.ok("read %d 1", (i+1)*huge-1); got != want {
					t.Errorf("page %d begins and ends with %q, want %q", i, got, want)
				}
			}
			p.Finish()
			segDetach(t, m)
			segRemove(t, seg)
		}
	}},

	{"SHM-021", "huge pages go back to the pool with the last attachment of a removed segment (shmctl(2))", func(t *testing.T) {
		emulator.HugePages.Skip(t)
		const pages = 4
		huge := shmHugeSize(t)
		shmHugePool(t, huge, pages)
		seg := segCreate(t, int(pages*huge), &shm.Config{HugePage: shm.DefaultHugePage})
		m := segAttach(t, seg, nil)
		p := shmSelf(t)
		p.ok("open-id %d", seg.ID())
		p.ok("attach")
		for i := range int64(pages) {
			m.Bytes()[i*huge] = 1
			p.ok("write %d x", i*huge)
		}
		p.Finish()
		shmUserNamespace(t) // by a fork, as in SHM-052
		segDetach(t, m)
		if free := shmHugeFree(t, huge); free != 0 {
			t.Errorf("%d pages are free while the segment stands, want none", free)
		}
		segRemove(t, seg)
		kit.Eventually(t, "all free", func() bool { return shmHugeFree(t, huge) == pages })
	}},

	{"SHM-061", "huge pages attach at their own multiples alone, and are given one (hugetlb_get_unmapped_area in fs/hugetlbfs/inode.c)", func(t *testing.T) {
		emulator.HugePages.Skip(t)
		huge := shmHugeSize(t)
		shmHugePool(t, huge, 1)
		seg := segCreate(t, int(huge), &shm.Config{HugePage: shm.DefaultHugePage})
		if m := segAttach(t, seg, nil); segAddr(m)%uintptr(huge) != 0 {
			t.Errorf("attached at %#x, no multiple of %#x", segAddr(m), huge)
		}
		base := shmReserve(t, 2*uintptr(huge), uintptr(huge))
		segCantAttach(t, seg, &shm.AttachConfig{Addr: base + uintptr(shmPage), Remap: true}, syscall.EINVAL)
		if m := segAttach(t, seg, &shm.AttachConfig{Addr: base, Remap: true}); segAddr(m) != base {
			t.Errorf("attached at %#x, want %#x", segAddr(m), base)
		}
	}},

	{"SHM-100", "SHM_LOCK of huge pages does nothing, without an error (shmctl_do_lock in ipc/shm.c)", func(t *testing.T) {
		shmHugePool(t, shmHugeSize(t), 1)
		seg := segCreate(t, 1, &shm.Config{HugePage: shm.DefaultHugePage})
		for range 2 {
			segLock(t, seg)
			if segStat(t, seg).Locked {
				t.Error("locked")
			}
		}
		segUnlock(t, seg)
	}},

	// With second processes that attach for themselves in place of forks.
	{"SHM-110", "IPC_STAT, IPC_SET and IPC_RMID know no difference in huge pages (shmctl(2))", func(t *testing.T) {
		emulator.HugePages.Skip(t)
		huge := shmHugeSize(t)
		shmHugePool(t, huge, 1)
		seg := segCreate(t, 5000, &shm.Config{HugePage: shm.DefaultHugePage, Mode: 0o640})
		peers := []shmPeer{shmSelf(t), shmSelf(t), shmSelf(t)}
		for i, p := range peers {
			p.ok("open %v", seg.Key())
			p.ok("attach")
			segNattch(t, seg, i+1)
		}
		if st := segStat(t, seg); st.Size != 5000 || st.Mode != 0o640 || st.CPID != os.Getpid() || st.LPID != peers[2].Process.Process.Pid {
			t.Errorf("%+v", st)
		}
		if err := seg.SetMode(0o600); err != nil {
			t.Error(err)
		}
		segRemove(t, seg)
		if st := segStat(t, seg); st.Mode != 0o600 || !st.Dest || st.Key != sysv.Private {
			t.Errorf("set and removed it is %+v", st)
		}
		for i, p := range peers {
			segNattch(t, seg, len(peers)-i)
			p.ok("detach")
		}
		segGone(t, seg)
	}},
}

// shmHugeRefused checks which errno a segment in huge pages is refused with.
func shmHugeRefused(t *testing.T, page int64, want error) {
	t.Helper()
	seg, err := shm.Create(sysv.Private, 1, &shm.Config{HugePage: page})
	if err == nil {
		segRemove(t, seg)
	}
	shmErr(t, err, want)
}

// shmHugeSize is the size of the default huge page.
func shmHugeSize(t *testing.T) int64 {
	t.Helper()
	_, rest, ok := strings.Cut(shmRead(t, "/proc/meminfo"), "Hugepagesize:")
	fields := strings.Fields(rest)
	if !ok || len(fields) == 0 {
		t.Skip("skipping, use a kernel with CONFIG_HUGETLBFS: /proc/meminfo has no Hugepagesize")
	}
	kb, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}

// shmHugeLock is locked by tests, of other packages too, for which the machine's
// pool of huge pages and the group that may use it must stay as they are.
const shmHugeLock = "/proc/sys/vm/nr_hugepages"

// shmHugePool sees to it that the machine's pool has n free pages of a size
// and no more, until the test ends, and that no other test does so meanwhile.
func shmHugePool(t *testing.T, size int64, n int) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("skipping, run as root: it sets the machine's pool of huge pages")
	}
	shmLockFile(t, shmHugeLock)
	if shmHugePages(t, size, "nr_overcommit") != 0 {
		t.Skip("skipping, set vm.nr_overcommit_hugepages to 0: the pool grows at will")
	}
	inUse := shmHugePages(t, size, "nr") - shmHugeFree(t, size)
	shmWrite(t, shmHugeFile(size, "nr"), inUse+n)
	if free := shmHugeFree(t, size); free != n {
		t.Skipf("skipping, reboot, or reserve huge pages early: memory is too fragmented for %d of them (%d came)", n, free)
	}
}

// shmHugeFree is how many pages of a size are free and not promised.
func shmHugeFree(t *testing.T, size int64) int {
	t.Helper()
	return shmHugePages(t, size, "free") - shmHugePages(t, size, "resv")
}

func shmHugePages(t *testing.T, size int64, which string) int {
	t.Helper()
	n, err := strconv.Atoi(shmRead(t, shmHugeFile(size, which)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func shmHugeFile(size int64, which string) string {
	return fmt.Sprintf("/sys/kernel/mm/hugepages/hugepages-%dkB/%s_hugepages", size>>10, which)
}

// shmLocked is the lock that this test has.
var shmLocked *os.File

// shmLockFile locks a file until the test ends, however often it is asked.
func shmLockFile(t *testing.T, path string) {
	t.Helper()
	if shmLocked != nil {
		return
	}
	file, err := os.Open(path)
	if err != nil {
		t.Skipf("skipping, mount /proc: %v", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	shmLocked = file
	t.Cleanup(func() {
		shmLocked = nil
		file.Close()
	})
}

// shmWrite sets a value of the machine's until the test ends.
func shmWrite(t *testing.T, path string, value int) {
	t.Helper()
	before := shmRead(t, path)
	if err := os.WriteFile(path, []byte(strconv.Itoa(value)), 0); err != nil {
		if errors.Is(err, os.ErrPermission) {
			t.Skipf("skipping, run as the machine's root: %v", err)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.WriteFile(path, []byte(before), 0); err != nil {
			t.Error(err)
		}
	})
}

// shmLinux tells whether the kernel is of this version or a later one.
func shmLinux(t *testing.T, major, minor int) bool {
	t.Helper()
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	var gotMajor, gotMinor int
	if _, err := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &gotMajor, &gotMinor); err != nil {
		t.Fatal(err)
	}
	return gotMajor > major || gotMajor == major && gotMinor >= minor
}

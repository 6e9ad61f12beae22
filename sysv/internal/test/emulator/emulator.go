//go:build linux && !android

// Package emulator lets tests run under qemu-user, which passes the system
// calls of another architecture's programs on to this machine's kernel, and
// gets some of them wrong. A test that can't hold there says so with a [Limit].
package emulator

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"example.com/sysvipc/sysv/internal/sys"
)

// A Limit is something that the emulator can't do.
type Limit struct {
	what  string
	shows func(t testing.TB) bool // nil where being emulated is the whole probe
}

var (
	// Mode: linux-user/syscall_defs.h has 16 bits for it on s390x, which are the
	// upper half of the kernel's 32.
	Mode = Limit{"it misplaces ipc_perm.mode", func(t testing.TB) bool {
		st, err := sys.SemStat(newSet(t))
		if err != nil {
			t.Fatal(err)
		}
		return st.Mode == 0o600<<16
	}}

	// Queues: linux-user/syscall_defs.h has longs for a queue's process ids, which
	// are wrong where a long has 64 bits, and the lower halves of its times first,
	// which is wrong on 32-bit big-endian machines.
	Queues = Limit{"it misplaces a queue's times or process ids", func(t testing.TB) bool {
		id, err := sys.Msgget(sys.IPC_PRIVATE, sys.IPC_CREAT|0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer sys.MsgRemove(id)
		m := sys.NewMsgbuf(0)
		m[0] = 1
		if err := sys.Msgsnd(id, m, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := sys.Msgrcv(id, m, 0, 0, 0); err != nil {
			t.Fatal(err)
		}
		st, err := sys.MsgStat(id)
		if err != nil {
			t.Fatal(err)
		}
		pid := int32(os.Getpid())
		return st.LSPID != pid || st.LRPID != pid || st.CTime>>32 != 0
	}}

	// StatAny: do_shmctl, do_semctl and do_msgctl in linux-user/syscall.c don't
	// know it.
	StatAny = Limit{"it does not know SHM_STAT_ANY, SEM_STAT_ANY and MSG_STAT_ANY", func(t testing.TB) bool {
		const indexes = 1 << 15 // ipcmni in ipc/util.h
		_, _, err := sys.SemStatAny(newSet(t) % indexes)
		return err == sys.EINVAL
	}}

	// Namespaces: do_fork takes only the flags of threads and of fork.
	Namespaces = Limit{"it refuses to clone into new namespaces", func(testing.TB) bool {
		cmd := exec.Command("/proc/self/exe", "-test.list", "^$")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWIPC}
		return errors.Is(cmd.Run(), syscall.EINVAL)
	}}

	// Signals: /proc/thread-self/status has the numbers of this machine, and
	// those of mips are others. Go always catches SIGURG.
	Signals = Limit{"its /proc has the signal numbers of another architecture", func(t testing.TB) bool {
		status, err := os.ReadFile("/proc/thread-self/status")
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := bytes.Cut(status, []byte("\nSigCgt:\t"))
		hex, _, _ := bytes.Cut(rest, []byte("\n"))
		caught, err := strconv.ParseUint(string(hex), 16, 64)
		return err != nil || caught>>(unix.SIGURG-1)&1 == 0
	}}

	// Addresses: where the emulator sets an address space aside, as it does for
	// every 32-bit program, that is one mapping of its own.
	Addresses = Limit{"all addresses are taken by itself", func(testing.TB) bool {
		return unsafe.Sizeof(uintptr(0)) == 4 || os.Getenv("QEMU_RESERVED_VA") != ""
	}}

	// Pages: those of loong64 are of 16 KiB, but segments are made of the machine's.
	Pages = Limit{"the machine's pages are of another size", func(t testing.TB) bool {
		maps, err := os.ReadFile("/proc/thread-self/smaps")
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := bytes.Cut(maps, []byte("\nKernelPageSize:"))
		fields := bytes.Fields(rest)
		if len(fields) == 0 {
			return true
		}
		kib, err := strconv.Atoi(string(fields[0]))
		return err != nil || kib<<10 != os.Getpagesize()
	}}

	// Advice: target_madvise in linux-user/mmap.c says yes to whatever it ignores.
	Advice = Limit{"it ignores madvise", func(t testing.TB) bool {
		page, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Munmap(page)
		const none = 9999 // no advice, which the kernel refuses
		return unix.Madvise(page, none) == nil
	}}

	// Filters: they would see the calls of the emulator, not those of the program.
	Filters = Limit{what: "it installs no seccomp filters"}

	// Programs: those that the tests compile are the machine's, with its byte order
	// and its sizes.
	Programs = Limit{what: "C programs are of another architecture"}

	Exec           = Limit{what: "it does not pass SHM_EXEC on to the pages"}
	HugePages      = Limit{what: "it attaches huge pages at addresses for small ones"}
	HugeMappings   = Limit{what: "it takes its time for each page of a terabyte"}
	LargeLimits    = Limit{what: "it cuts the machine's SHMMAX to 32 bits, which the kernel caps"}
	RemapFilePages = Limit{what: "it does not know remap_file_pages"}
	WriteOnly      = Limit{what: "for SETALL it asks IPC_STAT first, which needs read permission"}
)

// Skip skips the test if it runs under an emulator with this limit.
func (l Limit) Skip(t testing.TB) {
	t.Helper()
	if Running() && (l.shows == nil || l.shows(t)) {
		t.Skipf("skipping under the emulator, %s: run it on a real machine", l.what)
	}
}

// Running tells whether this program is emulated. The emulator answers for
// /proc/self/exe what the program expects, but not for the same by this name.
func Running() bool {
	exe, err := os.Readlink("/proc/thread-self/exe")
	return err == nil && strings.Contains(filepath.Base(exe), "qemu")
}

// newSet returns the id of a set that is removed when the test ends.
func newSet(t testing.TB) int {
	id, err := sys.Semget(sys.IPC_PRIVATE, 1, sys.IPC_CREAT|0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sys.Semctl(id, 0, sys.IPC_RMID) })
	return id
}

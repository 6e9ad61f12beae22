//go:build linux && !android

package kit

import (
	"encoding/binary"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// SystemCalls counts those of a process from now on, of the threads that it has and of
// those that these start, until the test ends (perf_event_open(2), the tracepoint
// raw_syscalls:sys_enter). It skips where that can't be had.
func SystemCalls(t testing.TB, pid int) (soFar func() uint64) {
	t.Helper()
	id, err := os.ReadFile("/sys/kernel/tracing/events/raw_syscalls/sys_enter/id")
	if err != nil {
		t.Skipf("skipping, %v: as root, mount -t tracefs none /sys/kernel/tracing", err)
	}
	tracepoint, err := strconv.ParseUint(strings.TrimSpace(string(id)), 10, 64)
	Must(t, err)
	threads, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
	Must(t, err)
	var events []*os.File
	for _, thread := range threads {
		tid, err := strconv.Atoi(thread.Name())
		Must(t, err)
		fd, err := unix.PerfEventOpen(&unix.PerfEventAttr{
			Type: unix.PERF_TYPE_TRACEPOINT, Size: unix.PERF_ATTR_SIZE_VER0, Config: tracepoint, Bits: unix.PerfBitInherit,
		}, tid, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
		if err == unix.EACCES || err == unix.EPERM || err == unix.ENOSYS {
			t.Skipf("skipping, perf_event_open: %v: run as root, on a kernel and not on an emulator", err)
		}
		Must(t, err)
		events = append(events, os.NewFile(uintptr(fd), "perf"))
	}
	t.Cleanup(func() {
		for _, e := range events {
			e.Close()
		}
	})
	return func() (n uint64) {
		for _, e := range events {
			var count [8]byte
			_, err := e.Read(count[:])
			Must(t, err)
			n += binary.NativeEndian.Uint64(count[:])
		}
		return n
	}
}

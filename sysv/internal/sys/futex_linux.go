//go:build linux && !android

package sys

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	futexWaitBitset = 9
	futexWakeBitset = 10
)

// FutexWait is FUTEX_WAIT_BITSET on memory that processes share: it sleeps while
// *word is value, until a FutexWake with one of the mask's bits. That is EAGAIN if
// the word is another, ETIMEDOUT once Monotonic is past end, and EINTR after a
// signal. Memory that may only be read will do.
func FutexWait(word *uint32, value, mask uint32, end time.Duration) error {
	ts := newTimespec(end)
	_, _, errno := unix.Syscall6(sysFutex, uintptr(unsafe.Pointer(word)), futexWaitBitset,
		uintptr(value), uintptr(unsafe.Pointer(&ts)), 0, uintptr(mask))
	return check(errno)
}

// FutexWake is FUTEX_WAKE_BITSET: it wakes n of those who sleep on the word with
// one of the mask's bits, and returns how many there were. It does not sleep, so
// that Go's scheduler need not know.
func FutexWake(word *uint32, n int, mask uint32) (woken int, err error) {
	r, _, errno := syscall.RawSyscall6(sysFutex, uintptr(unsafe.Pointer(word)), futexWakeBitset,
		uintptr(n), 0, 0, uintptr(mask))
	return int(r), check(errno)
}

// Monotonic is CLOCK_MONOTONIC now, see clock_gettime(2).
func Monotonic() (time.Duration, error) {
	var ts unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return time.Duration(ts.Nano()), err
}

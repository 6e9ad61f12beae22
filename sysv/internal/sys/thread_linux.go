//go:build linux && !android

package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// interrupt is the signal that ends a blocking call in this process. Go's
// runtime handles it in every program, for the preemption of goroutines, and
// takes one that it did not send for a stray.
const interrupt = unix.SIGURG

// Thread returns the calling thread's id, which means something only while the
// goroutine is locked to it.
func Thread() int { return unix.Gettid() }

// Interrupt makes a system call that the thread sleeps in fail with EINTR. If
// the thread is not in one it does nothing.
func Interrupt(thread int) error {
	return unix.Tgkill(unix.Getpid(), thread, interrupt)
}

// Interruptible tells whether [Interrupt] can reach the calling thread: whether
// no sandbox forbids to send signals, and the signal has a handler and is not
// blocked. Signal 0 is sent to nobody, see kill(2).
func Interruptible() bool {
	if unix.Tgkill(unix.Getpid(), unix.Gettid(), 0) != nil {
		return false
	}
	var mask unix.Sigset_t
	if unix.PthreadSigmask(unix.SIG_SETMASK, nil, &mask) != nil {
		return false
	}
	const word = uint(unsafe.Sizeof(mask.Val[0]) * 8)
	const bit = uint(interrupt - 1)
	if mask.Val[bit/word]>>(bit%word)&1 != 0 {
		return false
	}
	var action [32]uintptr // struct sigaction, which nowhere fills this
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(interrupt), 0,
		uintptr(unsafe.Pointer(&action)), sigsetSize, 0, 0)
	const dfl, ign = 0, 1
	handler := action[handlerWord]
	return errno == 0 && handler != dfl && handler != ign
}

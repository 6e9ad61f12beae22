//go:build linux && !android && !(386 || mips || mipsle)

package sys

import (
	"time"

	"golang.org/x/sys/unix"
)

const (
	sysSemtimedop = unix.SYS_SEMTIMEDOP
	sysFutex      = unix.SYS_FUTEX
)

type timespec = unix.Timespec

// maxTimeout fits into the 32-bit seconds of arm. Where it cuts a wait short,
// that ends with EAGAIN before its time.
const maxTimeout = 1 << 30 * time.Second

func newTimespec(d time.Duration) timespec {
	return unix.NsecToTimespec(int64(min(d, maxTimeout)))
}

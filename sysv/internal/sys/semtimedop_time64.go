//go:build linux && !android && (386 || mips || mipsle)

package sys

import (
	"time"

	"golang.org/x/sys/unix"
)

const (
	sysSemtimedop = unix.SYS_SEMTIMEDOP_TIME64
	sysFutex      = unix.SYS_FUTEX_TIME64
)

// timespec is struct __kernel_timespec, of 64-bit halves on 32-bit machines.
type timespec struct{ sec, nsec int64 }

func newTimespec(d time.Duration) timespec {
	return timespec{int64(d / time.Second), int64(d % time.Second)}
}

//go:build linux && !android

package kit

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Again starts the program once more, after prepare has changed what exec leaves
// as it is. In the program that is started it does nothing.
func Again(prepare func() error) error {
	const done = "SYSVIPC_AGAIN"
	if os.Getenv(done) != "" {
		return nil
	}
	runtime.LockOSThread()
	if err := prepare(); err != nil {
		return err
	}
	return syscall.Exec("/proc/self/exe", os.Args, append(os.Environ(), done+"=1"))
}

// StayOn starts the program again on one CPU alone, so that Go's runtime knows
// that there is only one.
func StayOn(cpu int) error {
	return Again(func() error {
		var cpus unix.CPUSet
		cpus.Set(cpu)
		return unix.SchedSetaffinity(0, &cpus)
	})
}

// BlockUrgent blocks SIGURG, which ends waits, in this thread.
func BlockUrgent() error { return maskUrgent(unix.SIG_BLOCK) }

// UnblockUrgent lets SIGURG come to this thread again.
func UnblockUrgent() error { return maskUrgent(unix.SIG_UNBLOCK) }

func maskUrgent(how int) error {
	var set unix.Sigset_t
	set.Val[0] = 1 << (unix.SIGURG - 1)
	return unix.PthreadSigmask(how, &set, nil)
}

// UrgentIn tells whether SIGURG is in a set of signals that ThreadStatus has.
func UrgentIn(set string) (bool, error) {
	bits, err := ThreadStatus(set)
	return bits>>(unix.SIGURG-1)&1 == 1, err
}

// WantUrgent is an error if SIGURG is not in such a set.
func WantUrgent(set string) error {
	in, err := UrgentIn(set)
	if err == nil && !in {
		err = fmt.Errorf("SIGURG is not in %s", set)
	}
	return err
}

// ThreadStatus is a set that /proc/thread-self/status shows of this thread, see
// proc_pid_status(5).
func ThreadStatus(set string) (bits uint64, err error) {
	status, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		return 0, err
	}
	_, rest, _ := bytes.Cut(status, []byte("\n"+set+":\t"))
	hex, _, _ := bytes.Cut(rest, []byte("\n"))
	return strconv.ParseUint(string(hex), 16, 64)
}

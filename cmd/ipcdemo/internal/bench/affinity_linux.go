package bench

import (
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// stayOn starts the program again on one CPU alone, so that Go's runtime knows
// that there is only one.
func stayOn(cpu int) error {
	const done = "IPCDEMO_PINNED"
	if os.Getenv(done) != "" {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	var allowed, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		return err
	}
	one.Set(nth(&allowed, cpu))
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return err
	}
	return syscall.Exec(self, os.Args, append(os.Environ(), done+"=1"))
}

// nth returns the CPU number n of those allowed, beginning again after the last.
func nth(allowed *unix.CPUSet, n int) int {
	n %= allowed.Count()
	cpu := 0
	for ; n > 0 || !allowed.IsSet(cpu); cpu++ {
		if allowed.IsSet(cpu) {
			n--
		}
	}
	return cpu
}

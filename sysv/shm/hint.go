package shm

import (
	"fmt"
	"os"

	"example.com/sysvipc/sysv/internal/sys"
)

// createHint explains an errno of shmget that means several things, by what
// the limits and their use are now. See ERRORS in shmget(2).
func createHint(errno sys.Errno, size int, cfg *Config) string {
	switch errno {
	case sys.EINVAL:
		if l, err := Limits(); err == nil && uint64(size) > l.ShmMax {
			return fmt.Sprintf("size %d is above %d (SHMMAX, kernel.shmmax)", size, l.ShmMax)
		}
		if cfg.HugePage != 0 {
			return "the machine has no huge pages of this size"
		}
	case sys.ENOSPC:
		return fullHint(size)
	case sys.ENOMEM:
		if cfg.HugePage != 0 {
			return "the pool has too few free huge pages (vm.nr_hugepages, HugePages_Free in /proc/meminfo)"
		}
		return fmt.Sprintf("%d bytes are more than memory and swap can back (vm.overcommit_memory; NoReserve sets none aside)", size)
	case sys.EPERM:
		if cfg.HugePage != 0 {
			return "huge pages need CAP_IPC_LOCK or the group in vm.hugetlb_shm_group"
		}
	}
	return ""
}

// fullHint tells which of the namespace's two limits ENOSPC stands for: the
// disk has nothing to do with it.
func fullHint(size int) string {
	l, err := Limits()
	if err != nil {
		return ""
	}
	u, err := Usage()
	if err != nil {
		return ""
	}
	if uint64(u.Segments) >= l.ShmMNI {
		return fmt.Sprintf("%d of %d segments in use (SHMMNI, kernel.shmmni)", u.Segments, l.ShmMNI)
	}
	page := uint64(os.Getpagesize())
	pages := (uint64(size) + page - 1) / page
	return fmt.Sprintf("%d pages asked for, %d of %d in use (SHMALL, kernel.shmall)", pages, u.Pages, l.ShmAll)
}

func lockHint(errno sys.Errno) string {
	if errno == sys.ENOMEM {
		return "more than RLIMIT_MEMLOCK (ulimit -l) lets this user lock"
	}
	return ""
}

// attachHint explains an errno of shmat that means several things. A removed id,
// which is EINVAL too, has been told apart by now.
func attachHint(cfg *AttachConfig) func(sys.Errno) string {
	return func(errno sys.Errno) string {
		switch {
		case errno == sys.EINVAL && cfg.Addr != 0:
			return fmt.Sprintf("address %#x is in use, reserved, or no multiple of SHMLBA (%d)", cfg.Addr, sys.SHMLBA())
		case errno == sys.ENOMEM:
			return "no room left in the address space, or RLIMIT_AS or vm.max_map_count reached"
		}
		return ""
	}
}

package sem

import (
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/sys"
)

// Stat is what the kernel knows about a set, struct semid_ds of semctl(2).
// Times are whole seconds, zero for never.
type Stat struct {
	// ID is the kernel's id, 0 or more.
	ID int
	// Perm is its owner and permissions.
	sysv.Perm
	// Len is how many semaphores it has (sem_nsems).
	Len int
	// OTime is when an operation was last performed, CTime when the set was
	// created, or its permissions or a value were last set.
	OTime, CTime time.Time
}

// List returns all sets of the caller's IPC namespace, whatever their
// permissions, in the order of ipcs(1). It is no snapshot: sets that come or go
// meanwhile may be in it or not. It reads /proc/sysvipc/sem, see proc(5), or
// where there is no /proc asks with SEM_STAT_ANY, which needs Linux 4.17.
func List() ([]Stat, error) { return kind.List() }

// SystemLimits are the limits of the caller's IPC namespace. The first four
// are the numbers in /proc/sys/kernel/sem, in that order. See semget(2).
type SystemLimits struct {
	SemMSL int // semaphores in a set
	SemMNS int // semaphores in all sets together
	SemOPM int // operations in one Do
	SemMNI int // sets
	SemVMX int // largest value of a semaphore: 32767
	SemAEM int // largest adjustment that Undo remembers: 32767
}

// Limits returns the limits in force (IPC_INFO).
func Limits() (SystemLimits, error) {
	info, err := sys.SemLimitsInfo()
	if err != nil {
		return SystemLimits{}, kind.Error("semctl", sysv.Private, -1, err, nil)
	}
	return SystemLimits{
		SemMSL: int(info.MSL),
		SemMNS: int(info.MNS),
		SemOPM: int(info.OPM),
		SemMNI: int(info.MNI),
		SemVMX: int(info.VMX),
		SemAEM: int(info.AEM),
	}, nil
}

// SystemUsage is what all sets of the namespace take up together.
type SystemUsage struct {
	Sets       int // number of sets, which SemMNI limits
	Semaphores int // in all of them together, which SemMNS limits
}

// Usage returns what is in use (SEM_INFO).
func Usage() (SystemUsage, error) {
	_, info, err := sys.SemUsageInfo()
	if err != nil {
		return SystemUsage{}, kind.Error("semctl", sysv.Private, -1, err, nil)
	}
	return SystemUsage{Sets: int(info.USZ), Semaphores: int(info.AEM)}, nil
}

package shm

import (
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/proc"
	"example.com/sysvipc/sysv/internal/sys"
)

// Stat is what the kernel knows about a segment, struct shmid_ds of shmctl(2).
// Times are whole seconds, zero for never. Process ids are as seen from the
// caller's PID namespace: 0 for a process that is not visible there.
type Stat struct {
	// ID is the kernel's id, 0 or more.
	ID int
	// Perm is its owner and permissions.
	sysv.Perm
	// Size is in bytes as asked for at creation, not rounded up to pages. A
	// 32-bit process is told a larger one modulo 1<<32, except by List.
	Size int64
	// Nattch counts the attachments of all processes.
	Nattch int
	// ATime and DTime are when it was last attached and detached, CTime when it
	// was created or its permissions were last changed.
	ATime, DTime, CTime time.Time
	// CPID is the process that created it, LPID the last that attached or
	// detached.
	CPID, LPID int
	// Dest says that the segment is removed and waits for its last detach
	// (SHM_DEST), Locked that LockPages is in force (SHM_LOCKED).
	Dest, Locked bool
	// RSS and Swap are how many bytes are in memory and in swap. Only List
	// knows, and only where /proc is mounted. Of segments in huge pages Linux
	// reports too much.
	RSS, Swap int64
}

// List returns all segments of the caller's IPC namespace, whatever their
// permissions, in the order of ipcs(1). It is no snapshot: segments that come
// or go meanwhile may be in it or not. It reads /proc/sysvipc/shm, see proc(5),
// or where there is no /proc asks with SHM_STAT_ANY, which needs Linux 4.17.
func List() ([]Stat, error) { return kind.List() }

// SystemLimits are the limits of the caller's IPC namespace, the files of the
// same names in /proc/sys/kernel. See shmget(2).
type SystemLimits struct {
	ShmMax uint64 // largest size of a segment, in bytes
	ShmMin uint64 // smallest size of a segment, in bytes: 1
	ShmAll uint64 // pages of all segments together
	ShmMNI uint64 // number of segments
}

// Limits returns the limits in force, from /proc/sys/kernel, or where there is
// no /proc from IPC_INFO, which cuts the first and third to 32 bits for a
// 32-bit process.
func Limits() (SystemLimits, error) {
	info, err := sys.ShmLimitsInfo()
	if err != nil {
		return SystemLimits{}, kind.Error("shmctl", sysv.Private, -1, err, nil)
	}
	return SystemLimits{
		ShmMax: sysctl("shmmax", info.Max),
		ShmMin: uint64(info.Min),
		ShmAll: sysctl("shmall", info.All),
		ShmMNI: sysctl("shmmni", info.MNI),
	}, nil
}

func sysctl(name string, fallback uint) uint64 {
	if vals, err := proc.Sysctl(name); err == nil {
		return vals[0]
	}
	return uint64(fallback)
}

// SystemUsage is what all segments of the namespace take up together.
type SystemUsage struct {
	Segments int    // those removed but still attached included
	Pages    uint64 // what they may take, in pages; kernel.shmall limits it
	Resident uint64 // of these, pages in memory
	Swapped  uint64 // of these, pages in swap
}

// Usage returns what is in use (SHM_INFO).
func Usage() (SystemUsage, error) {
	_, u, err := sys.ShmUsageInfo()
	if err != nil {
		return SystemUsage{}, kind.Error("shmctl", sysv.Private, -1, err, nil)
	}
	return SystemUsage{
		Segments: int(u.Segments),
		Pages:    uint64(u.Total),
		Resident: uint64(u.RSS),
		Swapped:  uint64(u.Swapped),
	}, nil
}

//go:build linux && !android

package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Shmget is shmget(2).
func Shmget(key int32, size, flags int) (id int, err error) {
	return unix.SysvShmGet(int(key), size, flags)
}

// Shmat is shmat(2). This is the one place where an address from the kernel
// becomes a pointer. The memory is not Go's: the garbage collector neither
// moves nor frees it, and the pointer is valid until [Shmdt] of the same.
func Shmat(id int, addr uintptr, flags int) (unsafe.Pointer, error) {
	r, _, errno := unix.Syscall(unix.SYS_SHMAT, uintptr(id), addr, uintptr(flags))
	if errno != 0 {
		return nil, errno
	}
	// Reading the result's bits as a pointer says the same as
	// unsafe.Pointer(r), which go vet refuses because it can't know that r is
	// no address of Go's heap.
	return *(*unsafe.Pointer)(unsafe.Pointer(&r)), nil
}

// Shmdt is shmdt(2).
func Shmdt(addr unsafe.Pointer) error {
	_, _, errno := unix.Syscall(unix.SYS_SHMDT, uintptr(addr), 0, 0)
	return check(errno)
}

// Inherit is madvise(2) with MADV_DOFORK or MADV_DONTFORK, for an attached
// segment.
func Inherit(mem []byte, yes bool) error {
	advice := unix.MADV_DONTFORK
	if yes {
		advice = unix.MADV_DOFORK
	}
	return unix.Madvise(mem, advice)
}

// ShmStat is IPC_STAT.
func ShmStat(id int) (Shm, error) {
	var d unix.SysvShmDesc
	if _, err := unix.SysvShmCtl(id, IPC_STAT, &d); err != nil {
		return Shm{}, err
	}
	return shmFrom(&d), nil
}

// ShmStatAny is SHM_STAT_ANY (Linux 4.17): the segment at an index of the
// kernel's table, whatever its permissions, and its id.
func ShmStatAny(index int) (id int, s Shm, err error) {
	var d unix.SysvShmDesc
	id, err = unix.SysvShmCtl(index, SHM_STAT_ANY, &d)
	if err != nil {
		return 0, Shm{}, err
	}
	return id, shmFrom(&d), nil
}

// ShmSet is IPC_SET. The kernel takes the owner and the permissions from the
// struct and nothing else (ipc_update_perm in ipc/util.c).
func ShmSet(id int, uid, gid, mode uint32) error {
	var d unix.SysvShmDesc
	setPerm(&d.Perm, uid, gid, mode)
	_, err := unix.SysvShmCtl(id, IPC_SET, &d)
	return err
}

// Shmctl is shmctl(2) for the commands without an argument: IPC_RMID,
// SHM_LOCK and SHM_UNLOCK.
func Shmctl(id, cmd int) error {
	_, err := unix.SysvShmCtl(id, cmd, nil)
	return err
}

type shminfo64 struct {
	ShmLimits
	_ [4]uint
}

// ShmLimitsInfo is IPC_INFO.
func ShmLimitsInfo() (ShmLimits, error) {
	var info shminfo64
	_, err := shmctl(0, IPC_INFO, unsafe.Pointer(&info))
	return info.ShmLimits, err
}

type shmInfo struct {
	ShmUsage
	_, _ uint // swap_attempts, swap_successes: unused since Linux 2.4
}

// ShmUsageInfo is SHM_INFO, with the highest index in use.
func ShmUsageInfo() (max int, u ShmUsage, err error) {
	var info shmInfo
	max, err = shmctl(0, SHM_INFO, unsafe.Pointer(&info))
	return max, info.ShmUsage, err
}

func shmctl(id, cmd int, arg unsafe.Pointer) (int, error) {
	r, _, errno := unix.Syscall(unix.SYS_SHMCTL, uintptr(id), uintptr(cmd|ipc64), uintptr(arg))
	return int(r), check(errno)
}

func shmFrom(d *unix.SysvShmDesc) Shm {
	s := Shm{
		Perm:   permFrom(&d.Perm),
		Size:   uint64(d.Segsz),
		CPID:   d.Cpid,
		LPID:   d.Lpid,
		Nattch: uint64(d.Nattch),
	}
	s.ATime, s.DTime, s.CTime = shmTimes(d)
	return s
}

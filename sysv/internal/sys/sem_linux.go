//go:build linux && !android

package sys

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Semget is semget(2).
func Semget(key int32, nsems, flags int) (id int, err error) {
	r, _, errno := unix.Syscall(unix.SYS_SEMGET, uintptr(key), uintptr(nsems), uintptr(flags))
	return int(r), check(errno)
}

// SemopNoWait is semop(2) without telling Go's scheduler, which costs as much
// as the call itself. Every op must carry IPC_NOWAIT: a call that sleeps here
// would keep its processor from all other goroutines. It returns an Errno and
// not an error, so that nothing is allocated, and 0 for success.
func SemopNoWait(id int, ops []Sembuf) Errno {
	// package syscall's function, because x/sys reaches it by a detour.
	_, _, errno := syscall.RawSyscall6(sysSemtimedop, uintptr(id),
		uintptr(unsafe.Pointer(unsafe.SliceData(ops))), uintptr(len(ops)), 0, 0, 0)
	return errno
}

// Semtimedop is semtimedop(2); without a timeout, which a negative one stands
// for, it is semop(2).
func Semtimedop(id int, ops []Sembuf, timeout time.Duration) error {
	var ts timespec
	var limit *timespec
	if timeout >= 0 {
		ts = newTimespec(timeout)
		limit = &ts
	}
	_, _, errno := unix.Syscall6(sysSemtimedop, uintptr(id),
		uintptr(unsafe.Pointer(unsafe.SliceData(ops))), uintptr(len(ops)),
		uintptr(unsafe.Pointer(limit)), 0, 0)
	return check(errno)
}

// SemStat is IPC_STAT.
func SemStat(id int) (Sem, error) {
	var d semidDS
	_, err := semctlPtr(id, 0, IPC_STAT, unsafe.Pointer(&d))
	if err != nil {
		return Sem{}, err
	}
	return semFrom(&d), nil
}

// SemStatAny is SEM_STAT_ANY (Linux 4.17): the set at an index of the kernel's
// table, whatever its permissions, and its id.
func SemStatAny(index int) (id int, s Sem, err error) {
	var d semidDS
	id, err = semctlPtr(index, 0, SEM_STAT_ANY, unsafe.Pointer(&d))
	if err != nil {
		return 0, Sem{}, err
	}
	return id, semFrom(&d), nil
}

// SemSet is IPC_SET. The kernel takes the owner and the permissions from the
// struct and nothing else (ipc_update_perm in ipc/util.c).
func SemSet(id int, uid, gid, mode uint32) error {
	var d semidDS
	setPerm(&d.Perm, uid, gid, mode)
	_, err := semctlPtr(id, 0, IPC_SET, unsafe.Pointer(&d))
	return err
}

// Semctl is semctl(2) for the commands without an argument: IPC_RMID, GETVAL,
// GETPID, GETNCNT and GETZCNT.
func Semctl(id, num, cmd int) (int, error) {
	return semctlPtr(id, num, cmd, nil)
}

// SemSetval is SETVAL. Its argument is an int in a union that the kernel takes
// as one unsigned long, so that a 64-bit big-endian machine has it in the
// upper half.
func SemSetval(id, num, val int) error {
	_, _, errno := unix.Syscall6(unix.SYS_SEMCTL, uintptr(id), uintptr(num),
		SETVAL|ipc64, uintptr(uint64(uint32(val))<<semunIntShift), 0, 0)
	return check(errno)
}

// SemGetall is GETALL. The kernel copies as many values as the set has then,
// whatever the length of vals: unless that set is certain, vals must end where
// MapValues ends.
func SemGetall(id int, vals []uint16) error {
	_, err := semctlPtr(id, 0, GETALL, unsafe.Pointer(unsafe.SliceData(vals)))
	return err
}

// SemSetall is SETALL. The kernel reads as many values as the set has then, as
// in SemGetall.
func SemSetall(id int, vals []uint16) error {
	_, err := semctlPtr(id, 0, SETALL, unsafe.Pointer(unsafe.SliceData(vals)))
	return err
}

// SemLimitsInfo is IPC_INFO.
func SemLimitsInfo() (info SemInfo, err error) {
	_, err = semctlPtr(0, 0, IPC_INFO, unsafe.Pointer(&info))
	return info, err
}

// SemUsageInfo is SEM_INFO, with the highest index in use.
func SemUsageInfo() (max int, info SemInfo, err error) {
	max, err = semctlPtr(0, 0, SEM_INFO, unsafe.Pointer(&info))
	return max, info, err
}

func semctlPtr(id, num, cmd int, arg unsafe.Pointer) (int, error) {
	r, _, errno := unix.Syscall6(unix.SYS_SEMCTL, uintptr(id), uintptr(num),
		uintptr(cmd|ipc64), uintptr(arg), 0, 0)
	return int(r), check(errno)
}

func semFrom(d *semidDS) Sem {
	s := Sem{Perm: permFrom(&d.Perm), Nsems: uint64(d.Nsems)}
	s.OTime, s.CTime = d.times()
	return s
}

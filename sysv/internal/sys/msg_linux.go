//go:build linux && !android

package sys

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Msgget is msgget(2).
func Msgget(key int32, flags int) (id int, err error) {
	r, _, errno := unix.Syscall(unix.SYS_MSGGET, uintptr(key), uintptr(flags), 0)
	return int(r), check(errno)
}

// MsgsndNoWait is msgsnd(2) with IPC_NOWAIT, without telling Go's scheduler, as
// [SemopNoWait] is. It sends n bytes of m, after its type.
func MsgsndNoWait(id int, m Msgbuf, n int) Errno {
	_, _, errno := syscall.RawSyscall6(unix.SYS_MSGSND, uintptr(id),
		uintptr(unsafe.Pointer(unsafe.SliceData(m))), uintptr(n), IPC_NOWAIT, 0, 0)
	return errno
}

// Msgsnd is msgsnd(2).
func Msgsnd(id int, m Msgbuf, n int) error {
	_, _, errno := unix.Syscall6(unix.SYS_MSGSND, uintptr(id),
		uintptr(unsafe.Pointer(unsafe.SliceData(m))), uintptr(n), 0, 0, 0)
	return check(errno)
}

// MsgrcvNoWait is msgrcv(2) with IPC_NOWAIT, without telling Go's scheduler. It
// receives at most size bytes into m, and returns how many. With conversions in
// it the compiler would not inline it, and every return after a system call
// counts.
func MsgrcvNoWait(id int, m Msgbuf, size, typ, flags uintptr) (int, Errno) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_MSGRCV, uintptr(id),
		uintptr(unsafe.Pointer(unsafe.SliceData(m))), size, typ, flags|IPC_NOWAIT, 0)
	return int(n), errno
}

// Msgrcv is msgrcv(2).
func Msgrcv(id int, m Msgbuf, size, typ, flags uintptr) (n int, err error) {
	r, _, errno := unix.Syscall6(unix.SYS_MSGRCV, uintptr(id),
		uintptr(unsafe.Pointer(unsafe.SliceData(m))), size, typ, flags, 0)
	return int(r), check(errno)
}

// MsgStat is IPC_STAT.
func MsgStat(id int) (Msg, error) {
	var d msqidDS
	if _, err := msgctl(id, IPC_STAT, unsafe.Pointer(&d)); err != nil {
		return Msg{}, err
	}
	return msgFrom(&d), nil
}

// MsgStatAny is MSG_STAT_ANY (Linux 4.17): the queue at an index of the kernel's
// table, whatever its permissions, and its id. An id stands for its index
// (ipc_obtain_object_idr in ipc/util.c).
func MsgStatAny(index int) (id int, m Msg, err error) {
	var d msqidDS
	id, err = msgctl(index, MSG_STAT_ANY, unsafe.Pointer(&d))
	if err != nil {
		return 0, Msg{}, err
	}
	return id, msgFrom(&d), nil
}

// MsgSet is IPC_SET. The kernel takes the owner, the permissions and qbytes from
// the struct, always all of them, and nothing else (msgctl_down in ipc/msg.c).
func MsgSet(id int, uid, gid, mode uint32, qbytes uint64) error {
	d := msqidDS{QBytes: uint(qbytes)}
	setPerm(&d.Perm, uid, gid, mode)
	_, err := msgctl(id, IPC_SET, unsafe.Pointer(&d))
	return err
}

// MsgRemove is IPC_RMID.
func MsgRemove(id int) error {
	_, err := msgctl(id, IPC_RMID, nil)
	return err
}

// MsgLimitsInfo is IPC_INFO.
func MsgLimitsInfo() (info MsgInfo, err error) {
	_, err = msgctl(0, IPC_INFO, unsafe.Pointer(&info))
	return info, err
}

// MsgUsageInfo is MSG_INFO, with the highest index in use.
func MsgUsageInfo() (max int, info MsgInfo, err error) {
	max, err = msgctl(0, MSG_INFO, unsafe.Pointer(&info))
	return max, info, err
}

func msgctl(id, cmd int, arg unsafe.Pointer) (int, error) {
	r, _, errno := unix.Syscall(unix.SYS_MSGCTL, uintptr(id), uintptr(cmd|ipc64), uintptr(arg))
	return int(r), check(errno)
}

func msgFrom(d *msqidDS) Msg {
	m := Msg{
		Perm:   permFrom(&d.Perm),
		CBytes: uint64(d.CBytes),
		QNum:   uint64(d.QNum),
		QBytes: uint64(d.QBytes),
		LSPID:  d.LSPID,
		LRPID:  d.LRPID,
	}
	m.STime, m.RTime, m.CTime = d.times()
	return m
}

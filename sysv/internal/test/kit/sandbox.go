//go:build linux && !android

package kit

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Refuse lets a system call of the calling thread fail where one of its arguments
// has this value, as under a sandbox's filter or an older kernel: seccomp(2).
func Refuse(call, argument, value uint32, errno unix.Errno) error {
	return refuse(0, call, argument, value, errno)
}

// RefuseAll is Refuse for every thread of the process.
func RefuseAll(call, argument, value uint32, errno unix.Errno) error {
	return refuse(unix.SECCOMP_FILTER_FLAG_TSYNC, call, argument, value, errno)
}

func refuse(flags uintptr, call, argument, value uint32, errno unix.Errno) error {
	const arguments = 16 // where they begin in struct seccomp_data
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // seccomp_data.nr
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: call, Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: arguments + 8*argument},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: value, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	_, _, failed := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&program)))
	runtime.KeepAlive(filter)
	if failed != 0 {
		return failed
	}
	return nil
}

// HideFiles forbids the calling thread to read any file, as a sandbox by
// Landlock may (Linux 5.13).
func HideFiles() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	rules := unix.LandlockRulesetAttr{Handled_access_fs: unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR}
	const size = unsafe.Sizeof(rules.Handled_access_fs) // all that the first version knows
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&rules)), size, 0)
	if errno != 0 {
		return errno
	}
	defer unix.Close(int(fd))
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

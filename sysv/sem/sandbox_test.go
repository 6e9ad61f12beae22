//go:build linux && !android

package sem_test

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/emulator"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/sysvtest"
)

// sandboxed asks for a set where semget(2) does not exist, as under a seccomp
// filter or, on some architectures, before Linux 5.1.
var sandboxed = sysvtest.Helper("sandboxed", func([]string) error {
	runtime.LockOSThread()
	if err := without(unix.SYS_SEMGET); err != nil {
		return err
	}
	_, err := sem.Create(sysv.Private, []int{1}, nil)
	fmt.Println(errors.Is(err, errors.ErrUnsupported), err)
	return nil
})

// without makes a system call answer ENOSYS to the calling thread (seccomp(2)).
func without(number uint32) error {
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // seccomp_data.nr
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: number, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0)
	runtime.KeepAlive(filter)
	return err
}

func TestWhereTheKernelLacksTheCall(t *testing.T) {
	cmd := sysvtest.Command(sandboxed)
	emulator.Filters.Skip(t)
	p := sysvtest.StartCommand(t, cmd)
	p.Expect("true semget: function not implemented (a sandbox forbids it, the kernel lacks CONFIG_SYSVIPC, or it is older than Linux 5.1 on 386, mips, ppc64 or s390x)")
	p.Finish()
}

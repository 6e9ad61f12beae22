//go:build linux && !android

package sem_test

import (
	"errors"
	"fmt"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/emulator"
	"example.com/sysvipc/sysv/internal/kit"
	"example.com/sysvipc/sysv/internal/sys"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/sysvtest"
)

// sandboxed asks for a set where semget(2) does not exist, as under a seccomp
// filter or, on some architectures, before Linux 5.1.
var sandboxed = sysvtest.Helper("sandboxed", func([]string) error {
	runtime.LockOSThread()
	if err := kit.Refuse(unix.SYS_SEMGET, 0, sys.IPC_PRIVATE, unix.ENOSYS); err != nil {
		return err
	}
	_, err := sem.Create(sysv.Private, []int{1}, nil)
	fmt.Println(errors.Is(err, errors.ErrUnsupported), err)
	return nil
})

func TestWhereTheKernelLacksTheCall(t *testing.T) {
	cmd := sysvtest.Command(sandboxed)
	emulator.Filters.Skip(t)
	p := sysvtest.StartCommand(t, cmd)
	p.Expect("true semget: function not implemented (a sandbox forbids it, the kernel lacks CONFIG_SYSVIPC, or it is older than Linux 5.1 on 386, mips, ppc64 or s390x)")
	p.Finish()
}

//go:build linux && !android

package sem_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/sys"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
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

// waitWithoutSignals waits where a sandbox lets no thread send signals.
var waitWithoutSignals = sysvtest.Helper("wait-without-signals", func([]string) error {
	set, err := sem.Create(sysv.Private, []int{0}, nil)
	if err != nil {
		return err
	}
	defer set.Remove()
	for signal := range uint32(65) {
		if err := kit.RefuseAll(unix.SYS_TGKILL, 2, signal, unix.EPERM); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, cancel)
	fmt.Println("cancelled:", errors.Is(set.Do(ctx, sem.Op{Delta: -1}), context.Canceled))
	ctx, cancel = context.WithTimeout(context.Background(), time.Hour)
	time.AfterFunc(50*time.Millisecond, cancel)
	fmt.Println("cancelled long before its deadline:", errors.Is(set.Do(ctx, sem.Op{Delta: -1}), context.Canceled))
	ctx, cancel = context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	fmt.Println("over:", errors.Is(set.Do(ctx, sem.Op{Delta: -1}), context.DeadlineExceeded))
	return nil
})

// A wait that no signal can end looks for itself whether its context has.
func TestWhereNoSignalCanBeSent(t *testing.T) {
	cmd := sysvtest.Command(waitWithoutSignals)
	emulator.Filters.Skip(t)
	p := sysvtest.StartCommand(t, cmd)
	p.Expect("ready")
	p.Expect("cancelled: true")
	p.Expect("cancelled long before its deadline: true")
	p.Expect("over: true")
	p.Finish()
}

func TestWhereTheKernelLacksTheCall(t *testing.T) {
	cmd := sysvtest.Command(sandboxed)
	emulator.Filters.Skip(t)
	p := sysvtest.StartCommand(t, cmd)
	p.Expect("true semget: function not implemented (a sandbox forbids it, the kernel lacks CONFIG_SYSVIPC, or it is older than Linux 5.1 on 386, mips, ppc64 or s390x)")
	p.Finish()
}

//go:build linux && !android

package msg_test

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/emulator"
	"example.com/sysvipc/sysv/internal/kit"
	"example.com/sysvipc/sysv/internal/sys"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sysvtest"
)

// A rule makes a system call fail that has a value in its arguments.
type rule struct {
	call     uint32
	argument uint32
	value    uint32
	errno    unix.Errno
}

// olderKernel does what a kernel answers that lacks what came later or was left
// out.
var olderKernel = sysvtest.Helper("older kernel", func([]string) error {
	runtime.LockOSThread()
	q, err := msg.Create(sysv.Private, nil)
	if err != nil {
		return err
	}
	defer q.Remove()
	err = apply(
		rule{unix.SYS_MSGRCV, 4, sys.MSG_COPY | sys.IPC_NOWAIT, unix.ENOSYS},
		rule{unix.SYS_MSGCTL, 1, sys.MSG_STAT_ANY, unix.EINVAL},
		rule{unix.SYS_MSGGET, 0, 0x4d2, unix.ENOSYS})
	if err != nil {
		return err
	}
	_, _, err = q.Peek(0, nil)
	fmt.Println(err)
	_, err = msg.Open(0x4d2, nil)
	fmt.Println(errors.Is(err, errors.ErrUnsupported), err)

	if err := q.SetMode(0o200); err != nil {
		return err
	}
	stats, err := msg.List()
	for _, stat := range stats {
		if stat.ID == q.ID() {
			fmt.Println(stat.MaxBytes, err)
		}
	}
	fmt.Println(q.SetMode(0o600))
	return nil
})

// apply lets system calls of the calling thread fail (seccomp(2)).
func apply(rules ...rule) error {
	const data = 4 // bytes before the arguments in struct seccomp_data: nr, arch, instruction_pointer
	var filter []unix.SockFilter
	for _, r := range rules {
		filter = append(filter,
			unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0},
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: r.call, Jf: 3},
			unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 4*data + 8*r.argument},
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: r.value, Jf: 1},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(r.errno)})
	}
	filter = append(filter, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0)
	runtime.KeepAlive(filter)
	return err
}

func TestOlderKernel(t *testing.T) {
	cmd := kit.Ordinary(sysvtest.Command(olderKernel))
	emulator.Filters.Skip(t)
	p := sysvtest.StartCommand(t, cmd)
	const failure = "msgrcv queue %d: function not implemented (to look at a message without taking it, the kernel needs CONFIG_CHECKPOINT_RESTORE)"
	var id int
	line := p.Line()
	if _, err := fmt.Sscanf(line, failure, &id); err != nil {
		t.Errorf("Peek: %s", line)
	}
	p.Expect("true msgget key 0x000004d2: function not implemented (a sandbox forbids it, the kernel lacks CONFIG_SYSVIPC, or it is older than Linux 5.1 on 386, mips, ppc64 or s390x)")
	p.Expect("0 <nil>")
	p.Expect(fmt.Sprintf("msgctl queue %d: permission denied (IPC_SET sets MaxBytes too, and to read what it is needs read permission, or Linux 4.17)", id))
	p.Finish()
}

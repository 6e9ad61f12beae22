//go:build linux && !android

package msg_test

import (
	"errors"
	"fmt"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/sys"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sysvtest"
)

// olderKernel does what a kernel answers that lacks what came later or was left
// out.
var olderKernel = sysvtest.Helper("older kernel", func([]string) error {
	runtime.LockOSThread()
	q, err := msg.Create(sysv.Private, nil)
	if err != nil {
		return err
	}
	defer q.Remove()
	err = errors.Join(
		kit.Refuse(unix.SYS_MSGRCV, 4, sys.MSG_COPY|sys.IPC_NOWAIT, unix.ENOSYS),
		kit.Refuse(unix.SYS_MSGCTL, 1, sys.MSG_STAT_ANY, unix.EINVAL),
		kit.Refuse(unix.SYS_MSGGET, 0, 0x4d2, unix.ENOSYS))
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

// removedMeanwhile asks for the MaxBytes of a queue that is removed after IPC_STAT
// was refused, and whose place in the kernel's table another has got: an id counts
// for MSG_STAT_ANY as the place that it names.
var removedMeanwhile = sysvtest.Helper("removed meanwhile", func([]string) error {
	runtime.LockOSThread()
	old, err := msg.Create(sysv.Private, nil)
	if err != nil {
		return err
	}
	if err := old.Remove(); err != nil {
		return err
	}
	next, err := queueInThePlaceOf(old.ID())
	if err != nil {
		return err
	}
	defer next.Remove()
	if err := kit.Refuse(unix.SYS_MSGCTL, 1, sys.IPC_STAT, unix.EACCES); err != nil {
		return err
	}
	fmt.Println(msg.MaxBytesOf(next.ID()))
	fmt.Println(msg.MaxBytesOf(old.ID()))
	return nil
})

// queueInThePlaceOf returns a queue of 77 bytes whose id names the same place. Places
// are taken in turn (ipc_idr_alloc in ipc/util.c).
func queueInThePlaceOf(id int) (*msg.Queue, error) {
	for range 10_000 {
		q, err := msg.Create(sysv.Private, &msg.Config{MaxBytes: 77})
		if err != nil {
			return nil, err
		}
		if got, _, err := sys.MsgStatAny(id); err == nil && got == q.ID() && got != id {
			return q, nil
		}
		if err := q.Remove(); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("no queue gets the place")
}

func TestMaxBytesOfAnotherQueueInItsPlace(t *testing.T) {
	emulator.Filters.Skip(t)
	p := sysvtest.Start(t, removedMeanwhile)
	p.Expect("77 <nil>")
	p.Expect("0 permission denied")
	p.Finish()
}

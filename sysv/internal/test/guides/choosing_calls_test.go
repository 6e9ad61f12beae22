//go:build linux && !android && (amd64 || arm64)

package guides

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/sysvtest"
	"golang.org/x/sys/unix"
)

// While nobody else wants it a lock of package lock does without the calls of
// semaphores: here they are refused.
var withoutCalls = sysvtest.Helper("without calls", func([]string) error {
	ctx := context.Background()
	g, err := lock.Create(ctx, sysv.Private, 1, nil)
	if err != nil {
		return err
	}
	m := g.Mutex(0)
	pair := func() error {
		_, err := m.Lock(ctx)
		return errors.Join(err, m.Unlock())
	}
	st, err := g.Stat()
	if err := errors.Join(err, pair()); err != nil { // the first arms it
		return err
	}
	set, err := sem.OpenID(st.SetID)
	if err != nil {
		return err
	}
	err = errors.Join(
		kit.RefuseAll(unix.SYS_SEMTIMEDOP, 0, uint32(st.SetID), unix.EPERM),
		kit.RefuseAll(unix.SYS_SEMOP, 0, uint32(st.SetID), unix.EPERM))
	if err != nil {
		return err
	}
	if _, err := set.Try(sem.Op{}); !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("the calls are not refused: %v", err)
	}
	for range 1000 {
		if err := pair(); err != nil {
			return err
		}
	}
	return g.Remove()
})

func TestChoosingWithoutCalls(t *testing.T) {
	emulator.Filters.Skip(t)
	if out, err := sysvtest.Command(withoutCalls).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

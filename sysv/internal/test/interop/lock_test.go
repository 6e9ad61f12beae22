//go:build linux && !android

package interop_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

// Two goroutines and the peer count in one segment under one lock: each of them
// without it would overwrite what the others counted.
func TestCount(t *testing.T) {
	const n = 2000
	eachMaker(t, func(t *testing.T, l language, byGo bool) {
		p, key := l.start(t), newKey(t)
		if !byGo {
			p.do("make-segment", key, 4096)
			p.do("make-set", key, 1)
		}
		set, err := l.lock(kit.Patient(t), key)
		kit.Must(t, err)
		seg, created, err := shm.OpenOrCreate(key, 4096, nil)
		kit.Must(t, err)
		if created != byGo {
			t.Errorf("created %v, want %v", created, byGo)
		}
		counter, err := shm.View[uint32](attach(t, seg), 0)
		kit.Must(t, err)
		*counter = 0 // sysv_ipc fills segments with blanks

		ctx, lock := kit.Patient(t), set.Mutex(0)
		kit.Must(t, lock.Lock(ctx))
		p.begin("count", key, n)
		awaitWaiter(t, set) // so that all begin at once
		kit.Must(t, lock.Unlock())
		done := make(chan error)
		for range 2 {
			go func() { done <- count(ctx, lock, counter, n) }()
		}
		kit.Must(t, <-done)
		kit.Must(t, <-done)
		p.end()
		if *counter != 3*n {
			t.Errorf("counted %d, want %d", *counter, 3*n)
		}
	})
}

func count(ctx context.Context, lock *sem.Mutex, counter *uint32, n int) error {
	for range n {
		if err := lock.Lock(ctx); err != nil {
			return err
		}
		v := *counter
		runtime.Gosched() // time for who does not keep to the lock
		*counter = v + 1
		if err := lock.Unlock(); err != nil {
			return err
		}
	}
	return nil
}

func TestTheirDeathFreesTheLock(t *testing.T) {
	each(t, func(t *testing.T, l language) {
		p, key := l.start(t), newKey(t)
		set, err := l.lock(kit.Patient(t), key)
		kit.Must(t, err)
		lock := set.Mutex(0)
		p.do("lock", key)
		if ok, err := lock.TryLock(); ok || err != nil {
			t.Errorf("TryLock: %v, %v, want false", ok, err)
		}
		if pid, err := set.LastPID(0); pid != p.Process.Process.Pid || err != nil {
			t.Errorf("LastPID: %d, %v, want that of %s", pid, err, p)
		}
		p.Kill()
		kit.Must(t, lock.Lock(kit.Patient(t)))
		kit.Must(t, lock.Unlock())
	})
}

func TestOurDeathFreesTheLock(t *testing.T) {
	each(t, func(t *testing.T, l language) {
		key := newKey(t)
		ours := sysvtest.Start(t, holder, l.name, fmt.Sprint(int32(key)))
		ours.Expect("locked")
		p := l.start(t)
		p.begin("lock", key)
		awaitWaiter(t, findSet(t, key))
		ours.Kill()
		p.end()
		p.do("unlock", key)
	})
}

// holder takes a lock that it shares with a language, and keeps it.
var holder = sysvtest.Helper("holder", func(args []string) error {
	i := slices.IndexFunc(languages, func(l language) bool { return l.name == args[0] })
	key, err := sysv.ParseKey(args[1])
	if err != nil {
		return err
	}
	ctx := context.Background()
	set, err := languages[i].lock(ctx, key)
	if err != nil {
		return err
	}
	if err := set.Mutex(0).Lock(ctx); err != nil {
		return err
	}
	fmt.Println("locked")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
})

//go:build linux && !android

package lock_test

import (
	"context"
	"fmt"
	"log"
	"sync/atomic"
	"unsafe"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/lock"
)

// accounts lie in a group's memory, under a mutex. The sum of the two balances
// never changes; but whoever moves money can be killed between taking it from
// one and adding it to the other. So first he notes what they were, and then
// that his note holds: it is a journal of one entry. All are atomic, so that
// they are written in this order.
type accounts struct {
	balance [2]atomic.Int32
	noted   [2]atomic.Int32
	journal atomic.Uint32 // 1 while noted holds
}

// move moves money from one account to the other, with the mutex locked.
func (a *accounts) move(amount int32) {
	for i := range a.balance {
		a.noted[i].Store(a.balance[i].Load())
	}
	a.journal.Store(1)
	a.balance[0].Add(-amount)
	a.balance[1].Add(+amount)
	a.journal.Store(0)
}

// repair undoes what somebody has begun who died, with the mutex locked. It can
// be killed itself: the next one does it again.
func (a *accounts) repair() {
	if a.journal.Load() == 0 {
		return // before the first change, or after the last one
	}
	for i := range a.balance {
		a.balance[i].Store(a.noted[i].Load())
	}
	a.journal.Store(0)
}

// transfer is what every process calls.
func transfer(ctx context.Context, m *lock.Mutex, a *accounts, amount int32) error {
	abandoned, err := m.Lock(ctx)
	if err != nil {
		return err
	}
	defer m.Unlock()
	if abandoned {
		a.repair()
		if err := m.Repaired(); err != nil {
			return err
		}
	}
	a.move(amount)
	return nil
}

// What a mutex guards must be something that can be repaired, for its owner can
// be killed at any instruction.
func ExampleMutex_Lock() {
	ctx := context.Background()
	g, err := lock.Create(ctx, sysv.Private, 1, &lock.Config{
		Memory: int(unsafe.Sizeof(accounts{})),
		Format: "accounts, 1",
	})
	if err != nil {
		log.Fatal(err)
	}
	defer g.Remove()
	defer g.Close()
	a, err := lock.View[accounts](g, 0)
	if err != nil {
		log.Fatal(err)
	}
	a.balance[0].Store(100)

	if err := transfer(ctx, g.Mutex(0), a, 30); err != nil {
		log.Fatal(err)
	}
	fmt.Println(a.balance[0].Load(), a.balance[1].Load())

	// This is how kill -9 in the middle of move would leave them. The next to
	// lock is told that they are abandoned, and repairs them.
	a.noted[0].Store(70)
	a.noted[1].Store(30)
	a.journal.Store(1)
	a.balance[0].Store(20)
	a.repair()
	fmt.Println(a.balance[0].Load(), a.balance[1].Load())
	// Output:
	// 70 30
	// 70 30
}

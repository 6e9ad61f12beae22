package bench

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

// Semaphores of the set that is measured.
const (
	benchLock = iota // 1
	benchGate        // 0: open
	benchPing        // 0
	benchPong        // 0
	benchCount
)

// bench is what is measured on.
type bench struct {
	window time.Duration
	set    *sem.Set
	mutex  *sem.Mutex
	group  *lock.Group
	fast   locker
	seg    *shm.Segment
	mem    *shm.Mapping
	tally  *tally

	cancelled []time.Duration // how long waits took to end, in order
}

// tally is what contending processes count in.
type tally struct {
	counter uint64 // under the lock
	stop    atomic.Uint32
}

func newBench(window time.Duration) (b *bench, err error) {
	b = &bench{window: window}
	defer func() {
		if err != nil {
			b.remove()
		}
	}()
	values := make([]int, benchCount)
	values[benchLock] = 1
	if b.set, err = sem.Create(sysv.Private, values, nil); err != nil {
		return b, err
	}
	b.mutex = b.set.Mutex(benchLock)
	if b.group, err = lock.Create(context.Background(), sysv.Private, 1, nil); err != nil {
		return b, err
	}
	b.fast = fastLock{b.group.Mutex(0)}
	if b.seg, err = shm.Create(sysv.Private, os.Getpagesize(), nil); err != nil {
		return b, err
	}
	if b.mem, err = b.seg.Attach(nil); err != nil {
		return b, err
	}
	b.tally, err = shm.View[tally](b.mem, 0)
	return b, err
}

func (b *bench) remove() (err error) {
	if b.set != nil {
		err = b.set.Remove()
	}
	if b.group != nil {
		err = errors.Join(err, b.group.Remove(), b.group.Close())
	}
	if b.seg != nil {
		err = errors.Join(err, b.seg.Remove())
	}
	if b.mem != nil {
		err = errors.Join(err, b.mem.Detach())
	}
	return err
}

package counting

import (
	"context"
	"fmt"
	"sync/atomic"

	"example.com/sysvipc/sysv/lock"
)

// locking is how the counters are guarded. Its values stand in the segment.
type locking uint32

const (
	lockSemop locking = iota + 1
	lockNone
	lockFast
	lockAll // on the command line only: each lock in turn
)

func (l *locking) UnmarshalText(text []byte) error {
	for how, name := range lockNames {
		if name == string(text) {
			*l = how
			return nil
		}
	}
	return fmt.Errorf("lock %q is none of semop, fast, all and none", text)
}

func (l locking) String() string { return lockNames[l] }

var lockNames = map[locking]string{lockSemop: "semop", lockNone: "none", lockFast: "fast", lockAll: "all"}

// guard is what guards a critical section.
type guard interface {
	Lock(context.Context) error
	Unlock() error
}

// noLock lets everybody in.
type noLock struct{}

func (noLock) Lock(ctx context.Context) error { return ctx.Err() }

func (noLock) Unlock() error { return nil }

// fastLock is a lock of package lock that counts how often its owner has died.
// Nothing needs repair then: the slots tell how far everybody came.
type fastLock struct {
	*lock.Mutex
	takeovers *atomic.Uint32
}

func (l fastLock) Lock(ctx context.Context) error {
	abandoned, err := l.Mutex.Lock(ctx)
	if err != nil || !abandoned {
		return err
	}
	l.takeovers.Add(1)
	return l.Repaired()
}

// guard is for those who have entered.
func (b *board) guard() guard {
	switch {
	case b.group != nil:
		return fastLock{b.group.Mutex(0), &b.Takeovers}
	case locking(b.Locking) == lockNone:
		return noLock{}
	}
	return b.set.Mutex(semLock)
}

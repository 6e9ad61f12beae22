// Package wait makes system calls that block end when a context does.
//
// Such a call has no file descriptor to poll: it holds a thread, and only a
// signal to that very thread ends it early. Calls on System V objects are never
// restarted after a signal handler (signal(7)), whatever its flags, so that
// they return EINTR. The signal is SIGURG, for which Go's runtime has a handler
// in every program and of which it ignores those that it did not send.
package wait

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"example.com/sysvipc/sysv/internal/sys"
)

// Semop performs ops on the set with this id as semop(2) does, all or none of
// them, waiting until it can. It returns the context's error when that ends
// first, and then has changed nothing. EAGAIN means that an operation with
// IPC_NOWAIT would have to wait. Any other error is the kernel's.
func Semop(ctx context.Context, id int, ops []sys.Sembuf) error {
	yieldSometimes()
	if ctx.Done() == nil {
		return semop(ctx, id, ops, forever)
	}
	// A signal is for a thread: stay on it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if !sys.Interruptible() {
		return semop(ctx, id, ops, slice)
	}
	s := sleeper{thread: sys.Thread()}
	stop := context.AfterFunc(ctx, s.wake)
	defer s.leave()
	defer stop()
	return semop(ctx, id, ops, forever)
}

// waits counts the waits of this process.
var waits atomic.Uint32

// yieldSometimes keeps Go's runtime from disturbing a goroutine that waits
// briefly and often. One that has not been through the scheduler for 10 ms is
// taken for one that hogs its processor, although it sleeps most of the time:
// sysmon wakes every 20 µs to take the processor from it and interrupts it
// with signals. With 8 processes that contend for a lock this took a third of
// the throughput.
func yieldSometimes() {
	if waits.Add(1)%32 == 0 {
		runtime.Gosched()
	}
}

const (
	// forever is how long to stay in a call that a signal ends.
	forever = 1<<63 - 1
	// slice is how long to stay in a call that none does: the program ignores
	// SIGURG, or has it blocked.
	slice = 20 * time.Millisecond
)

// semop waits, for no longer than longest at a time. EINTR is no reason to end:
// Go programs get signals all the time.
func semop(ctx context.Context, id int, ops []sys.Sembuf, longest time.Duration) error {
	refuses := false // EAGAIN may be for another reason than the time
	for _, op := range ops {
		refuses = refuses || op.Flg&sys.IPC_NOWAIT != 0
	}
	for {
		limit, err := remaining(ctx, longest)
		if err != nil {
			return err
		}
		var start time.Time
		if limit >= 0 {
			start = time.Now()
		}
		err = sys.Semtimedop(id, ops, limit)
		timedOut := err == sys.EAGAIN && limit >= 0 && (!refuses || time.Since(start) >= limit)
		if err != sys.EINTR && !timedOut {
			return err
		}
	}
}

// remaining returns how long to wait in the kernel now, negative for as long as
// it takes, or an error if the context has ended. A deadline counts from its
// instant on, although ctx.Err may still be nil then.
func remaining(ctx context.Context, longest time.Duration) (time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		if left <= 0 {
			return 0, context.DeadlineExceeded
		}
		return min(left, longest), nil
	}
	if longest == forever {
		return -1, nil
	}
	return longest, nil
}

// sleeper is a thread that waits in the kernel.
type sleeper struct {
	thread int

	mu   sync.Mutex
	left bool // the thread does something else now
}

// wake interrupts the thread until it has left the call. Once is not enough: a
// signal that arrives just before the thread enters the kernel is lost.
func (s *sleeper) wake() {
	const longest = 5 * time.Millisecond
	for pause := 50 * time.Microsecond; s.interrupt(); pause = min(2*pause, longest) {
		time.Sleep(pause)
	}
}

// interrupt sends the signal, unless the thread has left.
func (s *sleeper) interrupt() (again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.left {
		sys.Interrupt(s.thread)
	}
	return !s.left
}

// leave makes sure that no signal comes from now on.
func (s *sleeper) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = true
}

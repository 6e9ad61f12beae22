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
	c := call{what: semop, id: id, ops: ops}
	for _, op := range ops {
		c.refuses = c.refuses || op.Flg&sys.IPC_NOWAIT != 0
	}
	return c.wait(ctx)
}

// Msgsnd sends n bytes of m to the queue with this id as msgsnd(2) does, waiting
// until there is room. It returns the context's error when that ends first, and
// then has sent nothing. Any other error is the kernel's.
func Msgsnd(ctx context.Context, id int, m sys.Msgbuf, n int) error {
	c := call{what: msgsnd, id: id, msg: m, n: n}
	return c.wait(ctx)
}

// Msgrcv receives at most size bytes into m, from the queue with this id, as
// msgrcv(2) does, waiting until there is such a message. It returns the context's
// error when that ends first, and then has received nothing. Any other error is
// the kernel's.
func Msgrcv(ctx context.Context, id int, m sys.Msgbuf, size, typ, flags uintptr) (n int, err error) {
	c := call{what: msgrcv, id: id, msg: m, size: size, typ: typ, flags: flags}
	err = c.wait(ctx)
	return c.n, err
}

// Pause lets d pass, for those who have to look again and again. It returns the
// context's error when that ends first.
func Pause(ctx context.Context, d time.Duration) error {
	// A context may have a deadline and nothing that tells when it has come.
	left, err := remaining(ctx, d)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-time.After(left):
	}
	_, err = remaining(ctx, d)
	return err
}

// A call is a system call that blocks. It is no interface and has no function
// in it, so that what it points to can stay on the stack.
type call struct {
	what int
	id   int

	// Of semop.
	ops     []sys.Sembuf
	refuses bool // EAGAIN may be for another reason than the time

	// Of msgsnd and msgrcv.
	msg              sys.Msgbuf
	n                int     // bytes to send, or received
	size, typ, flags uintptr // as of msgrcv
}

const (
	semop = iota
	msgsnd
	msgrcv
)

// wait makes the call, until it has succeeded or failed or ctx has ended. If it
// has succeeded that counts, whatever became of ctx.
func (c *call) wait(ctx context.Context) error {
	yieldSometimes()
	deadline, limited := ctx.Deadline()
	alarm := limited && c.what != semop // only semop has a timeout
	if ctx.Done() == nil && !alarm {
		return c.repeat(ctx, forever)
	}
	// A signal is for a thread: stay on it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if !sys.Interruptible() {
		return c.repeat(ctx, slice)
	}
	s := sleeper{thread: sys.Thread()}
	defer s.leave()
	stop := context.AfterFunc(ctx, s.wake)
	defer stop()
	if alarm {
		timer := time.AfterFunc(time.Until(deadline), s.wake)
		defer timer.Stop()
	}
	return c.repeat(ctx, forever)
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

// repeat makes the call again and again, for no longer than longest at a time.
// EINTR is no reason to end: Go programs get signals all the time.
func (c *call) repeat(ctx context.Context, longest time.Duration) error {
	pause := min(50*time.Microsecond, longest)
	for {
		limit, err := remaining(ctx, longest)
		if err != nil {
			return err
		}
		var over bool
		switch {
		case c.what == semop:
			over, err = c.semop(limit)
		case longest == forever:
			err = c.message()
		default:
			over, err = c.poll(min(pause, limit))
			pause = min(2*pause, longest)
		}
		if err != sys.EINTR && !over {
			return err
		}
	}
}

// semop tells whether its time, if limit is not negative, is over.
func (c *call) semop(limit time.Duration) (over bool, err error) {
	var start time.Time
	if limit >= 0 {
		start = time.Now()
	}
	err = sys.Semtimedop(c.id, c.ops, limit)
	over = err == sys.EAGAIN && limit >= 0 && (!c.refuses || time.Since(start) >= limit)
	return over, err
}

// message sends or receives, however long that takes.
func (c *call) message() (err error) {
	if c.what == msgsnd {
		return sys.Msgsnd(c.id, c.msg, c.n)
	}
	c.n, err = sys.Msgrcv(c.id, c.msg, c.size, c.typ, c.flags)
	return err
}

// poll sends or receives if that needs no waiting. Else it waits for a while.
func (c *call) poll(pause time.Duration) (over bool, err error) {
	var errno sys.Errno
	if c.what == msgsnd {
		errno = sys.MsgsndNoWait(c.id, c.msg, c.n)
	} else {
		c.n, errno = sys.MsgrcvNoWait(c.id, c.msg, c.size, c.typ, c.flags)
	}
	switch errno {
	case 0:
		return false, nil
	case sys.EAGAIN, sys.ENOMSG:
		time.Sleep(pause)
		return true, nil
	}
	return false, errno
}

// Ended is the context's error if that has ended, a deadline from its instant on.
func Ended(ctx context.Context) error {
	_, err := remaining(ctx, forever)
	return err
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

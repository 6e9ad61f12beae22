package event

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/sys"
	"example.com/sysvipc/sysv/internal/wait"
)

const (
	everybody = 1<<31 - 1
	anyMask   = 1<<32 - 1 // FUTEX_BITSET_MATCH_ANY
)

// A bedroom is a Count on which a goroutine of this process sleeps in the kernel.
type bedroom struct {
	*Count
	look time.Duration // when some of the crowd are to look again, by monotonic
	end  time.Duration // until when to sleep at most
	err  error         // of the kernel
}

// A reason is why somebody does not sleep any more.
type reason int

const (
	changed reason = iota
	timeToLook
	failed
)

// sleepUntil sleeps until the sequence is not seen any more, it is time to look, or
// ctx ends.
func (b *bedroom) sleepUntil(ctx context.Context, seen Seen) (reason, error) {
	yieldSometimes()
	if ctx.Done() != nil {
		var left atomic.Bool
		defer left.Store(true)
		c := b.Count // b is somebody else's by the time that this ends
		stop := context.AfterFunc(ctx, func() { rouse(c, &left) })
		defer stop()
	}
	b.err = nil
	for w := (waiting{at: looking, seen: seen}); w.at != done; {
		if w.at == sleeping {
			if why, err := b.wakeful(ctx); why != changed {
				return why, err
			}
		}
		at(w.at)
		w.step(b)
		if err := b.failure(); err != nil {
			return failed, err
		}
	}
	return changed, nil
}

// wakeful returns why not to sleep again, or else sets until when at most.
func (b *bedroom) wakeful(ctx context.Context) (reason, error) {
	if err := over(ctx); err != nil {
		return failed, err
	}
	now := monotonic()
	if now >= b.look {
		b.look = now + looksAgain
		return timeToLook, nil
	}
	b.end = b.look
	if deadline, ok := ctx.Deadline(); ok {
		b.end = min(b.end, now+min(looksAgain, time.Until(deadline))) // which may be centuries
	}
	return changed, nil
}

func (b *bedroom) sleep(value uint32) {
	switch err := sys.FutexWait(b.address(), value, ourMask(), b.end); err {
	case sys.EAGAIN:
		b.wouldHave()
	case nil, sys.EINTR, sys.ETIMEDOUT:
	default:
		b.err = err
	}
}

func (b *bedroom) failure() error {
	if b.err != nil {
		return &sysv.Error{Op: "futex", ID: -1, Err: b.err}
	}
	return nil
}

// ourMask has one of the bits that FUTEX_WAKE_BITSET knows, so that a process which
// wakes a goroutine of its own disturbs few others.
var ourMask = sync.OnceValue(func() uint32 { return 1 << (os.Getpid() % 32) })

// rouse wakes the one of this process who sleeps until he has left. Once is not
// enough, for he may only be about to fall asleep. If the memory is not there any
// more the kernel says so, and to nobody.
func rouse(c *Count, left *atomic.Bool) {
	const longest = 5 * time.Millisecond
	for pause := 20 * time.Microsecond; !left.Load(); pause = min(2*pause, longest) {
		sys.FutexWake(c.address(), everybody, ourMask())
		time.Sleep(pause)
	}
}

// over is an error if ctx has ended.
func over(ctx context.Context) error {
	if err := wait.Ended(ctx); err != nil {
		return fmt.Errorf("event: waiting for a change: %w", err)
	}
	return nil
}

// sleeps counts how often goroutines of this process have slept.
var sleeps atomic.Uint32

// yieldSometimes keeps Go's runtime from disturbing a goroutine that sleeps briefly
// and often. One that has not been through the scheduler for 10 ms is taken for one
// that hogs its processor, and sysmon takes that away every 20 µs.
func yieldSometimes() {
	if sleeps.Add(1)%32 == 0 {
		runtime.Gosched()
	}
}

// clock is a moment by Go's clock and by the kernel's, which go alike.
var clock = sync.OnceValues(func() (time.Time, time.Duration) {
	at, err := sys.Monotonic()
	if err != nil {
		panic(err) // there is no kernel without it
	}
	return time.Now(), at
})

// monotonic is CLOCK_MONOTONIC, without a system call.
func monotonic() time.Duration {
	start, at := clock()
	return at + time.Since(start)
}

// pollers is how many goroutines wait where they can't write.
var pollers atomic.Int64

// poll waits for a few milliseconds, or longer where many do: nobody knows of those
// who can't say that they wait.
func poll(ctx context.Context) error {
	n := pollers.Add(1)
	defer pollers.Add(-1)
	wait.Pause(ctx, max(4*time.Millisecond, time.Duration(n)*100*time.Microsecond))
	return over(ctx)
}

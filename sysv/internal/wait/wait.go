// Package wait makes system calls that block end when a context does.
package wait

import (
	"context"
	"time"

	"example.com/sysvipc/sysv/internal/sys"
)

// slice is the longest that a wait which can be cancelled stays in the kernel
// before it looks at its context again.
const slice = 10 * time.Millisecond

// Semop performs ops on the set with this id as semop(2) does, all or none of
// them, waiting until it can. It returns the context's error when that ends
// first, and then has changed nothing. EAGAIN means that an operation with
// IPC_NOWAIT would have to wait. Any other error is the kernel's.
//
// semop is never restarted after a signal handler (signal(7)), and Go programs
// get signals all the time: EINTR means to wait again for the time that
// remains.
func Semop(ctx context.Context, id int, ops []sys.Sembuf) error {
	for {
		limit, err := remaining(ctx)
		if err != nil {
			return err
		}
		start := time.Now()
		err = sys.Semtimedop(id, ops, limit)
		switch {
		case err == sys.EINTR:
		case err == sys.EAGAIN && limit >= 0 && time.Since(start) >= limit:
		default:
			return err
		}
	}
}

// remaining returns how long to wait in the kernel now, negative for as long as
// it takes, or an error if the context has ended. A deadline counts from its
// instant on, although ctx.Err may still be nil then.
func remaining(ctx context.Context) (time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if ctx.Done() == nil {
		return -1, nil
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		return slice, nil
	}
	left := time.Until(deadline)
	if left <= 0 {
		return 0, context.DeadlineExceeded
	}
	return min(left, slice), nil
}

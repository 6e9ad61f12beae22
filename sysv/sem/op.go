package sem

import (
	"context"
	"fmt"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/sys"
	"example.com/sysvipc/sysv/internal/wait"
)

// A Flag changes how an operation is done.
type Flag uint16

const (
	// Undo takes the operation back when the process ends (SEM_UNDO). The
	// package documentation says what that does and does not mean in Go.
	Undo Flag = sys.SEM_UNDO
	// NoWait makes the whole Do fail with [sysv.ErrWouldBlock] where this
	// operation would have to wait (IPC_NOWAIT).
	NoWait Flag = sys.IPC_NOWAIT
)

// An Op is one operation on one semaphore of a set, struct sembuf of semop(2).
type Op struct {
	// Num is the semaphore, 0 to Len-1.
	Num int
	// Delta, -32767 to 32767, is added to the semaphore's value, which waits
	// until the result is not negative. 0 waits until the value is 0.
	Delta int
	// Flags are Undo and NoWait, or neither.
	Flags Flag
}

// stackOps is how many operations Do copies without allocating.
const stackOps = 8

// Do performs ops in their order, all of them at once or, on any error, none.
// It waits until that is possible. When ctx ends first it returns ctx's error,
// and the semaphores are unchanged; if it has ended already nothing is tried.
//
// Errors: [sysv.ErrWouldBlock] where an operation with NoWait would have to
// wait; [sysv.ErrRemoved] if the set is or gets removed; ERANGE at once, without
// waiting, where a value would pass 32767; EFBIG for a semaphore that the set
// has not; E2BIG for more than SEMOPM (usually 500) operations;
// [io/fs.ErrPermission] without write permission, or read permission where all
// operations wait for 0. See semop(2).
//
// Up to 8 operations allocate nothing.
func (s *Set) Do(ctx context.Context, ops ...Op) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(ops) <= stackOps {
		var buf [stackOps]sys.Sembuf
		return s.do(ctx, ops, buf[:len(ops)])
	}
	return s.do(ctx, ops, make([]sys.Sembuf, len(ops)))
}

func (s *Set) do(ctx context.Context, ops []Op, buf []sys.Sembuf) error {
	ok, err := s.try(ops, buf)
	if ok || err != nil {
		return err
	}
	waits := false
	for i := range ops {
		buf[i].Flg = int16(ops[i].Flags)
		waits = waits || ops[i].Flags&NoWait == 0
	}
	if !waits {
		return s.opError(len(ops), sys.EAGAIN)
	}
	err = wait.Semop(ctx, s.id, buf)
	if errno, ok := err.(sys.Errno); ok {
		return s.opError(len(ops), errno)
	}
	return err
}

// Try is Do that returns false where it would have to wait, whatever the flags
// say.
func (s *Set) Try(ops ...Op) (bool, error) {
	if len(ops) <= stackOps {
		var buf [stackOps]sys.Sembuf
		return s.try(ops, buf[:len(ops)])
	}
	return s.try(ops, make([]sys.Sembuf, len(ops)))
}

// try copies ops to buf with NoWait on all of them, and performs them.
// Neither may come to live on the heap: nothing here may keep them.
func (s *Set) try(ops []Op, buf []sys.Sembuf) (bool, error) {
	if len(ops) == 0 {
		return false, s.noOps()
	}
	for i, op := range ops {
		if uint(op.Num) >= uint(s.len) || op.Delta < -sys.SEMVMX || op.Delta > sys.SEMVMX || op.Flags&^(Undo|NoWait) != 0 {
			return false, s.badOp(i, op)
		}
		buf[i] = sys.Sembuf{Num: uint16(op.Num), Op: int16(op.Delta), Flg: int16(op.Flags | NoWait)}
	}
	switch errno := sys.SemopNoWait(s.id, buf); errno {
	case 0:
		return true, nil
	case sys.EAGAIN:
		return false, nil
	default:
		return false, s.opError(len(ops), errno)
	}
}

func (s *Set) noOps() error {
	return kind.Invalid("semop", s.key, s.id, "no operations")
}

func (s *Set) badOp(i int, op Op) error {
	e := &sysv.Error{Op: "semop", Key: s.key, ID: s.id}
	switch {
	case uint(op.Num) >= uint(s.len):
		e.Err, e.Hint = sys.EFBIG, fmt.Sprintf("operation %d is on semaphore %d, the set has %d", i, op.Num, s.len)
	case op.Flags&^(Undo|NoWait) != 0:
		e.Err, e.Hint = sys.EINVAL, fmt.Sprintf("operation %d has flags %#x, which are not Undo or NoWait", i, uint16(op.Flags))
	default:
		e.Err, e.Hint = sys.ERANGE, fmt.Sprintf("operation %d has delta %d, outside -%[3]d to %[3]d", i, op.Delta, sys.SEMVMX)
	}
	return e
}

func (s *Set) opError(n int, errno sys.Errno) error {
	if errno == sys.EAGAIN {
		return &sysv.Error{Op: "semop", Key: s.key, ID: s.id, Err: sysv.ErrWouldBlock}
	}
	return s.error("semop", errno, func(errno sys.Errno) string { return opHint(errno, n) })
}

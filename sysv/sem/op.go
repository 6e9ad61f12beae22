package sem

import (
	"context"
	"fmt"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/race"
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
	// Num is the semaphore, 0 to Len-1, and at most 65535: a longer set, which
	// only others make, has semaphores that no operation reaches.
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
// It waits until that is possible. When ctx ends first the error says on what it
// waited and is, by errors.Is, ctx's error; the semaphores are unchanged. If ctx has
// ended already nothing is tried.
//
// Errors: [sysv.ErrWouldBlock] where an operation with NoWait would have to
// wait; [sysv.ErrRemoved] if the set is or gets removed; ERANGE where a value
// would pass 32767, which is not waited out; EFBIG for a semaphore that the set
// has not or that operations don't reach; E2BIG for more than SEMOPM (usually 500) operations;
// [io/fs.ErrPermission] without write permission, or read permission where all
// operations wait for 0. See semop(2).
//
// Up to 8 operations allocate nothing, unless they have to wait and ctx can end.
func (s *Set) Do(ctx context.Context, ops ...Op) error {
	if err := ctx.Err(); err != nil {
		return s.ended(err, endedBefore)
	}
	if s.hurry.Load() <= 0 || !s.expectsToWait(ctx, ops) {
		// This is perform, written again: mitigations of CPU bugs make every
		// return after a system call cost a few nanoseconds.
		var few [stackOps]sys.Sembuf
		buf := room(&few, len(ops))
		if !s.encode(buf, ops, NoWait) {
			return s.badOps(ops)
		}
		if race.Enabled {
			s.releasing(buf)
		}
		errno := sys.SemopNoWait(s.id, buf)
		if errno == 0 {
			if race.Enabled {
				s.acquired(buf)
			}
			return nil
		}
		if errno != sys.EAGAIN {
			return s.opError(ops, errno)
		}
		if ctx.Done() == nil {
			s.hurry.Store(hurries)
		}
	}
	return s.wait(ctx, ops)
}

// Try is Do that returns false where it would have to wait, whatever the flags
// say.
func (s *Set) Try(ops ...Op) (bool, error) {
	errno := s.perform(ops)
	if errno == 0 || errno == sys.EAGAIN {
		return errno == 0, nil
	}
	return false, s.opError(ops, errno)
}

// hurries is how many times Do does not try first after it had to wait with a
// context that can't end.
const hurries = 16

// expectsToWait tells whether trying first is likely to be in vain, as for a
// process that takes turns with another. Where ctx can end, waiting costs more
// than a try, and adding never waits.
func (s *Set) expectsToWait(ctx context.Context, ops []Op) bool {
	if ctx.Done() != nil {
		return false
	}
	for i := range ops {
		if ops[i].Delta <= 0 {
			s.hurry.Add(-1)
			return true
		}
	}
	return false
}

// perform performs ops where that needs no waiting: else EAGAIN.
func (s *Set) perform(ops []Op) sys.Errno {
	var few [stackOps]sys.Sembuf
	buf := room(&few, len(ops))
	if !s.encode(buf, ops, NoWait) {
		return badOps
	}
	if race.Enabled {
		s.releasing(buf)
	}
	errno := sys.SemopNoWait(s.id, buf)
	if race.Enabled && errno == 0 {
		s.acquired(buf)
	}
	return errno
}

// wait performs ops as soon as that is possible.
func (s *Set) wait(ctx context.Context, ops []Op) error {
	var few [stackOps]sys.Sembuf
	buf := room(&few, len(ops))
	if !s.encode(buf, ops, 0) {
		return s.badOps(ops)
	}
	if race.Enabled {
		s.releasing(buf)
	}
	err := wait.Semop(ctx, s.id, buf)
	if errno, ok := err.(sys.Errno); ok {
		return s.opError(ops, errno)
	}
	if err != nil {
		return s.ended(err, waitedFor(ops))
	}
	if race.Enabled {
		s.acquired(buf)
	}
	return nil
}

// room returns few, or where that is not enough allocates.
func room(few *[stackOps]sys.Sembuf, n int) []sys.Sembuf {
	if n > stackOps {
		return make([]sys.Sembuf, n)
	}
	return few[:n]
}

// encode copies ops to kernel layout, with extra flags on all of them, or
// returns false where there are none or one can't be. Neither may come to live
// on the heap: an uncontended Do is to allocate nothing.
func (s *Set) encode(buf []sys.Sembuf, ops []Op, extra Flag) bool {
	for i := range ops {
		op := &ops[i]
		if !s.valid(op) {
			return false
		}
		buf[i] = sys.Sembuf{Num: uint16(op.Num), Op: int16(op.Delta), Flg: int16(op.Flags | extra)}
	}
	return len(ops) > 0
}

func (s *Set) valid(op *Op) bool {
	return s.reaches(op.Num) && uint(op.Delta+sys.SEMVMX) <= 2*sys.SEMVMX && op.Flags&^(Undo|NoWait) == 0
}

// reaches tells whether operations can be on semaphore num.
func (s *Set) reaches(num int) bool { return uint(num) < uint(min(s.len, maxLen)) }

// badOps stands for operations that the kernel was not asked for.
const badOps = ^sys.Errno(0)

// opError makes the error of a Do or Try.
func (s *Set) opError(ops []Op, errno sys.Errno) error {
	switch errno {
	case badOps:
		return s.badOps(ops)
	case sys.EAGAIN:
		return &sysv.Error{Op: "semop", Key: s.key, ID: s.id, Err: sysv.ErrWouldBlock}
	case sys.ERANGE:
		return s.error("semop", errno, func(sys.Errno) string { return s.rangeHint(ops) })
	}
	return s.semopError(len(ops), errno)
}

// semopError is the kernel's errno for n operations.
func (s *Set) semopError(n int, errno sys.Errno) error {
	return s.error("semop", errno, func(errno sys.Errno) string { return opHint(errno, n) })
}

// badOps says what is wrong with ops.
func (s *Set) badOps(ops []Op) error {
	e := &sysv.Error{Op: "semop", Key: s.key, ID: s.id, Err: sys.EINVAL, Hint: "no operations"}
	for i, op := range ops {
		switch {
		case s.valid(&op):
			continue
		case !s.reaches(op.Num) && uint(op.Num) < uint(s.len):
			e.Err, e.Hint = sys.EFBIG, fmt.Sprintf("operation %d is on semaphore %d, and operations reach the first %d of a set (sem_num has 16 bits): give it to another set, or use SetValue", i, op.Num, maxLen)
		case !s.reaches(op.Num):
			e.Err, e.Hint = sys.EFBIG, fmt.Sprintf("operation %d is on semaphore %d, the set has %d", i, op.Num, s.len)
		case op.Flags&^(Undo|NoWait) != 0:
			e.Hint = fmt.Sprintf("operation %d has flags %#x, which are not Undo or NoWait", i, uint16(op.Flags))
		default:
			e.Err, e.Hint = sys.ERANGE, fmt.Sprintf("operation %d has delta %d, outside -%[3]d to %[3]d", i, op.Delta, sys.SEMVMX)
		}
		break
	}
	return e
}

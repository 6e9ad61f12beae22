package sem

import (
	"context"
	"fmt"

	"example.com/sysvipc/sysv/internal/sys"
)

// A Counting hands out permits between processes: a semaphore whose value is
// how many are left. It is to processes what golang.org/x/sync/semaphore is to
// goroutines.
//
// Goroutines of one process queue in Go as for a [Mutex], in the order in which
// they came: one that asks for many permits is not overtaken by those that ask
// for few. The kernel does not promise that to processes: who waits for many
// permits may wait as long as others take few.
//
// With Undo, permits that a process holds come back when it ends, however it
// ends. Without, they stay taken, which is what tokens need that one process
// takes and another gives back.
type Counting struct {
	set   *Set
	num   int
	flags Flag
	gate  *gate
}

// Counting returns the semaphore num of the set as a counting semaphore. flags
// are [Undo] or 0, the same for all who share the permits. A num that the set
// has not makes every method fail.
func (s *Set) Counting(num int, flags Flag) *Counting {
	return &Counting{s, num, flags, s.gate(num)}
}

// Acquire waits until n permits are free, 1 to 32767, and takes them all. When
// ctx ends first it has taken none: the semaphore is as it was, and the place in
// the queue is given up. The error says on what it waited and is, by errors.Is,
// ctx's error. Other errors are those of [Set.Do]: if the set is removed meanwhile, [sysv.ErrRemoved].
func (c *Counting) Acquire(ctx context.Context, n int) error {
	if err := c.check(n); err != nil {
		return err
	}
	if err := c.gate.Take(ctx); err != nil {
		return c.set.noTurn(err, c.num)
	}
	defer c.gate.Pass()
	op := Op{Num: c.num, Delta: -n, Flags: c.flags}
	if ok, err := c.set.Try(op); ok || err != nil {
		return err
	}
	c.gate.Block()
	return c.set.wait(ctx, []Op{op})
}

// TryAcquire takes n permits, 1 to 32767, if they are free and nobody of this
// process waits because there were too few, and otherwise returns false and takes
// none.
func (c *Counting) TryAcquire(n int) (bool, error) {
	if err := c.check(n); err != nil || c.gate.Short() {
		return false, err
	}
	return c.set.Try(Op{Num: c.num, Delta: -n, Flags: c.flags})
}

// Release gives n permits back, 1 to 32767. It never waits. Nobody checks that
// they were taken: to give what one has not makes more of them. Where the value
// would pass 32767 the error is ERANGE, and none is given.
func (c *Counting) Release(n int) error {
	if err := c.check(n); err != nil {
		return err
	}
	_, err := c.set.Try(Op{Num: c.num, Delta: n, Flags: c.flags})
	return err
}

// check refuses what would mean something else: 0 waits for a value of 0.
func (c *Counting) check(n int) error {
	if n < 1 || n > sys.SEMVMX {
		return kind.Invalid("semop", c.set.key, c.set.id, fmt.Sprintf("%d permits are not 1 to %d", n, sys.SEMVMX))
	}
	return nil
}

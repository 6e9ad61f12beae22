package lock

import (
	"fmt"
	"os"
	"syscall"

	"example.com/sysvipc/sysv"
)

// Self returns the number of this membership, by which the memory of a group can say
// whose something is: it is below 1<<31, and never 0 nor any other below 1<<20. Each
// member has one of his own, also if he comes after another in the same slot.
//
// A number comes round: 1,048,576 members later another may have it in that slot.
// What names a dead member must be found before, or by whoever joins and sees his own
// number there.
func (g *Group) Self() uint32 { return g.me }

// Alive tells whether the member of that number, or [Member.Number], is one still. A
// membership ends by Close or with the process, however that ends; one that is stopped
// is alive. It takes a system call.
//
// Errors: EINVAL for what is no number of a member, [sysv.ErrRemoved] where the
// group's set is gone, and [os.ErrClosed] after Close.
func (g *Group) Alive(number uint32) (bool, error) {
	slot := slotOf(number)
	if number >= waiters || slot < 0 || slot >= len(g.generations) {
		return false, &sysv.Error{Op: "lock", Key: g.Key(), ID: g.ID(), Err: syscall.EINVAL,
			Hint: fmt.Sprintf("%#x is no number of a member", number)}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false, g.error(os.ErrClosed)
	}
	// The semaphore first: who takes the slot raises its generation before.
	n, err := g.set.Value(g.alive(slot))
	return n != 0 && g.generations[slot].Load() == generationOf(number), err
}

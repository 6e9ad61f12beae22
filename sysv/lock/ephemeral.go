package lock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"example.com/sysvipc/sysv"
)

// An ephemeral group has ended when none of its members is alive. Nobody comes alive
// but by the door, so that who has the door and sees none may do with the group what he
// likes: remove it, or begin anew in it. Where he dies in the middle of that the next
// sees none alive again.

// errEnded says that a group has ended with its last member.
var errEnded = fmt.Errorf("its last member has ended: %w", fs.ErrNotExist)

// A renewal is what is done, with the door held, with a group in which nobody is alive.
type renewal func(g *Group) error

// justMade is that of its creator.
func justMade(*Group) error { return nil }

// ended is that of who opens what is there.
func ended(g *Group) error { return g.error(errEnded) }

// anew is that of who would create the group if it were not there, and done is called
// when it is as new. A group of another shape is removed.
func (c Config) anew(n int, done func()) renewal {
	return func(g *Group) error {
		if g.shape() != c.shape(n) {
			if err := g.Remove(); err != nil {
				return err
			}
			return g.error(sysv.ErrRemoved)
		}
		for i := range g.cells {
			g.cells[i].clear()
		}
		for i := range g.crowds {
			g.crowds[i].word.Store(0)
		}
		clear(g.guarded)
		if c.Init != nil {
			if err := c.Init(g.guarded); err != nil {
				return err
			}
		}
		done()
		return nil
	}
}

func (c *cell) clear() {
	c.word.Store(0)
	c.marks.Store(0)
	c.recoveries.Store(0)
}

// deserted tells, by the values of the set, whether no member is alive.
func (g *Group) deserted(values []int) bool {
	for slot := range g.generations {
		if values[g.alive(slot)] != 0 {
			return false
		}
	}
	return true
}

// leaveEphemeral is leave that removes the group after its last member.
func (g *Group) leaveEphemeral(armed []*Mutex) error {
	// Where somebody who joins has been stopped the group is left as a kill leaves it.
	ctx, cancel := context.WithTimeout(context.Background(), lookAgain)
	defer cancel()
	r := register{Group: g, ctx: ctx}
	if _, err := r.wait(takeDoor); err != nil {
		err = errors.Join(unless(err, context.DeadlineExceeded), g.leave(armed))
		return err
	}
	err := g.leave(armed)
	values, failed := g.set.Values()
	if err == nil && failed == nil && g.deserted(values) {
		err = unless(g.Remove(), fs.ErrPermission)
	}
	_, undone := r.try(leaveDoor)
	return errors.Join(err, failed, undone)
}

func unless(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

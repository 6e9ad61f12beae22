package lock

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"syscall"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

// A Group is this process's membership in a group of mutexes: a slot among its
// processes. It lasts until Close or the end of the process, and survives exec.
// A second Group for one key, in the same process, is a member of its own.
//
// All methods can be called by several goroutines at once, but for Close.
type Group struct {
	memory
	seg     *shm.Segment
	mapping *shm.Mapping
	set     *sem.Set
	mutexes []Mutex // and after those of Mutex the writers' of each RWMutex
	shared  []RWMutex

	slot int
	me   uint32 // the word of a mutex that this process has

	mu     sync.Mutex // held to arm, to look and to close
	closed bool
	watch  watch
}

// enter makes this process a member.
func enter(ctx context.Context, mapping *shm.Mapping, mem memory, set *sem.Set, renew renewal) (*Group, error) {
	g := newGroup(mapping, mem, set)
	if err := g.join(ctx, renew); err != nil {
		return nil, err
	}
	return g, nil
}

func newGroup(mapping *shm.Mapping, mem memory, set *sem.Set) *Group {
	g := &Group{memory: mem, seg: mapping.Segment(), mapping: mapping, set: set,
		mutexes: make([]Mutex, len(mem.cells)), shared: make([]RWMutex, mem.rwmutexes())}
	for i := range g.mutexes {
		g.mutexes[i].init(g, i, &g.cells[i])
	}
	for i := range g.shared {
		g.shared[i].init(g, i)
	}
	return g
}

// Mutex returns the mutex i of the group, 0 to Len-1: the same one each time.
// Every method of any other fails.
func (g *Group) Mutex(i int) *Mutex {
	if i < 0 || i >= g.Len() {
		none := new(Mutex)
		none.init(g, i, new(cell))
		return none
	}
	return &g.mutexes[i]
}

// RWMutex returns the RWMutex i of the group, 0 to RWMutexes-1: the same one each time.
// Every method of any other fails.
func (g *Group) RWMutex(i int) *RWMutex {
	if i < 0 || i >= len(g.shared) {
		return noRWMutex(g, i)
	}
	return &g.shared[i]
}

// Len returns how many mutexes the group has, which never changes.
func (g *Group) Len() int { return len(g.mutexes) - len(g.shared) }

// RWMutexes returns how many RWMutexes the group has, which never changes.
func (g *Group) RWMutexes() int { return len(g.shared) }

func (g *Group) shape() shape {
	return shape{g.Len(), g.RWMutexes(), len(g.generations), len(g.guarded) / line}
}

// ID returns the id of the group's segment, 0 or more, by which [OpenID] finds
// the group.
func (g *Group) ID() int { return g.seg.ID() }

// Key returns the group's key.
func (g *Group) Key() sysv.Key { return g.seg.Key() }

// ErrInUse says that Close came while this process held a mutex or a RWMutex of the
// group or waited for one.
var ErrInUse = errors.New("mutex is held or awaited by this process")

// Close ends the membership: the slot is free for another process, and nothing
// of the group is left in this one. The group itself stays, unless it is ephemeral and
// this was its last member. Where this process
// holds a mutex or waits for one the error is [ErrInUse], and nothing has
// changed. To close again does nothing; Remove still works; everything else that
// can fail gives [os.ErrClosed].
//
// No other call on the group or its locks may be under way, or begin, while Close runs,
// RUnlock among them: it could touch memory that is there no more, which ends the
// program. A process need not close: its end does the same, and gives back what it held,
// as abandoned.
func (g *Group) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil
	}
	g.haveLook()
	for i := range g.shared {
		if m := &g.shared[i]; m.inUse() {
			return m.writer.error(ErrInUse)
		}
	}
	var armedMutexes []*Mutex
	for i := range g.mutexes {
		m := &g.mutexes[i]
		if !m.armed {
			continue
		}
		if m.word.Load()&^waiters == g.me || !m.turn.Idle() {
			return m.error(ErrInUse)
		}
		armedMutexes = append(armedMutexes, m)
	}
	g.closed = true
	if len(armedMutexes) > 0 {
		g.watch.timeout.Stop()
	}
	gone := new(cell) // for Unlock, which looks before it asks
	for i := range g.mutexes {
		g.mutexes[i].cell, g.mutexes[i].word = gone, &gone.word
	}
	for i := range g.shared {
		g.shared[i].cell, g.shared[i].readers = gone, new(atomic.Uint32)
	}
	leave := g.leave
	if g.ends != 0 {
		leave = g.leaveEphemeral
	}
	// With the set is gone what there was to give back.
	err := errors.Join(unlessRemoved(leave(armedMutexes)), g.mapping.Detach())
	at(left)
	return err
}

func invalid(key sysv.Key, reason string) error {
	return &sysv.Error{Op: "lock", Key: key, ID: -1, Err: syscall.EINVAL, Hint: reason}
}

package lock

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/sem"
)

// join gives this process a slot.
func (g *Group) join(ctx context.Context, renew renewal) error {
	e := entry{at: knocking}
	for r := (register{g, ctx, renew}); e.at != done; {
		e.step(r)
	}
	if errors.Is(e.err, errFull) {
		return &sysv.Error{Op: "lock", Key: g.Key(), ID: g.ID(), Err: syscall.ENOSPC,
			Hint: fmt.Sprintf("%[1]d of %[1]d processes have joined the group (Config.Processes)", len(g.generations))}
	}
	g.slot, g.me = e.slot, e.me()
	g.sit()
	return e.err
}

// arm prepares this process for a mutex that it has not used yet. From time to time
// it is called again, to look whether the group is there still.
func (m *Mutex) arm() (me uint32, err error) {
	if me := m.me.Load(); me != nobody {
		return me, nil
	}
	g := m.group
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := m.usable(); err != nil {
		return 0, err
	}
	if me := m.me.Load(); me != nobody {
		return me, nil
	}
	if !m.armed {
		if err := m.promiseToken(); err != nil {
			return 0, err
		}
		at(armed)
		m.armed = true
	}
	g.letUse(m)
	return g.me, nil
}

// promiseToken has the end of this process add a token.
func (m *Mutex) promiseToken() error {
	a := arming{at: counting}
	for a.at != done {
		a.step(m)
	}
	return a.err
}

// leave gives the slot back, and takes back what arm did to some mutexes.
func (g *Group) leave(armedMutexes []*Mutex) error {
	l := leaving{at: quitting, slot: g.slot}
	l.step(register{Group: g})
	for _, m := range armedMutexes {
		if l.err != nil {
			break
		}
		l.at = disarming
		l.step(m)
	}
	return l.err
}

// A register is a group as the roll of its members.
type register struct {
	*Group
	ctx   context.Context // of who joins
	renew renewal         // what he does where an ephemeral group has ended
}

func (r register) mutexes() int                              { return len(r.cells) }
func (r register) word(mutex int) uint32                     { return r.cells[mutex].load() }
func (r register) clearCrowd(i, slot int)                    { r.crowd(i, slot).word.Store(0) }
func (r register) generation(slot int) uint32                { return r.generations[slot].Load() }
func (r register) setGeneration(slot int, generation uint32) { r.generations[slot].Store(generation) }

func (r register) widen(to int) {
	if int(r.usedSlots()) < to {
		atomic.StoreUint32(&r.used, uint32(to)) // with the door held
	}
}

func (r register) free(from int) (int, error) {
	values, err := r.set.Values()
	if err != nil {
		return -1, err
	}
	if r.ends != 0 && r.deserted(values) {
		if err := r.renew(r.Group); err != nil {
			return -1, err
		}
	}
	for slot := from; slot < len(r.generations); slot++ {
		if values[r.alive(slot)] == 0 {
			return slot, nil
		}
	}
	return -1, nil
}

func (r register) value(of semaphore) (int, error) { return r.set.Value(r.number(of, noMutex)) }

func (r register) try(do ops) (bool, error) {
	var buf [mostOps]sem.Op
	return r.set.Try(r.encode(&buf, do, noMutex)...)
}

func (r register) wait(do ops) (bool, error) {
	var buf [mostOps]sem.Op
	err := r.set.Do(r.ctx, r.encode(&buf, do, noMutex)...)
	return err == nil, err
}

// noMutex is for who has nothing to do with tokens.
const noMutex = -1

// mostOps is how many ops there are at once.
const mostOps = 2

// encode returns what ops are on the set.
func (g *Group) encode(buf *[mostOps]sem.Op, do ops, mutex int) []sem.Op {
	for i, o := range do {
		buf[i] = sem.Op{Num: g.number(o.of, mutex), Delta: o.delta}
		if o.undo {
			buf[i].Flags = sem.Undo
		}
	}
	return buf[:len(do)]
}

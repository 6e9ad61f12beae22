package lock

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/sem"
)

// join gives this process a slot. A process that dies meanwhile leaves the slot
// as it is, with another generation.
func (g *Group) join(ctx context.Context) (err error) {
	if err := g.set.Do(ctx, sem.Op{Num: joining, Delta: -1, Flags: sem.Undo}); err != nil {
		return err
	}
	at(joinTaken)
	defer func() {
		_, gaveBack := g.set.Try(sem.Op{Num: joining, Delta: +1, Flags: sem.Undo})
		err = errors.Join(err, gaveBack)
		at(joined)
	}()
	values, err := g.set.Values()
	if err != nil {
		return err
	}
	for slot := range g.generations {
		if values[g.alive(slot)] != 0 {
			continue
		}
		if ok, err := g.take(slot); ok || err != nil {
			return err
		}
	}
	return &sysv.Error{Op: "lock", Key: g.Key(), ID: g.ID(), Err: syscall.ENOSPC,
		Hint: fmt.Sprintf("%[1]d of %[1]d processes have joined the group (Config.Processes)", len(g.generations))}
}

// take takes a slot, unless somebody has it.
func (g *Group) take(slot int) (ok bool, err error) {
	// Before the slot is alive: who sees it alive must see the generation.
	generation := g.raise(slot)
	at(generationRaised)
	ok, err = g.set.Try(
		sem.Op{Num: g.alive(slot), Delta: 0},
		sem.Op{Num: g.alive(slot), Delta: +1, Flags: sem.Undo})
	if ok {
		at(slotTaken)
		g.slot, g.me = slot, ownerWord(slot, generation)
	}
	return ok, err
}

// raise gives a slot its next generation: one by which no mutex names a process
// that had the slot before, and died.
func (g *Group) raise(slot int) uint32 {
	named := make(map[uint32]bool)
	for i := range g.cells {
		if word := g.cells[i].word.Load(); slotOf(word) == slot {
			named[generationOf(word)] = true
		}
	}
	generation := g.generations[slot].Load()
	for {
		generation = (generation + 1) & genMask
		if !named[generation] {
			g.generations[slot].Store(generation)
			return generation
		}
	}
}

// dead tells whether the owner that a word names is dead.
func (g *Group) dead(word uint32) (bool, error) {
	if word&^waiters == removed {
		return false, sysv.ErrRemoved
	}
	slot := slotOf(word)
	if slot < 0 || slot >= len(g.generations) {
		return false, fmt.Errorf("its word %#x names slot %d of %d: somebody wrote over it", word, slot, len(g.generations))
	}
	// First whether the slot is alive, then by whom: a process that takes it in
	// between has raised the generation before.
	alive, err := g.set.Value(g.alive(slot))
	if err != nil {
		return false, err
	}
	at(ownerSeen)
	return alive == 0 || g.generations[slot].Load() != generationOf(word), nil
}

// arm prepares this process for a mutex, before it takes or awaits it for the
// first time: from then on its end adds a token to those that wake waiters. So
// an owner's death wakes one, and a waiter that dies with a token passes it on.
// From time to time it is called again, to look whether the group is there still.
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
		if err := g.promiseToken(g.wake(m.index)); err != nil {
			return 0, err
		}
		at(armed)
		m.armed = true
	}
	g.letUse(m)
	return g.me, nil
}

// promiseToken has the kernel add one to a semaphore when this process ends.
func (g *Group) promiseToken(wake int) error {
	for {
		// Each death may add one. As they all say the same, one is enough.
		n, err := g.set.Value(wake)
		if err != nil {
			return err
		}
		if n >= 2 {
			if _, err := g.set.Try(sem.Op{Num: wake, Delta: -n}, sem.Op{Num: wake, Delta: +1}); err != nil {
				return err
			}
			at(drained)
		}
		_, err = g.set.Try(
			sem.Op{Num: wake, Delta: +1},
			sem.Op{Num: wake, Delta: -1, Flags: sem.Undo})
		if n >= 2 && errors.Is(err, syscall.ERANGE) {
			continue
		}
		return err
	}
}

// leave gives the slot back, and takes back what arm did to the mutexes that me
// is given of. The order keeps the tokens: first nobody takes this process for
// alive any more.
func (g *Group) leave(armedMutexes []int) error {
	_, err := g.set.Try(sem.Op{Num: g.alive(g.slot), Delta: -1, Flags: sem.Undo})
	if err != nil {
		return err
	}
	at(slotLeft)
	for _, i := range armedMutexes {
		_, err := g.set.Try(
			sem.Op{Num: g.wake(i), Delta: +1, Flags: sem.Undo},
			sem.Op{Num: g.wake(i), Delta: -1})
		if err != nil {
			return err
		}
		at(disarmed)
	}
	return nil
}

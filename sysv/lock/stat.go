package lock

import (
	"errors"
	"fmt"
	"os"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/shm"
)

// Stat is the state of a group.
type Stat struct {
	// Key is that of the segment and the set, and these are their ids.
	Key              sysv.Key
	SegmentID, SetID int
	// Processes is how many can be members at once, Members their slots.
	Processes int
	Members   []Member
	Mutexes   []MutexStat
	RWMutexes []RWMutexStat
	// Memory is how many bytes the segment has for what its locks guard, Format
	// what Config says that they hold.
	Memory int
	Format string
	// Ephemeral is as in Config.
	Ephemeral bool
}

// Member is a process that has joined.
type Member struct {
	// Slot is its place in the group, from 0, and Number what [Group.Self] returns
	// there.
	Slot   int
	Number uint32
	// PID is the process that joined, 0 where it is not visible in the caller's
	// PID namespace. It may have started another program since (exec).
	PID int
}

// MutexStat is the state of a mutex.
type MutexStat struct {
	// Held tells whether there is an owner, and Slot which: -1 for none. Dead is
	// true where it has died and nobody has taken the mutex over yet.
	Held bool
	Slot int
	Dead bool
	// PID is the owner, as in Member, or 0.
	PID int
	// Waiters is how many wait in the kernel, at most one of each member.
	Waiters int
	// Abandoned is true from an owner's death until Repaired is called.
	Abandoned bool
	// Recoveries is how often a mutex was taken over from a dead owner.
	Recoveries int
}

// RWMutexStat is the state of a RWMutex.
type RWMutexStat struct {
	// Writer has it for writing, or waits until nobody reads, and Waiters are the
	// writers who queue behind him. Writing tells whether he writes. Abandoned is true
	// from the death of one who did until Repaired is called.
	Writer  MutexStat
	Writing bool
	// Readers are the processes that have it for reading, or look whether they can.
	Readers []Reader
}

// Reader is a process that reads.
type Reader struct {
	// Slot is the member's, and PID he, as in Member, or 0.
	Slot, PID int
	// Dead is true where it has died: nobody waits for it,
	// and the next process in its slot makes it forgotten.
	Dead bool
	// Count is how often it reads at once.
	Count int
}

// Stat returns the state of the group and its locks, one after the other:
// while others go on, it shows no single instant. After Close the error is
// [os.ErrClosed].
func (g *Group) Stat() (Stat, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return Stat{}, fmt.Errorf("lock: group %d: %w", g.ID(), os.ErrClosed)
	}
	return g.stat()
}

// Inspect returns the state of the group whose segment has an id without joining it:
// it needs no place there, and only the permission to read. look, if not nil, is given the
// state and the group's memory, which it must not write to, nor keep.
//
// Errors are those of [OpenID].
func Inspect(id int, look func(st Stat, memory []byte) error) (Stat, error) {
	seg, err := shm.OpenID(id)
	if err != nil {
		return Stat{}, err
	}
	mapping, err := seg.Attach(&shm.AttachConfig{ReadOnly: true})
	if err != nil {
		return Stat{}, err
	}
	st, err := inspect(mapping, look)
	return st, errors.Join(err, mapping.Detach())
}

func inspect(mapping *shm.Mapping, look func(st Stat, memory []byte) error) (Stat, error) {
	mem, err := whole(mapping, mapping.Segment().Key())
	if err != nil {
		return Stat{}, err
	}
	set, err := mem.openSet(mapping.Segment())
	if err != nil {
		return Stat{}, err
	}
	st, err := newGroup(mapping, mem, set).stat()
	if err == nil && look != nil {
		err = look(st, mem.guarded)
	}
	return st, err
}

func (g *Group) stat() (Stat, error) {
	values, err := g.set.Values()
	if err != nil {
		return Stat{}, err
	}
	st := Stat{Key: g.Key(), SegmentID: g.ID(), SetID: g.set.ID(), Processes: len(g.generations), Mutexes: make([]MutexStat, g.Len()),
		Memory: len(g.guarded), Format: g.format.String(), Ephemeral: g.ends != 0}
	for slot := range g.generations {
		if values[g.alive(slot)] == 0 {
			continue
		}
		pid, err := g.set.LastPID(g.alive(slot))
		if err != nil {
			return Stat{}, err
		}
		number := ownerWord(slot, g.generations[slot].Load())
		st.Members = append(st.Members, Member{slot, number, pid})
	}
	for i := range st.Mutexes {
		if st.Mutexes[i], err = g.statMutex(i); err != nil {
			return Stat{}, err
		}
	}
	for i := range g.shared {
		rw, err := g.statShared(i, values)
		if err != nil {
			return Stat{}, err
		}
		st.RWMutexes = append(st.RWMutexes, rw)
	}
	return st, nil
}

func (g *Group) statShared(i int, values []int) (st RWMutexStat, err error) {
	if st.Writer, err = g.statMutex(g.Len() + i); err != nil {
		return st, err
	}
	st.Writing = st.Writer.Held && g.shared[i].marked()&inMark != 0
	for slot := range g.usedSlots() {
		count := int(g.crowd(i, slot).word.Load() & inside)
		if count == 0 {
			continue
		}
		r := Reader{Slot: slot, Count: count, Dead: values[g.alive(slot)] == 0}
		if !r.Dead {
			if r.PID, err = g.set.LastPID(g.alive(slot)); err != nil {
				return st, err
			}
		}
		st.Readers = append(st.Readers, r)
	}
	return st, nil
}

func (g *Group) statMutex(i int) (MutexStat, error) {
	m := &g.mutexes[i]
	waiting, err := g.set.Waiters(g.wake(i))
	if err != nil {
		return MutexStat{}, err
	}
	st := MutexStat{Slot: -1, Waiters: waiting, Abandoned: m.marked()&abandonedMark != 0, Recoveries: int(m.recoveries.Load())}
	word := m.load()
	if word&^waiters == 0 || word&^waiters == removed {
		return st, nil
	}
	st.Held, st.Slot = true, slotOf(word)
	alive, err := alive(m, word)
	if err != nil {
		return st, err
	}
	if st.Dead = !alive || !same(m, word); !st.Dead {
		st.PID, err = g.set.LastPID(g.alive(st.Slot))
	}
	return st, err
}

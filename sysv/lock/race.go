package lock

import "example.com/sysvipc/sysv/internal/race"

// What the race detector is told, see package race.

func (m *Mutex) acquired()  { race.Acquire(race.LockFreed, m.group.ID(), m.index) }
func (m *Mutex) releasing() { race.Release(race.LockFreed, m.group.ID(), m.index) }

func (g *Group) removing()   { race.Release(race.LockRemoved, g.ID(), 0) }
func (g *Group) sawRemoved() { race.Acquire(race.LockRemoved, g.ID(), 0) }

// A reader is ordered after writers and before them, but not to other readers.

func (m *RWMutex) releasingAsReader() {
	race.Release(race.LockRead, m.writer.group.ID(), m.writer.index)
}

func (m *RWMutex) acquiredOfReaders() {
	race.Acquire(race.LockRead, m.writer.group.ID(), m.writer.index)
}
